"""From what a caller names to the root of an index."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ..._util.wording import describe_argument
from ...errors import NoDicomError
from ...errors.remedies import LoadFolder, Use
from ...sources.dicomdir import is_named_as_dicomdir
from ...sources.dicomweb.address import find_address
from ...sources.remote.find import Finder, check_storage_options
from ...sources.remote.urls import find_local_path, is_upath, is_url
from .local_root import LocalRoot
from .remote_root import RemoteRoot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .root import Root


def find_root(source: Any, archives: bool, storage_options: Mapping[str, Any] | None) -> Root:
    """Find what is to be indexed.

    Raises
    ------
    NoDicomError
        There is nothing, or something that is not indexed.
    TypeError
        It is neither a path nor a URL.
    """
    options = check_storage_options(storage_options)
    address = find_address(source)
    if address is not None:
        raise NoDicomError(
            f"{address.url} is on a DICOMweb server, which is asked rather than indexed",
            remedies=[Use("scan(url) for a table of it"), Use("convert(url, folder) for files of it")],
        )
    path = _find_local_path(source)
    if path is None:
        return _find_remote_root(source, archives, options)
    if os.path.isdir(path):
        return LocalRoot(path, archives, is_file=False)
    if not os.path.isfile(path):
        raise NoDicomError(f"there is no folder and no archive {path}", files=[path])
    if is_named_as_dicomdir(path):
        folder = os.path.dirname(path)
        raise NoDicomError(f"{path} lists files of its folder", files=[path], remedies=[LoadFolder(folder)])
    return LocalRoot(path, archives, is_file=True)


def _find_local_path(source: Any) -> str | None:
    """The absolute path of a source on disk; None where it is the URL of one that is not."""
    if is_url(source):
        local = find_local_path(str(source))
        return None if local is None else os.path.abspath(local)
    try:
        return os.path.abspath(os.fsdecode(source))
    except TypeError:
        kinds = "the path or URL of a folder or an archive"
        raise TypeError(f"root must be {kinds}, not {describe_argument(source)}") from None


def _find_remote_root(source: Any, archives: bool, options: Mapping[str, Any]) -> RemoteRoot:
    found = Finder(options, recursive=False).find(source)
    if found.inside:
        raise NoDicomError(f"{found.name} is indexed as a whole, not {found.inside} in it", files=[found.name])
    own = dict(source.storage_options) if is_upath(source) else {}
    return RemoteRoot(found.name, archives, found.is_file, url=str(source), options={**own, **options})


def restore_root(
    name: str, *, archives: bool, is_file: bool, depth: int, storage_options: Mapping[str, Any] | None
) -> Root:
    """Make the root of an index again, of which nothing is looked at."""
    options = check_storage_options(storage_options)
    if is_url(name):
        return RemoteRoot(name, archives, is_file, depth, url=name, options=options)
    return LocalRoot(name, archives, is_file, depth)
