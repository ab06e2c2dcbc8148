"""Private: many volumes, one after another."""
