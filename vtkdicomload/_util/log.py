"""The logger of the package: reasons of choices, at DEBUG alone; never what identifies a patient, or a file's contents.

``logging.getLogger("vtkdicomload").setLevel(logging.DEBUG)`` with a handler shows them; nothing is shown without.
"""

from __future__ import annotations

import logging

logger = logging.getLogger("vtkdicomload")
logger.addHandler(logging.NullHandler())


def is_logging() -> bool:
    """Tell whether someone listens, where the words themselves cost something."""
    return logger.isEnabledFor(logging.DEBUG)
