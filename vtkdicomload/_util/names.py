"""File names: their natural order, and whether C++ can be given them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    Path = str | os.PathLike[str]


def natural_key() -> Any:
    """The sort key of file names in natural order: ``MR2`` before ``MR10`` (natsort)."""
    from natsort import natsort_keygen, ns

    return natsort_keygen(alg=ns.PATH)


def is_utf8(path: str) -> bool:
    """Tell whether the C++ of VTK and ITK can be given the path; SimpleITK ends the process where it cannot."""
    try:
        os.path.abspath(path).encode()
    except UnicodeEncodeError:
        return False
    return True
