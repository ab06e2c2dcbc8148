"""The backend of xarray: ``xr.open_dataset(path, engine="vtkdicomload")``.

xarray imports this module to learn which engines there are, whatever it is about to open: everything else of this
package is imported on use.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar

from xarray.backends import BackendEntrypoint

from ..stacks.tolerances import GAP_TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import xarray as xr
    from numpy.typing import DTypeLike

    from ..catalog.find import Ignore
    from ..loading.options import Engine, Irregular, Options, Order, Rescale, Verify
    from ..series import SeriesChoice

_SUFFIXES = (".dcm", ".dicom", ".ima")
_INDEX = "DICOMDIR"


class DicomBackend(BackendEntrypoint):
    """Opens a DICOM series at a source as a Dataset with the variable `image`, read where it is indexed.

    The options are those of `vtkdicomload.open`; its `engine`, the reader, is `reader` here.
    """

    description: ClassVar[str] = "DICOM series as checked volumes (vtkdicomload)"
    supports_groups: ClassVar[bool] = True
    # By hand: xarray would look at the signature, and refuse any engine where one says **options.
    open_dataset_parameters: ClassVar[tuple[str, ...] | None] = (
        "filename_or_obj",
        "drop_variables",
        "series",
        "stack",
        "order",
        "irregular",
        "tolerance",
        "ignore",
        "archives",
        "storage_options",
        "reader",
        "rescale",
        "dtype",
        "verify",
        "workers",
        "max_bytes",
    )

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Tell whether it is the path of a file that is named as one of DICOM; nothing is opened, nothing raised."""
        if not isinstance(filename_or_obj, (str, os.PathLike)):
            return False
        try:
            path = os.fsdecode(filename_or_obj)
            name = os.path.basename(path)
            named = name.lower().endswith(_SUFFIXES) or name == _INDEX
            return named and os.path.isfile(path)
        except (TypeError, ValueError, OSError):
            return False

    def open_dataset(
        self,
        filename_or_obj: Any,
        *,
        drop_variables: str | Iterable[str] | None = None,
        series: SeriesChoice | None = None,
        stack: SeriesChoice | None = None,
        order: Order = "position",
        irregular: Irregular = "raise",
        tolerance: float = GAP_TOLERANCE,
        ignore: Ignore = (),
        archives: bool = False,
        storage_options: Mapping[str, Any] | None = None,
        reader: Engine = "auto",
        rescale: Rescale = True,
        dtype: DTypeLike | None = None,
        verify: Verify = "probe",
        workers: int | None = None,
        max_bytes: int | None = None,
    ) -> xr.Dataset:
        """Open one series, or one stack of it; see `vtkdicomload.open`."""
        from .dataset import make_dataset
        from .opening import Meant, OpenedImage, open_image

        if isinstance(filename_or_obj, OpenedImage):  # from `vtkdicomload.open`
            return make_dataset(filename_or_obj, drop_variables)
        options = _make_options(
            order=order,
            irregular=irregular,
            tolerance=tolerance,
            reader=reader,
            rescale=rescale,
            dtype=dtype,
            verify=verify,
            workers=workers,
            max_bytes=max_bytes,
        )
        meant = Meant(series, stack, ignore, archives, storage_options)
        return make_dataset(open_image(filename_or_obj, options, meant), drop_variables)

    def open_groups_as_dict(
        self,
        filename_or_obj: Any,
        *,
        drop_variables: str | Iterable[str] | None = None,
        ignore: Ignore = (),
        archives: bool = False,
        storage_options: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> dict[str, xr.Dataset]:
        """Open every series: a group ``/series_0`` for each, ``/series_0/grid_1`` where its volumes lie on several."""
        from .dataset import make_dataset
        from .opening import Meant, open_all

        checked = _make_options(**options)
        meant = Meant(ignore=ignore, archives=archives, storage_options=storage_options)
        opened = list(open_all(filename_or_obj, checked, meant))
        several = Counter(row for row, _, _ in opened)
        return {
            f"/series_{row}" + (f"/grid_{place}" if several[row] > 1 else ""): make_dataset(image, drop_variables)
            for row, place, image in opened
        }

    def open_datatree(self, filename_or_obj: Any, **options: Any) -> xr.DataTree:
        """Open every series as a tree; see `open_groups_as_dict`."""
        from xarray import DataTree

        tree: DataTree = DataTree.from_dict(self.open_groups_as_dict(filename_or_obj, **options))
        return tree


def _make_options(reader: Engine = "auto", **options: Any) -> Options:
    """The options of `load`, whose `engine` is the reader: that of xarray is the backend."""
    from ..loading.options import make_options

    return make_options(engine=reader, **options)
