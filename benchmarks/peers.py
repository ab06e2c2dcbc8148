"""The readers that are measured, each doing the same work in the way its users would.

`Peer.run` is what is timed: from the folders of a work to what the reader makes of them. `Peer.values` brings that into
one order for the comparison and is not timed. Every reader sorts its slices and applies slope and intercept.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .data import Data, digest, headers_digest
from .works import COMPRESSED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    Pixels = NDArray[Any]


def as_it_is(made: Any, _: Data) -> Any:
    """What the reader makes is what is compared."""
    return made


class Peer(NamedTuple):
    """One side of a comparison. Its functions can be pickled: it runs in a process of its own."""

    name: str
    distribution: str
    module: str  # imported before anything is timed
    run: Callable[[Data], Any]
    values: Callable[[Any, Data], Iterable[Any]] = (
        as_it_is  # volumes (slices, rows, columns[, samples]), or header rows
    )
    headers: bool = False
    summed: bool = False  # what it makes is the checksum of what it has read
    needs: str = ""  # a name that the module must have

    def missing(self) -> str:
        """Why it cannot run here; empty where it can."""
        if find_spec(self.module.partition(".")[0]) is None:
            return f"not installed (pip install {self.distribution})"
        if self.needs and not hasattr(import_module(self.module), self.needs):
            return f"this version has no {self.needs}"
        return ""

    def version(self) -> str:
        """The version that is installed."""
        try:
            return version(self.distribution)
        except PackageNotFoundError:
            return ""

    def checksum(self, made: Any, data: Data) -> str:
        """The checksum of what it made, to compare with that of the data."""
        if self.summed:
            return str(made)
        values = self.values(made, data)
        return headers_digest(values) if self.headers else digest(values, data.work)


def _each(load: Callable[[Path], Any], data: Data) -> list[Any]:
    return [load(folder) for folder in data.folders]


# ---------------------------------------------------------------------------------------------------- the floor
def _read_bytes(data: Data) -> list[Pixels]:
    """One thread reads the stored pixels, which end their files, into a fresh array."""
    work = data.work
    volumes = []
    for folder in data.folders:
        out = np.empty((work.slices, work.frame_bytes), np.uint8)
        for k, name in enumerate(sorted(os.listdir(folder))):
            with open(folder / name, "rb", buffering=0) as file:
                file.seek(-work.frame_bytes, os.SEEK_END)
                file.readinto(out[k].data)
        volumes.append(out)
    return volumes


def of_bytes(made: list[Pixels], data: Data) -> Iterable[Pixels]:
    """The floor neither sorts nor rescales."""
    work = data.work
    for words in made:
        stored = words.view(work.dtype).reshape(work.slices, *work.shape[1:])[::-1]
        yield stored.astype(np.int32) + int(work.intercept) if work.slope == 1 else stored * work.slope + work.intercept


# ---------------------------------------------------------------------------------------------------- decoders alone
_streams: dict[Path, list[bytes]] = {}  # of a folder: read by the first run, which is not timed


def _decode_streams(data: Data) -> list[list[Pixels]]:
    """Decode the compressed frames of every file, in the order of the names, and do nothing else."""
    import imagecodecs

    words = np.dtype(data.work.dtype)
    decoders: dict[str, Callable[[bytes], Pixels]] = {
        COMPRESSED["RLE"]: lambda stream: np.frombuffer(imagecodecs.dicomrle_decode(stream, words), words),
        COMPRESSED["JPEG Lossless"]: imagecodecs.jpeg8_decode,
        COMPRESSED["JPEG-LS"]: imagecodecs.jpegls_decode,
    }
    decode = decoders.get(data.work.syntax, partial(imagecodecs.jpeg2k_decode, numthreads=1))
    volumes: list[list[Pixels]] = []
    for folder in data.folders:
        if folder not in _streams:
            _streams[folder] = [_read_stream(folder / name) for name in sorted(os.listdir(folder))]
        with ThreadPoolExecutor(max(2, min(os.cpu_count() or 1, 8))) as pool:
            volumes.append([*pool.map(decode, _streams[folder])])
    return volumes


def _read_stream(path: Path) -> bytes:
    import pydicom
    from pydicom.encaps import get_frame

    return get_frame(pydicom.dcmread(path).PixelData, 0, number_of_frames=1)


def _of_decoders(made: list[list[Pixels]], data: Data) -> Iterable[Pixels]:
    """The decoders neither sort nor rescale."""
    return of_bytes([np.stack(frames).view(data.work.dtype) for frames in made], data)


# ---------------------------------------------------------------------------------------------------- vtkdicomload
def _vtkdicomload(folder: Path, workers: int | None = None) -> Pixels:
    import vtkdicomload

    return vtkdicomload.load(folder, workers=workers).frames


_memory: dict[Path, Pixels] = {}  # of a folder: touched by the first run, which is not timed


def _vtkdicomload_out(folder: Path) -> Pixels:
    import vtkdicomload

    if folder not in _memory:
        fresh = vtkdicomload.load(folder).frames
        _memory[folder] = np.zeros_like(fresh)
    return vtkdicomload.load(folder, out=_memory[folder]).frames


def _load_many(data: Data) -> list[Pixels]:
    import vtkdicomload

    return [result.volume.frames for result in vtkdicomload.load_many(data.folders) if result.volume is not None]


# ---------------------------------------------------------------------------------------------------- VTK and ITK
def _vtk(folder: Path) -> Pixels:
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOImage import vtkDICOMImageReader

    reader = vtkDICOMImageReader()
    reader.SetDirectoryName(os.fspath(folder))
    reader.Update()
    return _from_vtk(vtk_to_numpy(reader.GetOutput().GetPointData().GetScalars()), reader.GetOutput().GetDimensions())


def _from_vtk(scalars: Pixels, dimensions: tuple[int, int, int]) -> Pixels:
    samples = scalars.shape[1:] if scalars.ndim > 1 and scalars.shape[1] > 1 else ()
    return scalars.reshape(*dimensions[::-1], *samples)[::-1, ::-1]


def _pyvista(folder: Path) -> Pixels:
    pyvista = import_module("pyvista")

    image = pyvista.DICOMReader(folder).read()
    return _from_vtk(np.asarray(image.active_scalars), image.dimensions)


def _simpleitk(folder: Path) -> Any:
    sitk = import_module("SimpleITK")
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(os.fspath(folder)))
    return reader.Execute()


def _from_simpleitk(images: list[Any], _: Data) -> Iterable[Pixels]:
    sitk = import_module("SimpleITK")
    return (sitk.GetArrayViewFromImage(image) for image in images)


def _itk(folder: Path) -> Any:
    itk = import_module("itk")

    names = itk.GDCMSeriesFileNames.New(Directory=os.fspath(folder))
    return itk.imread(names.GetFileNames(names.GetSeriesUIDs()[0]))


def _from_itk(images: list[Any], _: Data) -> Iterable[Pixels]:
    itk = import_module("itk")

    return (itk.array_view_from_image(image) for image in images)


# ---------------------------------------------------------------------------------------------------- pydicom and kin
def _rescaled(stored: Pixels, slope: float, intercept: float) -> Pixels:
    """Slope and intercept in place where they are integers, else in single precision."""
    if slope == 1 and intercept == 0:
        return stored
    if slope == 1 and intercept.is_integer():
        signed = stored.view(f"i{stored.itemsize}")
        signed += signed.dtype.type(intercept)
        return signed
    return stored * np.float32(slope) + np.float32(intercept)


def _slope_intercept(dataset: Any) -> tuple[float, float]:
    return float(dataset.get("RescaleSlope", 1)), float(dataset.get("RescaleIntercept", 0))


_fastest_plugin: dict[str, str] = {}


def _plugin(dataset: Any) -> str:
    """The decoder of pydicom that is fastest for a dataset, tried once; empty where it needs none."""
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax.is_compressed and syntax not in _fastest_plugin:
        from pydicom.pixels.decoders.base import get_decoder

        seconds = {}
        for plugin in get_decoder(syntax).available_plugins:
            dataset.pixel_array_options(decoding_plugin=plugin)
            for _ in range(2):
                start = time.perf_counter()
                dataset.convert_pixel_data()
                seconds[plugin] = time.perf_counter() - start
                dataset._pixel_array = None
        _fastest_plugin[syntax] = min(seconds, key=seconds.__getitem__, default="")
    return _fastest_plugin.get(syntax, "")


def load_by_pydicom(folder: Path) -> Pixels:
    """The volume of a folder."""
    import pydicom

    return stack_datasets([pydicom.dcmread(path) for path in folder.iterdir()])


def stack_datasets(datasets: list[Any]) -> Pixels:
    """The volume of the pydicom Datasets of a series."""
    datasets.sort(key=lambda dataset: float(dataset.ImagePositionPatient[2]))
    plugin = _plugin(datasets[0])
    if plugin:
        for dataset in datasets:
            dataset.pixel_array_options(decoding_plugin=plugin)
    return _rescaled(np.stack([dataset.pixel_array for dataset in datasets]), *_slope_intercept(datasets[0]))


def _highdicom(folder: Path) -> Pixels:
    import pydicom

    highdicom = import_module("highdicom")
    # It refuses int16 for CT: the range that BitsStored allows does not fit.
    volume = highdicom.get_volume_from_series([pydicom.dcmread(path) for path in folder.iterdir()], dtype=np.float32)
    return np.asarray(volume.array)[::-1]  # its slices run against the normal


def _simpleitk_object(folder: Path) -> Any:
    (path,) = folder.iterdir()
    return import_module("SimpleITK").ReadImage(os.fspath(path))


def _highdicom_object(folder: Path) -> Pixels:
    (path,) = folder.iterdir()
    volume = import_module("highdicom").imread(path).get_volume(dtype=np.float32)
    return np.asarray(volume.array)[::-1]  # its slices run against the normal


def _dicom_numpy(folder: Path) -> Pixels:
    dicom_numpy = import_module("dicom_numpy")
    import pydicom

    voxels, _ = dicom_numpy.combine_slices([pydicom.dcmread(path) for path in folder.iterdir()])
    return np.asarray(voxels).T


def _dicomsdl(folder: Path) -> Pixels:
    dicomsdl = import_module("dicomsdl")

    datasets = [dicomsdl.open(os.fspath(path)) for path in folder.iterdir()]
    datasets.sort(key=lambda dataset: dataset.ImagePositionPatient[2])
    info = datasets[0].getPixelDataInfo()
    samples = (info["SamplesPerPixel"],) if info["SamplesPerPixel"] > 1 else ()
    out = np.empty((len(datasets), info["Rows"], info["Cols"], *samples), info["dtype"])
    for k, dataset in enumerate(datasets):
        dataset.copyFrameData(0, out[k])
    return _rescaled(out, float(info["RescaleSlope"] or 1), float(info["RescaleIntercept"] or 0))


# ---------------------------------------------------------------------------------------------------- dcm2niix
def _dcm2niix(folder: Path) -> Pixels:
    """The command writes an uncompressed NIfTI file, which is read back."""
    dcm2niix = import_module("dcm2niix")

    with tempfile.TemporaryDirectory() as place:
        command = [dcm2niix.bin, "-z", "n", "-b", "n", "-f", "volume", "-o", place, os.fspath(folder)]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - a fixed command
        (file,) = Path(place).glob("*.nii")
        return read_nifti(file)[:, ::-1]


def read_nifti(file: Path) -> Pixels:
    """The values of a NIfTI file, slices and rows as they lie there."""
    with gzip.open(file) if file.suffix == ".gz" else open(file, "rb") as stream:
        head = stream.read(348)
        shape = np.frombuffer(head, "<i2", 8, 40)
        bits, kind = int(np.frombuffer(head, "<i2", 1, 72)[0]), int(np.frombuffer(head, "<i2", 1, 70)[0])
        offset, slope, intercept = np.frombuffer(head, "<f4", 3, 108)
        dtype = {2: "u1", 4: "i2", 512: "u2", 8: "i4", 16: "f4"}[kind]
        if bits != 8 * np.dtype(dtype).itemsize:
            raise ValueError(f"a NIfTI type {kind} of {bits} bits")
        stream.seek(int(offset))
        stored = np.empty([int(n) for n in shape[3:0:-1]], dtype)
        stream.readinto(stored.data.cast("B"))
    return _rescaled(stored, float(slope) or 1.0, float(intercept))


# ---------------------------------------------------------------------------------------------------- all of them
FLOOR = Peer("floor", "numpy", "numpy", _read_bytes, of_bytes)
DECODERS = Peer("decoders alone", "imagecodecs", "imagecodecs", _decode_streams, _of_decoders)
DEFAULT = Peer("vtkdicomload", "vtkdicomload", "vtkdicomload", partial(_each, _vtkdicomload))
ONE_WORKER = Peer(
    "vtkdicomload, workers=1", "vtkdicomload", "vtkdicomload", partial(_each, partial(_vtkdicomload, workers=1))
)
LOAD_MANY = Peer("vtkdicomload, load_many", "vtkdicomload", "vtkdicomload", _load_many, needs="load_many")
OUT = Peer("vtkdicomload, out=", "vtkdicomload", "vtkdicomload", partial(_each, _vtkdicomload_out))
VTK = Peer("vtkDICOMImageReader", "vtk", "vtkmodules.vtkIOImage", partial(_each, _vtk))
SIMPLEITK = Peer("SimpleITK", "SimpleITK", "SimpleITK", partial(_each, _simpleitk), _from_simpleitk)
PYDICOM = Peer("pydicom + stack", "pydicom", "pydicom", partial(_each, load_by_pydicom))
DICOMSDL = Peer("dicomsdl", "dicomsdl", "dicomsdl", partial(_each, _dicomsdl))
SIMPLEITK_OBJECT = SIMPLEITK._replace(run=partial(_each, _simpleitk_object))
HIGHDICOM_OBJECT = Peer("highdicom", "highdicom", "highdicom", partial(_each, _highdicom_object))
CORE = (FLOOR, DEFAULT, ONE_WORKER, VTK, SIMPLEITK, PYDICOM)
OTHERS = (
    DICOMSDL,
    Peer("dcm2niix", "dcm2niix", "dcm2niix", partial(_each, _dcm2niix)),
    Peer("pyvista", "pyvista", "pyvista", partial(_each, _pyvista)),
    Peer("dicom-numpy", "dicom-numpy", "dicom_numpy", partial(_each, _dicom_numpy)),
    Peer("itk", "itk", "itk", partial(_each, _itk), _from_itk),
    Peer("highdicom", "highdicom", "highdicom", partial(_each, _highdicom)),
)
