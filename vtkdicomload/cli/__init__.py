"""Private: the command line, a module a command."""
