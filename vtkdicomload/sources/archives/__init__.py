"""Private: files inside of archives, read without unpacking them to disk."""
