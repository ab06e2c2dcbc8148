"""Optional libraries, imported where they are used."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any


def require(module: str, *, extra: str) -> Any:
    """An optional library, imported.

    Parameters
    ----------
    module : str
        Its name for `import`.
    extra : str
        The extra of this package that installs it.

    Raises
    ------
    ImportError
        It is not installed, or does not work here; the message holds the command that installs it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            f'{module} is needed here ({error}) → {sys.executable} -m pip install "vtkdicomload[{extra}]"', name=module
        ) from error
