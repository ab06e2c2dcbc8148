"""Private: objects on servers, by the file systems of fsspec; they are read by ranges, many at the same time."""
