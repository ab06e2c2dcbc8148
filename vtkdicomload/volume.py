"""`Volume`: a loaded stack, with all that becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from ._util.public import public
from ._util.wording import describe_argument
from .pictures.pictured import PicturedVolume

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from typing import Self

    import nibabel
    import pyvista
    import SimpleITK
    import xarray
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkRenderingCore import vtkCamera

    from ._util.arrays import Pixels
    from .loading.volume_data import VolumeData
    from .pictures.planes import Plane, PlaneName


@public
class Volume(PicturedVolume):
    """The pixels of one stack and where they lie in the patient. Made by `vtkdicomload.load`.

    Three views share one memory, and voxel (x, y, z) is the same in all of them:

    * `frames`, NumPy's way: shape (nz, ny, nx), or (nz, ny, nx, 3) for colour; slices ascend along row × column of
      ImageOrientationPatient, row 0 is the first stored one;
    * `array`, the same by index (x, y, z): shape (nx, ny, nz), or (nx, ny, nz, 3);
    * `image`, a vtkImageData.

    `affine`, `spacing`, `origin`, `direction`, `extent`, `axes` and `edges` are those of all three, and of what
    `to_xarray`, `to_pyvista`, `to_sitk` and `to_nibabel` make.

    Attributes
    ----------
    frames : numpy.ndarray
        The pixels, (z, y, x) or (z, y, x, 3), C-contiguous.
    geometry : Geometry
        Where the voxels lie, by their index (x, y, z).
    series : Series
        The frames that were read: ``series.frames[z]`` for ``frames[z]``, unless slices were interpolated, or
        the volume was `reorient`ed, cropped or padded.
    rescaled : bool
        Whether the values went through the modality transform (``rescale=True``).
    engine : str
        The reader that filled the memory.
    checks : tuple of Check
        What was verified.
    ignored : tuple of str
        Files that ``ignore=`` left out.
    """

    _image: vtkImageData | None = None

    @classmethod
    def of(cls, data: VolumeData) -> Self:
        """The same pixels as a `Volume`."""
        return cls(
            data.frames,
            data.geometry,
            data.series,
            rescaled=data.rescaled,
            engine=data.engine,
            checks=data.checks,
            ignored=data.ignored,
        )

    # ------------------------------------------------------------------------------------------ VTK
    @property
    def image(self) -> vtkImageData:
        """A vtkImageData over the same memory, made on first use: spacing, origin and direction matrix in LPS.

        Without position and orientation in the files it has its spacing alone, rows counted along y from 0.

        Raises
        ------
        GeometryError
            Uneven slices, which no affine describes → ``load(…, irregular="resample")``, or `to_xarray`.
        """
        if self._image is None:
            from .conversions.vtk import make_image

            self._image = make_image(self)
        return self._image

    def image_as(self, convention: Literal["patient", "vtk"]) -> vtkImageData:
        """A new vtkImageData in one of two conventions.

        Parameters
        ----------
        convention : {"patient", "vtk"}
            ``"patient"``: like `image`, over the same memory. ``"vtk"``: a copy laid out as by vtkDICOMImageReader,
            rows from the bottom up, slices from the last to the first, origin 0 and no direction; of sheared slices
            the spacing is their perpendicular distance, and the shear is lost.

        Raises
        ------
        ValueError
            Another convention.
        GeometryError
            As `image`.
        """
        from .conversions.vtk import copy_as_vtk, make_image

        if convention == "patient":
            return make_image(self)
        if convention == "vtk":
            return copy_as_vtk(self)
        raise ValueError(f'convention must be "patient" or "vtk", not {describe_argument(convention)}')

    def face(self, camera: vtkCamera) -> None:
        """Let a camera look at the slices of `image` as they are stored: row 0 at the top, column 0 at the left.

        It is put before the first slice and looks along row × column, the columns running down: an axial slice shows
        the patient's left on the right. The projection becomes parallel, with the whole slice in a square window.

        Parameters
        ----------
        camera : vtkCamera
            Of a renderer that shows `image`.

        Raises
        ------
        GeometryError
            As `image`.
        """
        from .conversions.vtk import face

        face(self.geometry, camera)

    # ------------------------------------------------------------------------------------------ pictures
    def plane(
        self,
        name: PlaneName | Sequence[float] = "axial",
        point: Sequence[float] | None = None,
        *,
        index: int | None = None,
        mm: float | None = None,
    ) -> Plane:
        """One plane of the patient, upright as radiologists look at it; the middle one by default.

        Parameters
        ----------
        name : {"axial", "coronal", "sagittal"}, or a normal (x, y, z)
            By name the axis of the volume that runs most nearly along the plane's normal is cut, never a plane in
            between: of an oblique volume the plane leans, and `Plane.name` says by how much. A direction in LPS cuts
            just across it, interpolated linearly (labels: the nearest) on square pixels of the volume's finest
            spacing; the picture stands as the named plane does that it is nearest to.
        point : (x, y, z), optional
            LPS mm of a place that the plane runs through, or of the named planes the nearest to.
        index : int, optional
            Counted as in ``reorient("LPS")``: axial from the feet, coronal from the front, sagittal from the patient's
            right, from 0; negative from the other end.
        mm : float, optional
            The plane nearest to this coordinate along the normal, in LPS mm: z of an axial plane, y of a coronal, x of
            a sagittal one. Of an oblique volume it is position · normal.

        Returns
        -------
        Plane
            ``.pixels`` (rows, columns), a view with row 0 at the top; ``.spacing``, ``.letters``, ``.name``,
            ``.index``, ``.mm``, ``.extent`` for matplotlib's ``imshow``.

        Raises
        ------
        ValueError
            Another name, more than one of `point`, `index` and `mm`, one of the last two for an oblique plane, or a
            plane outside the volume; the message gives the range.
        GeometryError
            The files hold no position or orientation, or the slices lie on no regular grid and cannot be cut so.
        """
        from .pictures.cutting import plane

        return plane(self, name, point, index=index, mm=mm)

    # ------------------------------------------------------------------------------------------ other libraries, files
    def to_xarray(self) -> xarray.DataArray:
        """An xarray.DataArray over the same memory, with coordinates in mm.

        Returns
        -------
        xarray.DataArray
            Dimensions z, y, x (and component) as in `frames`; for the frames of a run frame_time in ms, or frame, in
            the place of z. The coordinates x, y, z are mm along the axes of the volume: the LPS position of a voxel is
            D · (x, y, z), the attribute ``direction`` of the scalar coordinate ``patient`` being D row by row. For an
            axial volume they are LPS mm. Uneven slices have their true places along the normal, and ``position_x``,
            ``position_y``, ``position_z``, LPS mm of the first pixel of each. Without position or orientation they
            are mm from the first voxel. `vtkdicomload.affine_of` gives the affine of the
            array, or of any part of it; ``array.dicom`` selects in mm and makes a volume again.
            Attributes, where known: units, modality, description, photometric_interpretation, window, padding_value
            and padding_range.

        Raises
        ------
        GeometryError
            The slices do not follow each other in space (an `order` that is not monotone).
        ImportError
            xarray is not installed; the message says how to.
        """
        from .conversions.accessor import register
        from .conversions.xarray import to_xarray

        register(type(self))
        return to_xarray(self)

    @classmethod
    def from_xarray(cls, array: xarray.DataArray) -> Self:
        """A volume of an xarray.DataArray from `open` or `to_xarray`: of a part of one, or of what became of it.

        Its place is what `affine_of` says. `series` knows no files, only what the attributes of the array say. What is
        lazy is computed. ``array.dicom.to_volume()`` is the same.

        Raises
        ------
        GeometryError
            A coordinate is missing, not even or not a number.
        ValueError, TypeError
            A dimension beside z, y, x and component is longer than one; no array of xarray, or one of no numbers.
        """
        from .conversions.from_xarray import make_volume

        return make_volume(cls, array)

    def to_pyvista(self) -> pyvista.ImageData:
        """A pyvista.ImageData over the same memory: `image` as PyVista's class.

        Returns
        -------
        pyvista.ImageData
            Spacing, origin and direction matrix in LPS mm; no pixel is copied unless `image` has to (`reorient`).

        Raises
        ------
        GeometryError
            Uneven slices, which no affine describes.
        ImportError
            PyVista is not installed; the message says how to.

        Warns
        -----
        DicomLoadWarning
            The files do not say where the volume lies.
        """
        from .conversions.pyvista import to_pyvista

        return to_pyvista(self)

    def to_sitk(self) -> SimpleITK.Image:
        """A SimpleITK.Image with a copy of the pixels (SimpleITK always copies).

        Returns
        -------
        SimpleITK.Image
            Spacing, origin and direction in LPS mm (not orthogonal where the volume is sheared); colour is a vector
            image; ``GetArrayFromImage`` gives `frames` again.

        Raises
        ------
        GeometryError
            Uneven slices, which no affine describes.
        ImportError
            SimpleITK is not installed; the message says how to.

        Warns
        -----
        DicomLoadWarning
            The files do not say where the volume lies.
        """
        from .conversions.sitk import to_sitk

        return to_sitk(self)

    def to_nibabel(self) -> nibabel.Nifti1Image:
        """A nibabel.Nifti1Image over the same memory.

        Returns
        -------
        nibabel.Nifti1Image
            Index (x, y, z) for ``frames[z, y, x]``, a transposed view; colour as nibabel's structured RGB. The affine
            (RAS mm) is in sform and qform with code 1 (scanner); in the sform alone where it is sheared, in neither
            where the files do not say where the volume lies.

        Raises
        ------
        GeometryError
            Uneven slices, which no affine describes.
        UnsupportedPixelDataError
            Colour of 16 bits, or an axis longer than 32767: NIfTI-1 holds neither.
        ImportError
            nibabel is not installed; the message says how to.
        """
        from .conversions.nibabel import to_nibabel

        return to_nibabel(self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the volume as one file of another format, without anything that names the patient.

        The file appears whole or not at all. One that exists is replaced once the new one is written.

        Parameters
        ----------
        path : path-like
            Its suffix says the format: ``.vti``, ``.nii``, ``.nii.gz``, ``.mha``, ``.nrrd``, ``.npz``, ``.zarr`` or
            ``.ome.zarr``.

        Raises
        ------
        ValueError
            Another suffix.
        GeometryError
            Uneven slices, which no affine describes → ``load(…, irregular="resample")``.
        UnsupportedPixelDataError
            The format does not hold these pixels.
        OSError
            There is no such folder, the path is a folder (or no Zarr store), or the file could not be written.
        ImportError
            The library that writes the format is not installed; the message says how to.

        Warns
        -----
        DicomLoadWarning
            The files do not say where the volume lies, and the format holds an origin all the same.
        """
        from .conversions.files import save

        save(self, path)

    # ------------------------------------------------------------------------------------------ protocols
    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_image": None}  # VTK's objects do not pickle

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Pixels:
        # Without it NumPy makes an array of one Python object, silently.
        raise TypeError("a volume has two arrays: volume.frames (z, y, x) and volume.array (x, y, z), of one memory")

    def __repr__(self) -> str:
        from .loading.facts import write_facts

        return write_facts(self)

    def _repr_html_(self) -> str:
        from .pictures.notebook import write_html

        return write_html(self)
