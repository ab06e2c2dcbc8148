"""Private: from a stack to checked pixels in memory."""
