"""Volume.save: other programs find the same values at the same places, and nothing of the patient."""

from __future__ import annotations

import errno
import gc
import gzip
import os
import re
import shutil
import sys
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import dask
import nibabel
import numpy as np
import pytest
import SimpleITK
import xarray
import zarr
from full_disk import largest_file
from patient_space import Slice, sample, slices_of
from synthetic import Truth
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkIOImage import vtkNIFTIImageReader
from vtkmodules.vtkIOXML import vtkXMLImageDataReader
from zarr.core.sync import cleanup_resources

import vtkdicomload as vdl
from vtkdicomload import Volume
from vtkdicomload.conversions.files import suffix_of

if TYPE_CHECKING:
    from pydicom import Dataset

Write = Callable[..., Truth]

DATA = Path(__file__).parents[1] / "data"
SUFFIXES = (".vti", ".nii", ".nii.gz", ".mha", ".nrrd", ".npz", ".zarr")
REAL = (
    "small_ct",
    "mr_plain4",
    "slope_per_slice",
    "mr_small_slope",
    "rgb_stack",
    "enh_mr_phase",
    "rtdose_32bit",
)
SHAPES: dict[str, Callable[[Path], Volume]] = {
    "loaded": vdl.load,
    "reoriented": lambda folder: vdl.load(folder).reorient("SRA"),
}
RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


@pytest.fixture(autouse=True)
def _no_threads_of_zarr() -> Iterator[None]:
    """End the threads that zarr starts on first use and keeps: other tests count threads."""
    yield
    cleanup_resources()


@pytest.mark.parametrize("name", ["small_ct", "rgb_stack", "mr_small_slope"])
def test_nifti_is_written_as_nibabel_writes_it(tmp_path: Path, name: str) -> None:
    volume = vdl.load(DATA / name)
    image = volume.to_nibabel()
    for suffix in (".nii", ".nii.gz"):
        volume.save(tmp_path / f"a{suffix}")
    assert (tmp_path / "a.nii").read_bytes() == image.to_bytes()
    packed = (tmp_path / "a.nii.gz").read_bytes()
    inflater = zlib.decompressobj(16 + zlib.MAX_WBITS)  # of one member
    assert inflater.decompress(packed) == image.to_bytes()
    assert (inflater.eof, inflater.unused_data) == (True, b"")
    assert gzip.decompress(packed) == image.to_bytes()


def test_an_ome_zarr_store_is_none_of_xarray(series: Write, tmp_path: Path) -> None:
    truth = series("in")
    with ThreadPoolExecutor(2) as pool, dask.config.set(scheduler="threads", pool=pool):  # those of dask's own stay
        vdl.load(truth.folder).save(tmp_path / "a.ome.zarr")
    group = zarr.open_group(tmp_path / "a.ome.zarr", mode="r")
    (meta,) = group.attrs["ome"]["multiscales"]
    np.testing.assert_array_equal(group[meta["datasets"][0]["path"]][...], truth.frames)


def test_a_full_disk_is_told_of_the_file_that_was_to_be(series: Write, tmp_path: Path) -> None:
    volume = vdl.load(series("in", rows=200, columns=200).folder)
    with largest_file(100_000), pytest.raises(OSError, match=r"File too large|No space") as caught:
        volume.save(tmp_path / "a.nii")
    assert caught.value.filename == str(tmp_path / "a.nii")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_full_disk_is_told_of_what_itk_writes(series: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volume = vdl.load(series().folder)

    def fail(*_: object) -> None:
        raise RuntimeError("it does not say why")

    monkeypatch.setattr("SimpleITK.WriteImage", fail)
    with pytest.raises(OSError, match="SimpleITK could not write it: it does not say why"):
        volume.save(tmp_path / "a.mha")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=volume.frames.nbytes - 1))
    with pytest.raises(OSError, match="No space left") as caught:
        volume.save(tmp_path / "a.mha")
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(tmp_path / "a.mha"))
    assert [*tmp_path.glob("a*")] == []


# ------------------------------------------------------------------------------------------------------ readers
class Found(NamedTuple):
    """What another program reads."""

    voxels: np.ndarray[Any, Any]  # (nx, ny, nz) or (nx, ny, nz, 3)
    affine: np.ndarray[Any, Any] | None  # index → LPS mm, as that program computes it


def by_vtk(path: Path) -> Found:
    reader: Any = vtkXMLImageDataReader()
    reader.SetFileName(str(path))
    reader.Update()
    image = reader.GetOutput()
    return Found(_voxels_of_vtk(image), _affine_by(lambda index: _point_of_vtk(image, index)))


def by_vtk_nifti(path: Path) -> Found:
    reader: Any = vtkNIFTIImageReader()
    reader.SetFileName(str(path))
    reader.Update()
    image, matrix = reader.GetOutput(), reader.GetSFormMatrix()
    if matrix is None:
        return Found(_voxels_of_vtk(image), None)
    # It maps positions of the image, whose origin is 0 and which has no direction.
    affine = np.array([[matrix.GetElement(i, j) for j in range(4)] for i in range(4)])
    return Found(_voxels_of_vtk(image), RAS_TO_LPS @ affine @ np.diag([*image.GetSpacing(), 1.0]))


def _voxels_of_vtk(image: Any) -> np.ndarray[Any, Any]:
    scalars = vtk_to_numpy(image.GetPointData().GetScalars())
    components = scalars.shape[1:]
    return scalars.reshape(*image.GetDimensions()[::-1], *components).swapaxes(0, 2).copy()


def _point_of_vtk(image: Any, index: tuple[int, int, int]) -> list[float]:
    point = [0.0, 0.0, 0.0]
    image.TransformIndexToPhysicalPoint(*index, point)
    return point


def by_itk(path: Path) -> Found:
    image = SimpleITK.ReadImage(str(path))
    frames = SimpleITK.GetArrayFromImage(image)
    return Found(frames.swapaxes(0, 2), _affine_by(image.TransformIndexToPhysicalPoint))


def by_nibabel(path: Path) -> Found:
    image = nibabel.load(path)
    voxels = np.asarray(image.dataobj)
    if voxels.dtype.names:
        voxels = np.stack([voxels[name] for name in voxels.dtype.names], -1)
    return Found(voxels, RAS_TO_LPS @ image.affine)


def by_hand(path: Path) -> Found:
    """MetaImage (ITK's documentation of MetaIO) and NRRD (its definition of the format), read with numpy alone."""
    data = path.read_bytes()
    if path.suffix == ".mha":
        head, rest = data.split(b"ElementDataFile = LOCAL\n", 1)
        said = dict(line.split(" = ") for line in head.decode().strip().splitlines())
        sizes = [int(n) for n in said["DimSize"].split()]
        rows = np.array(said["TransformMatrix"].split(), float).reshape(3, 3)
        steps = rows * np.array(said["ElementSpacing"].split(), float)[:, None]
        origin = np.array(said["Offset"].split(), float)
        components, kind = int(said.get("ElementNumberOfChannels", 1)), said["ElementType"]
    else:
        text, rest = data.split(b"\n\n", 1)
        said = dict(line.split(": ", 1) for line in text.decode().splitlines() if ": " in line)
        assert said["space"] == "left-posterior-superior"
        assert said["encoding"] == "raw"
        vectors = re.findall(r"\(([^)]*)\)", said["space directions"])
        steps = np.array([v.split(",") for v in vectors], float)
        origin = np.array(said["space origin"].strip("()").split(","), float)
        sizes = [int(n) for n in said["sizes"].split()]
        components = sizes.pop(0) if len(sizes) == 4 else 1
        kind = said["type"]
    dtype = {
        **{"MET_UCHAR": "u1", "MET_CHAR": "i1", "MET_USHORT": "u2", "MET_SHORT": "i2"},
        **{"MET_UINT": "u4", "MET_INT": "i4", "MET_FLOAT": "f4", "MET_DOUBLE": "f8"},
        **{"unsigned char": "u1", "signed char": "i1", "unsigned short": "u2", "short": "i2"},
        **{"unsigned int": "u4", "int": "i4", "float": "f4", "double": "f8"},
    }[kind]
    pixels = np.frombuffer(rest, f"<{dtype}").reshape(*sizes[::-1], *([components] if components > 1 else []))
    affine = np.eye(4)
    affine[:3] = np.column_stack([*steps, origin])
    return Found(pixels.swapaxes(0, 2), affine)


def by_numpy(path: Path) -> Found:
    with np.load(path) as found:
        affine = found.get("affine")
        if affine is not None:
            np.testing.assert_allclose(found["direction"] * found["spacing"], affine[:3, :3], atol=1e-12)
            np.testing.assert_array_equal(found["origin"], affine[:3, 3])
        return Found(found["frames"].swapaxes(0, 2), affine)


def by_zarr(path: Path) -> Found:
    group = zarr.open_group(path, mode="r")
    voxels = np.asarray(group["frames"][...]).swapaxes(0, 2)
    if "patient" not in group:
        return Found(voxels, None)
    axes = np.reshape(group["patient"].attrs["direction"], (3, 3))
    places = [(group[name][0], group[name].attrs["spacing"]) for name in "xyz"]
    at = lambda index: [start + i * step for i, (start, step) in zip(index, places, strict=True)]  # noqa: E731
    return Found(voxels, _affine_by(lambda index: axes @ at(index)))


def _affine_by(to_point: Callable[[tuple[int, int, int]], Any]) -> np.ndarray[Any, Any]:
    affine = np.eye(4)
    first = np.array(to_point((0, 0, 0)))
    steps = [np.array(to_point(index)) - first for index in ((1, 0, 0), (0, 1, 0), (0, 0, 1))]
    affine[:3] = np.column_stack([*steps, first])
    return affine


READERS = (
    (".vti", by_vtk),
    (".nii", by_nibabel),
    (".nii", by_itk),
    (".nii", by_vtk_nifti),
    (".nii.gz", by_nibabel),
    (".nii.gz", by_itk),
    (".mha", by_itk),
    (".mha", by_hand),
    (".nrrd", by_itk),
    (".nrrd", by_hand),
    (".npz", by_numpy),
    (".zarr", by_zarr),
)
READ = pytest.mark.parametrize(("suffix", "read"), READERS, ids=[f"{s} {r.__name__}" for s, r in READERS])


@cache
def real_slices(name: str) -> list[Slice]:
    return slices_of(DATA / name)


def assert_kept(volume: Volume, path: Path, read: Callable[[Path], Found], precision: float = 1e-4) -> Found:
    volume.save(path)
    found = read(path)
    assert found.voxels.dtype == volume.dtype
    np.testing.assert_array_equal(found.voxels, volume.frames.swapaxes(0, 2))
    assert found.affine is not None
    corners = np.array([[i, j, k, 1] for i in (0, 1) for j in (0, 1) for k in (0, 1)]).T * [
        *([n - 1] for n in volume.dimensions),
        [1],
    ]
    np.testing.assert_allclose((found.affine @ corners)[:3], (volume.affine @ corners)[:3], rtol=0, atol=precision)
    np.testing.assert_allclose(found.affine[:3, :3], volume.affine[:3, :3], rtol=0, atol=1e-6)
    return found


# ------------------------------------------------------------------------------------------------------ real series
@READ
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", REAL)
def test_other_programs_find_the_values_where_pydicom_says(
    tmp_path: Path, name: str, shape: str, suffix: str, read: Callable[[Path], Found]
) -> None:
    volume = SHAPES[shape](DATA / name)
    found = assert_kept(volume, tmp_path / f"volume{suffix}", read)
    assert found.affine is not None
    to_index = np.linalg.inv(found.affine)
    for point, value in sample(real_slices(name)):
        index = (to_index @ [*point, 1.0])[:3]
        nearest = np.rint(index).astype(int)
        # Positions in files wobble by a percent of the spacing.
        assert np.abs(index - nearest).max() < 0.02, (point, index)
        np.testing.assert_allclose(found.voxels[tuple(nearest)], value, rtol=1e-6)


@READ
def test_a_single_slice(series: Write, tmp_path: Path, suffix: str, read: Callable[[Path], Found]) -> None:
    truth = series(count=1, orientation=(0, 1, 0, 0, 0, -1), SliceThickness=3.0)
    volume = vdl.load(truth.folder)
    found = assert_kept(volume, tmp_path / f"volume{suffix}", read)
    assert found.voxels.shape == (8, 6, 1)


FORMATS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "uint8": ({"dtype": np.uint8}, {}, "uint8"),
    "int8": ({"dtype": np.int8}, {"rescale": False}, "int8"),
    "uint16": ({"dtype": np.uint16}, {}, "uint16"),
    "int16": ({"RescaleIntercept": -7}, {}, "int16"),
    "int32": ({"dtype": np.int32}, {}, "int32"),
    "uint32": ({"dtype": np.uint32}, {}, "uint32"),
    "float32": ({"RescaleSlope": 0.3}, {}, "float32"),
    "float64": ({"dtype": np.int32, "RescaleSlope": 0.3}, {}, "float64"),
    "rgb": ({"dtype": np.uint8, "SamplesPerPixel": 3}, {}, "uint8"),
    "rgb of 16 bits": ({"dtype": np.uint16, "SamplesPerPixel": 3}, {}, "uint16"),
}


@READ
@pytest.mark.parametrize("kind", FORMATS)
def test_every_kind_of_pixel(
    series: Write, tmp_path: Path, kind: str, suffix: str, read: Callable[[Path], Found]
) -> None:
    written, options, dtype = FORMATS[kind]
    truth = series(orientation=(0.8, 0.6, 0, -0.36, 0.48, -0.8), **written)
    volume = vdl.load(truth.folder, **options)
    assert volume.dtype == dtype
    if kind == "rgb of 16 bits" and suffix.startswith(".nii"):
        with pytest.raises(vdl.UnsupportedPixelDataError, match=r"8 bits \(uint8\), not uint16 → .nrrd"):
            volume.save(tmp_path / f"volume{suffix}")
        assert not list(tmp_path.glob("*volume*"))
    else:
        assert_kept(volume, tmp_path / f"volume{suffix}", read)


@READ
def test_far_from_the_origin(series: Write, tmp_path: Path, suffix: str, read: Callable[[Path], Found]) -> None:
    truth = series(origin=(1234.56789, -2345.6789, 1987.654321), orientation=(0.8, 0.6, 0, -0.36, 0.48, -0.8))
    # NIfTI holds single precision: 1.2e-4 mm at 2 m.
    precision = 2.5e-4 if suffix.startswith(".nii") else 1e-6
    assert_kept(vdl.load(truth.folder), tmp_path / f"volume{suffix}", read, precision)


# vtkNIFTIImageReader turns left-handed slices round: its index is another.
@pytest.mark.parametrize(("suffix", "read"), [pair for pair in READERS if pair[1] is not by_vtk_nifti])
def test_a_left_handed_order(series: Write, tmp_path: Path, suffix: str, read: Callable[[Path], Found]) -> None:
    truth = series()
    with pytest.warns(vdl.DicomLoadWarning, match="left-handed"):
        volume = vdl.load([str(f) for f in reversed(truth.files)], order="given")
    assert_kept(volume, tmp_path / f"volume{suffix}", read)


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are Unicode there")
@pytest.mark.parametrize("suffix", [".vti", ".mha", ".nrrd", ".nii.gz", ".npz", ".zarr"])
def test_a_folder_whose_name_is_not_utf8(series: Write, tmp_path: Path, suffix: str) -> None:
    volume = vdl.load(series().folder)
    folder = tmp_path / os.fsdecode(b"k\xff")
    folder.mkdir()
    path = folder / f"volume{suffix}"
    if suffix in (".vti", ".mha", ".nrrd"):
        with pytest.raises(OSError, match="not UTF-8"):
            volume.save(path)
        assert not list(folder.iterdir())
    else:
        volume.save(path)
        assert path.exists()


# ------------------------------------------------------------------------------------------------------ irregular
def _leaning(dataset: Dataset, k: int) -> None:
    dataset.ImagePositionPatient = [-10, -20 + 0.6 * k, 30 + 2.5 * k]


def _uneven(dataset: Dataset, k: int) -> None:
    dataset.ImagePositionPatient = [-10, -20, 30 + (0, 2.5, 5, 10, 12.5)[k]]


@READ
def test_a_shear_is_kept(series: Write, tmp_path: Path, suffix: str, read: Callable[[Path], Found]) -> None:
    folder = series(edit=_leaning).folder
    with pytest.warns(vdl.DicomLoadWarning, match="lean"):
        volume = vdl.load(folder, irregular="keep")
    path = tmp_path / f"volume{suffix}"
    if read is by_itk and suffix.startswith(".nii"):
        volume.save(path)
        with pytest.raises(RuntimeError, match="orthonormal"):  # ITK refuses it, and says why
            by_itk(path)
    else:
        found = assert_kept(volume, path, read)
        assert found.affine is not None
        assert abs(found.affine[1, 2]) == pytest.approx(0.6)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_uneven_slices_are_refused_with_the_way_past(series: Write, tmp_path: Path, suffix: str) -> None:
    folder = series("in", edit=_uneven).folder
    with pytest.warns(vdl.DicomLoadWarning, match="not evenly spaced"):
        volume = vdl.load(folder, irregular="keep")
    with pytest.raises(vdl.GeometryError, match=re.escape('load(…, irregular="resample")')):
        volume.save(tmp_path / f"volume{suffix}")
    with pytest.warns(vdl.DicomLoadWarning, match="interpolated"):
        vdl.load(folder, irregular="resample").save(tmp_path / f"volume{suffix}")
    assert sorted(os.listdir(tmp_path)) == ["in", f"volume{suffix}"]


@READ
def test_a_volume_without_a_place(data: Path, tmp_path: Path, suffix: str, read: Callable[[Path], Found]) -> None:
    volume = vdl.load(data / "mono1")
    path = tmp_path / f"volume{suffix}"
    if suffix in (".vti", ".mha", ".nrrd"):
        with pytest.warns(vdl.DicomLoadWarning, match="do not say where the volume lies"):
            volume.save(path)
    else:
        volume.save(path)
    found = read(path)
    np.testing.assert_array_equal(found.voxels, volume.frames.swapaxes(0, 2))
    if suffix in (".vti", ".mha", ".nrrd"):
        assert found.affine is not None
        np.testing.assert_allclose(found.affine, np.diag([*volume.spacing, 1]))
    elif read is by_nibabel:
        header = nibabel.load(path).header
        assert (header["qform_code"], header["sform_code"]) == (0, 0)
        np.testing.assert_allclose(header.get_zooms(), volume.spacing, rtol=1e-6)
    elif read in (by_numpy, by_zarr):
        assert found.affine is None


# ------------------------------------------------------------------------------------------------------ formats
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("orientation", [(1, 0, 0, 0, 1, 0), (0.8, 0.6, 0, -0.36, 0.48, -0.8)])
def test_nifti_says_millimetres_in_the_scanner(
    series: Write, tmp_path: Path, orientation: tuple[float, ...], suffix: str
) -> None:
    vdl.load(series(orientation=orientation).folder).save(tmp_path / f"volume{suffix}")
    image = nibabel.load(tmp_path / f"volume{suffix}")
    assert image.header.get_xyzt_units()[0] == "mm"
    np.testing.assert_allclose(image.get_qform(), image.get_sform(), atol=1e-5)
    assert (image.header["qform_code"], image.header["sform_code"]) == (1, 1)
    assert image.header.get_slope_inter() == (None, None)
    np.testing.assert_allclose(image.header.get_zooms(), (0.5, 0.8, 2.5), rtol=1e-6)


def test_cosines_of_few_digits_are_exact_in_the_sform_and_itk_reads_the_nearest_rotation(
    series: Write, tmp_path: Path
) -> None:
    truth = series(orientation=(1, 0, 0, 0.0008, 0.99999968, 0))
    path = tmp_path / "volume.nii"
    assert_kept(vdl.load(truth.folder), path, by_nibabel)
    assert nibabel.load(path).header["qform_code"] == 1
    np.testing.assert_allclose(by_itk(path).affine, truth.affine, atol=1e-3)


def test_npz_holds_plain_arrays(series: Write, tmp_path: Path) -> None:
    volume = vdl.load(series().folder)
    volume.save(tmp_path / "volume.npz")
    with np.load(tmp_path / "volume.npz", allow_pickle=False) as found:
        assert set(found) == {"frames", "affine", "spacing", "origin", "direction", "units"}
        assert str(found["units"]) == "HU"
        np.testing.assert_allclose(found["spacing"], (0.5, 0.8, 2.5))


def test_zarr_is_the_data_array_again(data: Path, tmp_path: Path) -> None:
    volume = vdl.load(data / "mr_plain4")
    volume.save(tmp_path / "volume.zarr")
    with xarray.open_zarr(tmp_path / "volume.zarr", chunks=None) as found:
        expected = volume.to_xarray()
        expected.patient.attrs.pop("frame_of_reference_uid", None)
        xarray.testing.assert_identical(found["frames"].load(), expected)
    assert zarr.open_group(tmp_path / "volume.zarr", mode="r").metadata.zarr_format == 3


# ------------------------------------------------------------------------------------------------------ identity
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_nothing_of_the_patient_is_written(series: Write, tmp_path: Path, suffix: str) -> None:
    truth = series(
        "in",
        dtype=np.uint8,
        StudyDate="20011223",
        AcquisitionDate="20011223",
        InstitutionName="Hidden Clinic",
        OtherPatientIDs="OTHER-7",
        AccessionNumber="ACC-4711",
        edit=lambda dataset, _k: setattr(dataset, "PixelData", bytes(48)),
    )
    dataset = truth.files[0].read_bytes()
    volume = vdl.load(truth.folder)
    volume.save(tmp_path / f"volume{suffix}")
    written = _bytes_of(tmp_path / f"volume{suffix}")
    assert len(written) > 48
    secrets = ("Secret", "SECRET-ID", "19700102", "20011223", "Hidden", "OTHER-7", "ACC-4711", "1.2.826.0.1.3680043")
    for secret in secrets:
        assert secret.encode() in dataset
        assert secret.encode() not in written
    assert str(tmp_path).encode() not in written
    assert b".part" not in written


def _bytes_of(path: Path) -> bytes:
    """Everything that a file or store holds, its names too; metadata is never compressed but in .nii.gz."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    data = b"".join(str(f.relative_to(path)).encode() + f.read_bytes() for f in files if f.is_file())
    return data + gzip.decompress(path.read_bytes()) if path.name.endswith(".gz") else data


# ------------------------------------------------------------------------------------------------------ files
@pytest.mark.parametrize("name", ["volume.jpg", "volume", "volume.nii.bz2", "volume.dcm", ".gz", "nii", "volume."])
def test_an_unknown_suffix_lists_the_known(series: Write, tmp_path: Path, name: str) -> None:
    volume = vdl.load(series("in").folder)
    known = ", ".join((*SUFFIXES[:-1], ".ome.zarr", ".zarr"))
    with pytest.raises(ValueError, match=re.escape(f"should end in {known}")):
        volume.save(tmp_path / name)
    assert os.listdir(tmp_path) == ["in"]


@pytest.mark.parametrize("name", ["UPPER.NII.GZ", "with.dots.1.2.Nrrd", "日本 語.vti", "-dash.npz", "a.zarr"])
def test_names_of_all_kinds(series: Write, tmp_path: Path, name: str) -> None:
    volume = vdl.load(series("in").folder)
    path = tmp_path / name
    volume.save(str(path))
    found = dict(READERS)[suffix_of(path.name)]
    if not name.isascii() or name != name.lower():
        path = path.rename(tmp_path / f"volume{suffix_of(path.name)}")
    np.testing.assert_array_equal(found(path).voxels.shape, volume.dimensions)


def test_a_name_in_this_folder(series: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volume = vdl.load(series("in").folder)
    monkeypatch.chdir(tmp_path)
    volume.save("volume.npz")
    assert sorted(os.listdir()) == ["in", "volume.npz"]


def test_a_folder_without_write_permission_names_the_file_that_was_asked_for(
    series: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = vdl.load(series().folder)

    def refuse(path: str, *_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(os, "mkdir", refuse)
    with pytest.raises(PermissionError, match="Permission denied") as caught:
        volume.save(tmp_path / "x.npz")
    assert caught.value.filename == str(tmp_path / "x.npz")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_missing_folder_is_named(series: Write, tmp_path: Path, suffix: str) -> None:
    volume = vdl.load(series("in").folder)
    with pytest.raises(FileNotFoundError, match="no such folder") as caught:
        volume.save(tmp_path / "nowhere" / f"volume{suffix}")
    assert caught.value.filename == str(tmp_path / "nowhere")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_exists_is_replaced(series: Write, tmp_path: Path, suffix: str) -> None:
    first, second = vdl.load(series("a").folder), vdl.load(series("b", rows=4, dtype=np.uint8).folder)
    path = tmp_path / f"volume{suffix}"
    first.save(path)
    second.save(path)
    assert sorted(os.listdir(tmp_path)) == ["a", "b", path.name]
    found = dict(READERS)[suffix](path)
    np.testing.assert_array_equal(found.voxels, second.frames.swapaxes(0, 2))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_folder_of_other_things_is_not_replaced(series: Write, tmp_path: Path, suffix: str) -> None:
    volume = vdl.load(series("in").folder)
    path = tmp_path / f"volume{suffix}"
    path.mkdir()
    (path / "thesis.txt").write_text("years of work")
    with pytest.raises(OSError, match="not replaced"):
        volume.save(path)
    assert (path / "thesis.txt").read_text() == "years of work"


def test_a_file_is_no_zarr_store(series: Write, tmp_path: Path) -> None:
    volume = vdl.load(series("in").folder)
    (tmp_path / "volume.zarr").write_text("a file")
    with pytest.raises(FileExistsError, match="no Zarr store"):
        volume.save(tmp_path / "volume.zarr")
    assert (tmp_path / "volume.zarr").read_text() == "a file"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_link_stays_a_link(series: Write, tmp_path: Path, suffix: str) -> None:
    volume = vdl.load(series("in").folder)
    (tmp_path / "far").mkdir()
    real, link = tmp_path / "far" / f"real{suffix}", tmp_path / f"link{suffix}"
    volume.save(real)
    link.symlink_to(real)
    before = real.stat().st_ino
    volume.save(link)
    assert link.is_symlink()
    assert real.stat().st_ino != before


def test_the_suffix_is_that_of_the_link(series: Write, tmp_path: Path) -> None:
    volume = vdl.load(series("in").folder)
    (tmp_path / "link.npz").symlink_to(tmp_path / "real.data")
    volume.save(tmp_path / "link.npz")
    np.testing.assert_array_equal(by_numpy(tmp_path / "real.data").voxels, volume.frames.swapaxes(0, 2))


@pytest.mark.parametrize("form", [str, Path, os.fsencode, lambda path: f"{path}{os.sep}"])
def test_a_path_in_every_form(series: Write, tmp_path: Path, form: Callable[[str], Any]) -> None:
    volume = vdl.load(series("in").folder)
    volume.save(form(str(tmp_path / "volume.zarr")))
    assert sorted(os.listdir(tmp_path)) == ["in", "volume.zarr"]


@pytest.mark.parametrize("path", [None, 7, ["a.nii"]])
def test_what_is_no_path(series: Write, path: Any) -> None:
    volume = vdl.load(series("in").folder)
    with pytest.raises(TypeError, match="PathLike"):
        volume.save(path)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("part", [0.2, 0.9, 1.0])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    series: Write, tmp_path: Path, suffix: str, part: float
) -> None:
    """The last case lacks one byte."""
    noise = np.random.default_rng(3).integers(0, 1 << 16, (4, 96, 96), np.uint16)
    source = series(
        "in", count=4, rows=96, columns=96, dtype=np.uint16,
        edit=lambda dataset, k: setattr(dataset, "PixelData", noise[k].tobytes()),
    ).folder  # fmt: skip
    path = tmp_path / f"volume{suffix}"
    volume = vdl.load(source)
    volume.save(path)
    largest = max(f.stat().st_size for f in (path.rglob("*") if path.is_dir() else [path]))
    before = _bytes_of(path)
    with largest_file(int(largest * part) - 1), pytest.raises(OSError, match=r"."):
        volume.save(path)
    gc.collect()  # of what nibabel leaves open when it fails; there is no room for what it then flushes
    assert _bytes_of(path) == before
    assert sorted(os.listdir(tmp_path)) == ["in", path.name]


def test_an_interruption_leaves_the_old_store(series: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volume = vdl.load(series("in").folder)
    path = tmp_path / "volume.zarr"
    volume.save(path)
    before = _bytes_of(path)
    rename = os.rename

    def interrupted(old: str, new: str) -> None:
        if new == str(path) and "replaced" not in old:
            raise KeyboardInterrupt
        rename(old, new)

    monkeypatch.setattr(os, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        volume.save(path)
    assert _bytes_of(path) == before
    assert sorted(os.listdir(tmp_path)) == ["in", path.name]
