"""`Index`: what an archive holds, in Parquet files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .._util.names import find_absolute_path
from .._util.optional import require
from .._util.public import public
from .._util.wording import describe_argument
from ..bulk.cluster import check_client
from ..catalog.data_frame import to_pandas
from ..catalog.index.stack_row import IndexedStack
from ..errors import DicomLoadError
from ..loading.options import check_count
from ..series import Series
from ..sources.remote.sharing import keep_connections

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping

    import distributed
    import pandas as pd

    from .._util.threads import Progress
    from ..catalog.index.counts import Counts
    from ..catalog.index.stack_row import Location
    from ..sources.resolve import RemotePath

    Path = str | os.PathLike[str]


@public
class Index:
    """What the headers of an archive say, in Parquet files: made by `Index.build`, read by `Index.open`.

    ``index.path`` holds ``files/bucket=NN/data.parquet``, a row a file, and ``stacks/data.parquet``, a row a stack;
    DuckDB, polars and pandas read them as they are. Needs ``vtkdicomload[index]``.

    A row of an index goes wherever a source does: ``load(row)``, ``load_many(index)``. Iterating over an index gives
    its rows, ``index["1.2.840…"]`` the `Series` of a SeriesInstanceUID, of the unique beginning of one, or of a row.

    Attributes
    ----------
    path : str
        The folder of the index.
    root : str
        What it is of.
    files_read : int
        Files that were opened for it by `build`: those that were new or had changed; 0 where it was opened.

    Examples
    --------
    >>> import vtkdicomload as vdl
    >>> index = vdl.Index.build("archive", "archive.index")  # doctest: +SKIP
    >>> volume = index["1.2.840.113619.2.5"].load()  # doctest: +SKIP
    >>> thin = [row for row in index if row.loads and row.spacing_z < 1]  # doctest: +SKIP
    >>> volumes = [loaded.volume for loaded in vdl.load_many(thin)]  # doctest: +SKIP
    """

    __slots__ = ("_location", "files_read")

    def __init__(self, location: Location, files_read: int = 0) -> None:
        self._location, self.files_read = location, files_read

    @classmethod
    def build(
        cls,
        root: Path | RemotePath,
        path: Path,
        *,
        archives: bool = False,
        storage_options: Mapping[str, Any] | None = None,
        identity: bool = False,
        patient_key: str | bytes | None = None,
        workers: int | None = None,
        client: distributed.Client | None = None,
        progress: Progress | None = None,
    ) -> Index:
        """Index a folder or archive, or bring its index up to date: only what is new or has changed is opened.

        A run that was stopped goes on where it was, but for the last few thousand files. Whoever reads meanwhile finds
        whole files. Rows hold paths, descriptions and UIDs, and no attribute that identifies a
        patient; but paths and descriptions may name patients where those who wrote them did.

        Parameters
        ----------
        root : path-like, URL or UPath
            The folder or archive to index, as `scan` walks it: on disk, or on a server (``s3://``, ``https://`` …).
        path : path-like
            The folder for the index, on disk and outside of the root; made where it does not exist.
        archives : bool
            Whether archives and compressed files in the folder are entered, as for `scan`.
        storage_options : mapping, optional
            How the server knows the caller, as for `scan`. They are not written down: give them to `open` again.
        identity : bool
            Whether PatientID and PatientName become columns of ``stacks``.
        patient_key : str or bytes, optional
            The secret that ``patient`` is made with: HMAC-SHA256 of PatientID, the same for all series of a patient.
            By default a random one in ``<path>.key``, which its owner alone may read. Whoever has the key can try out
            patient numbers: keep it apart from an index that is handed on.
        workers : int, optional
            Threads that read headers; more than one helps where storage is slow.
        client : distributed.Client, optional
            Read on the workers of a dask cluster, which see the root and the index under the same paths: each takes
            the files of some folders in the root, and writes their rows. Without it all is done in this process, also
            where a client is open.
        progress : callable, optional
            Called with (files done, files in all).

        Returns
        -------
        Index

        Raises
        ------
        NoDicomError
            There is no such root, or it is on a DICOMweb server.
        DicomLoadError
            Workers of the cluster died while they were at some folders; all others are done.
        ValueError
            The index would lie in its root, or was written by a later version of the package.
        BlockingIOError
            Another process is at the same index; the message says which, and since when.
        OSError
            The index cannot be written: the disk is full, the folder holds something else … Or the cluster has ended.
        ImportError
            pyarrow is not installed, or what the server of the root takes.
        """
        require("pyarrow", extra="index")
        from ..bulk.indexing import choose_run
        from ..catalog.index.about import locate_index
        from ..catalog.index.build import build_index, check_folder, divide_root
        from ..catalog.index.find_root import find_root
        from ..catalog.index.patients import settle_patients

        if workers is not None:
            check_count("workers", workers)
        check_client(client)
        with keep_connections():
            index, found = find_absolute_path("path", path), find_root(root, archives, storage_options)
            check_folder(index, found)
            found = divide_root(index, found)
            patients = settle_patients(index, identity=identity, key=patient_key)
            read = build_index(index, found, patients, choose_run(client), workers=workers, progress=progress)
        return cls(replace(locate_index(index, None), root=found), read)

    @classmethod
    def open(cls, path: Path, *, storage_options: Mapping[str, Any] | None = None) -> Index:
        """Open an index that was built. Nothing is locked: it may be brought up to date meanwhile.

        Parameters
        ----------
        path : path-like
            Its folder.
        storage_options : mapping, optional
            How the server of the archive knows the caller, as for `build`; its rows load by them.

        Raises
        ------
        FileNotFoundError
            There is no index, or it was never finished.
        ValueError
            It was written by another version of the package: the message says what to do.
        """
        require("pyarrow", extra="index")
        from ..catalog.index.about import locate_index

        return cls(locate_index(find_absolute_path("path", path), storage_options))

    @property
    def path(self) -> str:
        """The folder of the index."""
        return self._location.index

    @property
    def root(self) -> str:
        """What it is of: an absolute path, or a URL without credentials."""
        return self._location.root.name

    @property
    def counts(self) -> Counts:
        """How many files, series and stacks there are; ``.loads`` of the stacks would load."""
        from ..catalog.index.counts import count_index

        return count_index(self.path)

    def __iter__(self) -> Iterator[IndexedStack]:
        from ..catalog.index.restore import read_stacks

        return read_stacks(self._location)

    def __len__(self) -> int:
        from ..catalog.index.about import count_stacks

        return count_stacks(self.path)

    def __getitem__(self, series: str | IndexedStack) -> Series:
        """The series of a SeriesInstanceUID, or of the beginning of one that no other has; or of a row."""
        from ..catalog.index.restore import list_series_uids, read_stacks, restore_series

        if isinstance(series, IndexedStack):
            return Series.of(restore_series(series))
        if not isinstance(series, str) or not series:
            raise TypeError(f"an index is asked for a SeriesInstanceUID or a row, not for {describe_argument(series)}")
        uids = {uid for uid in list_series_uids(self.path) if uid and uid.startswith(series)}
        found = {series} if series in uids else uids
        if len(found) != 1:
            what = f"given as {describe_argument(series)}"
            raise DicomLoadError(f"{len(found)} series of the index {self.path} have the UID, or its beginning, {what}")
        rows = {row.study_uid: row for row in read_stacks(self._location, *found)}
        if len(rows) > 1:
            raise DicomLoadError(f"{len(rows)} studies of the index {self.path} have the series {series}: load a row")
        return Series.of(restore_series(next(iter(rows.values()))))

    def to_table(self) -> list[IndexedStack]:
        """List what each stack is, in plain values: a row a stack."""
        return list(self)

    def to_pandas(self) -> pd.DataFrame:
        """Return `to_table` as a DataFrame. Needs ``vtkdicomload[pandas]``."""
        return to_pandas(self.to_table(), IndexedStack)

    def __repr__(self) -> str:
        return f"<Index {self.path} of {self.root}: {len(self)} stacks>"
