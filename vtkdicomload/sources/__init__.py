"""Private: what a source means, and where its bytes are."""
