"""A checked series as the source of a VTK pipeline."""
