"""Private: a volume as an object of another library, or as a file."""
