"""The series that comes with the package; its licence is in ``LICENSES``."""

from pathlib import Path

HEAD = Path(__file__).parent / "ct_head"
"""The folder of a head CT, 93 slices of 64 × 64 pixels."""
