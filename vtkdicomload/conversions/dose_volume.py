"""Dose-volume histograms: how much of a structure gets how much dose."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from .._util.public import public
from .._util.warnings import warn
from .._util.wording import describe_argument
from ..loading.volume_data import VolumeData
from .doses import require_dose
from .measure import check_mask, measure_voxels

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from .._util.arrays import Floats, Pixels


@public
@dataclass(frozen=True, slots=True, eq=False)
class DoseVolumeHistogram:
    """The amount of a structure that gets each dose: of every voxel by itself, without bins.

    Attributes
    ----------
    doses : numpy.ndarray, shape (n,), float64
        The dose of each voxel of the structure that the dose grid covers, in Gy, ascending.
    volumes : numpy.ndarray, shape (n,), float64
        The volume of each of those voxels in ml.
    uncovered : float
        The volume of the structure outside the dose grid in ml: not part of any figure below but `volume`.
    summation : str or None
        DoseSummationType of the file: PLAN, FRACTION, BEAM …
    """

    doses: Floats
    volumes: Floats
    uncovered: float
    summation: str | None

    @property
    def volume(self) -> float:
        """The volume of the structure in ml."""
        return float(self.volumes.sum()) + self.uncovered

    @property
    def minimum(self) -> float:
        """The smallest dose in Gy."""
        return float(self.doses[0])

    @property
    def mean(self) -> float:
        """The mean dose in Gy."""
        return float(self.doses @ self.volumes / self.volumes.sum())

    @property
    def maximum(self) -> float:
        """The largest dose in Gy."""
        return float(self.doses[-1])

    def dose_at(self, percent: float | None = None, *, ml: float | None = None) -> float:
        """Dx: the dose in Gy that the hottest part of the covered volume gets at least.

        Parameters
        ----------
        percent : float, optional
            How large that part is, 0 to 100: ``dose_at(95)`` is D95%.
        ml : float, optional
            The same in ml: ``dose_at(ml=2)`` is D2cc.

        Raises
        ------
        ValueError, TypeError
            Both, none, more than there is, or no number.
        """
        for name, value in (("percent", percent), ("ml", ml)):
            if value is not None and not isinstance(value, Real):
                raise TypeError(f"{name} must be a number, not {describe_argument(value)}")
        total = float(self.volumes.sum())
        if (percent is None) == (ml is None):
            raise ValueError("a part of the volume is given in percent or in ml")
        wanted = total * percent / 100 if percent is not None else float(ml or 0)
        if not 0 < wanted <= total * (1 + 1e-9):
            raise ValueError(f"the part must be above 0 and up to {total:g} ml, not {wanted:g} ml")
        hottest = np.cumsum(self.volumes[::-1])
        row = int(np.searchsorted(hottest, wanted * (1 - 1e-9)))
        return float(self.doses[::-1][min(row, len(hottest) - 1)])

    def volume_at(self, gray: float) -> float:
        """Vx: the volume in ml that gets a dose or more.

        Raises
        ------
        ValueError, TypeError
            `gray` is no number.
        """
        if not isinstance(gray, Real):
            raise TypeError(f"gray must be a number, a dose in Gy, not {describe_argument(gray)}")
        if gray != gray:
            raise ValueError("a dose in Gy is needed, not nan")
        return float(self.volumes[np.searchsorted(self.doses, gray) :].sum())

    def cumulative(self, edges: ArrayLike) -> Floats:
        """The volume in ml that gets each of the doses in Gy, or more."""
        above = np.concatenate([np.cumsum(self.volumes[::-1])[::-1], [0.0]])
        result: Floats = above[np.searchsorted(self.doses, np.asarray(edges, np.float64))]
        return result

    def differential(self, edges: ArrayLike) -> Floats:
        """The volume in ml between each two edges in Gy, the last one with its upper edge."""
        counted: Floats = np.histogram(self.doses, np.asarray(edges, np.float64), weights=self.volumes)[0]
        return counted

    def __repr__(self) -> str:
        doses = f"{self.minimum:.4g} to {self.maximum:.4g} Gy, mean {self.mean:.4g}"
        outside = f", {self.uncovered:.4g} ml outside the dose grid" if self.uncovered else ""
        return (
            f"<DoseVolumeHistogram {self.volume:.4g} ml: {doses}, {self.summation or 'no DoseSummationType'}{outside}>"
        )


def dvh(dose: VolumeData, mask: Pixels) -> DoseVolumeHistogram:
    """Make the dose-volume histogram of a structure.

    Parameters
    ----------
    dose : Volume
        An RT dose on the grid of the mask: ``vdl.load("dose").resampled(like=ct)``, which is not known (NaN) outside.
    mask : numpy.ndarray, (nz, ny, nx), bool
        As of ``ct.mask_of("rtstruct.dcm", "heart")``.

    Returns
    -------
    DoseVolumeHistogram
        ``.dose_at(95)``, ``.dose_at(ml=2)``, ``.volume_at(20)``, ``.mean`` …, ``.cumulative(edges)``.

    Raises
    ------
    ValueError
        No mask of that grid, an empty one, or one that lies outside the dose.
    UnsupportedPixelDataError
        No dose, one in other units than Gy, or a difference of doses (DoseType ERROR).

    Warns
    -----
    DicomLoadWarning
        A part of the structure lies outside the dose grid.
    """
    if not isinstance(dose, VolumeData):
        raise TypeError(f"dose must be a Volume, not {describe_argument(dose)}")
    array = check_mask(dose, mask)
    kind = require_dose(dose)
    if not array.any():
        raise ValueError("the mask holds no voxel, so it has no dose")
    volumes = np.broadcast_to(measure_voxels(dose)[:, None, None], array.shape)[array]
    doses = dose.frames[array].astype(np.float64)
    known = ~np.isnan(doses)
    if not known.any():
        raise ValueError("no voxel of the mask lies in the dose grid")
    uncovered = float(volumes[~known].sum())
    if uncovered:
        part = uncovered / volumes.sum()
        warn(f"{uncovered:.4g} ml of the structure ({part:.1%}) lie outside the dose grid and in no figure")
    order = np.argsort(doses[known], kind="stable")
    return DoseVolumeHistogram(doses[known][order], volumes[known][order], uncovered, kind.summation)
