"""Volumes as pictures: planes, plots, sheets, renderings and surfaces."""
