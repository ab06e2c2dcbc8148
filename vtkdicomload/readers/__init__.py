"""Private: from a frame to its pixels, a module a reader, and the choice between them."""
