"""pydicom without its warnings: what is odd in a file is said by this package, in its own words."""

from __future__ import annotations

import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILTERS = threading.Lock()


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Silence warnings; the filters belong to the whole process, hence one thread at a time."""
    with _FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
