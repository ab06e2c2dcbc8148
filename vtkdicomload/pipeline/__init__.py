"""Private: a checked series as the source of a VTK pipeline."""
