"""Private: the series at a source: found, listed, chosen."""
