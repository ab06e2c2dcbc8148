"""Private: what one kind of object says of its frames, a module a kind."""
