"""A header read by its likeness to another one is what the strict parser makes of it, or the same error."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless
from synthetic import Truth, raw_image

from vtkdicomload.errors import CorruptFileError
from vtkdicomload.headers import templates
from vtkdicomload.headers.elements import LONG_VRS, Encoding, Source, walk
from vtkdicomload.headers.model import Header
from vtkdicomload.headers.parser import parse_header, read_header
from vtkdicomload.headers.templates import HeaderReader
from vtkdicomload.sources.local import as_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[..., Truth]

SERIES = [
    *("asl_4d", "comp_j2k", "comp_rle", "enh_mr_phase", "mono1", "mr_plain4", "mr_small_slope", "not_images"),
    *("rgb_stack", "rtdose_32bit", "seg_1bit", "slope_per_slice", "small_ct"),
]


def _outcome(read: Callable[[str], Header], path: Path) -> Header | tuple[type[Exception], str]:
    try:
        return read(str(path))
    except Exception as error:
        return type(error), str(error)


def _assert_same(reader: HeaderReader, path: Path) -> None:
    assert _outcome(reader.read, path) == _outcome(read_header, path)


@pytest.mark.parametrize("name", SERIES)
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_real_headers_in_any_order(data: Path, name: str, seed: int | None) -> None:
    files = sorted(p for p in (data / name).iterdir())
    if seed is not None:
        random.Random(seed).shuffle(files)
    reader = HeaderReader()
    for path in [*files, *files[::-1]]:
        _assert_same(reader, path)


@pytest.mark.parametrize("seed", [None, 3])
def test_the_demo_series_in_any_order(ct_head: Path, seed: int | None) -> None:
    files = sorted(ct_head.iterdir())
    if seed is not None:
        random.Random(seed).shuffle(files)
    reader = HeaderReader()
    for path in files:
        _assert_same(reader, path)


def test_all_real_headers_through_one_reader(data: Path) -> None:
    files = [p for p in data.rglob("*") if p.is_file()]
    random.Random(7).shuffle(files)
    reader = HeaderReader()
    for path in files * 2:
        _assert_same(reader, path)


def test_templates_are_used(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten slices that are alike are parsed strictly once or a few times, not ten times."""
    strict: list[str] = []
    monkeypatch.setattr(templates, "parse_header", lambda h, seen: strict.append(h.file.name) or parse_header(h, seen))
    truth = series(count=10, names=[f"{k}" for k in range(10)], gap=1, origin=(0, 0, 10))
    reader = HeaderReader()
    headers = [reader.read(str(p)) for p in truth.files]
    assert len(strict) < 4
    assert [h.position for h in headers] == [tuple(p) for p in truth.positions]


@pytest.mark.parametrize("declared", [10, 14])
def test_another_length_of_the_pixels_is_no_stretch(tmp_path: Path, declared: int) -> None:
    """The file has its size and all its bytes, but declares other than it holds."""
    good, bad = tmp_path / "good.dcm", tmp_path / "bad.dcm"
    good.write_bytes(raw_image())
    pixels = np.arange(6, dtype="<u2").tobytes()
    bad.write_bytes(raw_image((0x7FE00010, "OW", pixels, declared)))
    assert bad.stat().st_size == good.stat().st_size
    reader = HeaderReader()
    reader.read(str(good))
    with pytest.raises(CorruptFileError):
        reader.read(str(bad))


# ---------------------------------------------------------------------------------------------------- mutations
def _nested(dataset: Dataset, _: int) -> None:
    item = Dataset()
    item.RescaleSlope, item.ImagePositionPatient, item.PixelSpacing = 7, [9, 9, 9], [9, 9]
    item.SeriesInstanceUID = "1.2.3"
    dataset.ReferencedImageSequence = [item, item]
    dataset.RequestAttributesSequence = [item]
    for element in (dataset["ReferencedImageSequence"],):
        element.is_undefined_length = True
        item.is_undefined_length_sequence_item = True


def _rich(dataset: Dataset, k: int) -> None:
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.AcquisitionTime, dataset.ContentTime = "101010.5", f"1010{k:02}"
    dataset.WindowCenter, dataset.WindowWidth, dataset.VOILUTFunction = [40, 60], [400, 600], "LINEAR"
    dataset.EchoTime, dataset.EchoNumbers, dataset.TriggerTime = 4.5, 1, 100.25
    dataset.TemporalPositionIdentifier, dataset.NumberOfTemporalPositions = 1, 3
    dataset.PixelPaddingValue, dataset.DiffusionBValue = -2000, 800.0
    dataset.DiffusionGradientOrientation, dataset.InversionTime, dataset.FlipAngle = [0.6, 0.8, 0], 90.5, 7
    dataset.FrameReferenceTime, dataset.ImageIndex, dataset.StackID = 1500.5 + k, k + 1, f"{k}"
    dataset.GantryDetectorTilt, dataset.SpacingBetweenSlices, dataset.RescaleType = 0, 2.5, "HU"
    dataset.ImagerPixelSpacing, dataset.NumberOfFrames = [1, 1], 1


BASES: dict[str, dict[str, Any]] = {
    "explicit": {},
    "implicit": {"syntax": ImplicitVRLittleEndian},
    "big endian": {"syntax": ExplicitVRBigEndian},
    "nested": {"edit": _nested},
    "rich": {"edit": _rich},
    "rich, implicit": {"edit": _rich, "syntax": ImplicitVRLittleEndian},
    "12 bits": {"dtype": np.uint16, "BitsStored": 12, "HighBit": 11, "RescaleSlope": 0.5},
    "RGB": {"dtype": np.uint8, "SamplesPerPixel": 3},
    "compressed": {"syntax": RLELossless},
}
_ODD = (
    *(b"", b" ", b"\0", b"0", b"-0", b".5", b"1e3", b"1e999", b"nan", b"inf", b"1,5", b"abc", b"1\\2", b"1\\2\\3"),
    *(b"0\\0\\0", b"1\\0\\0\\0\\1\\0", b"-1\\0\\0\\0\\1\\0", b"\\\\", b"+7", b"00", b"1.2.840.10008.1.2", b"\xff\xff"),
    *(b"1.2.840.10008.1.2.1", b"1.2.840.10008.1.2.2", b"\1\0", b"\0\1", b"\x10\0", b"MONOCHROME1", b"RGB", b"\r\n"),
)
_BYTES = b"\0\1\2\x7f\x80\xfe\xff 019.\\-+eE,A\x10\x20"


def _values(path: Path) -> list[tuple[int, int]]:
    """Where the values of the top-level elements of a file begin and end, the pixels left out."""
    header = read_header(path)
    encoding = Encoding(
        explicit=header.transfer_syntax != ImplicitVRLittleEndian,
        big_endian=header.transfer_syntax == ExplicitVRBigEndian,
    )
    with as_file(path).open() as handle:
        source = Source(handle)
        meta = [*walk(source, 132, Encoding(explicit=True), only_group=2)]
        start = meta[-1].offset + meta[-1].length
        elements = [*meta, *walk(source, start, encoding)]
    return [(e.offset, e.offset + e.length) for e in elements if e.depth == 0 and e.length > 0 and e.tag != 0x7FE00010]


def _mutated(whole: bytes, spans: list[tuple[int, int]], end: int, rng: random.Random) -> bytes:
    """The file with bytes of its header changed, its length kept."""
    data = bytearray(whole)
    kind = rng.choice(("flip", "byte", "bytes", "value", "value", "pad", "swap", "number"))
    start, stop = rng.choice(spans)
    if kind == "flip":
        data[rng.randrange(end)] ^= 1 << rng.randrange(8)
    elif kind == "byte":
        data[rng.randrange(end)] = rng.choice(_BYTES)
    elif kind == "bytes":
        for _ in range(rng.randint(2, 5)):
            data[rng.randrange(end)] = rng.choice(_BYTES)
    elif kind == "value":
        data[start:stop] = rng.choice(_ODD)[: stop - start].ljust(stop - start, rng.choice((b" ", b"\0")))
    elif kind == "pad":
        data[start:stop] = bytes(data[start:stop]).strip(b" \0").rjust(stop - start)
    elif kind == "swap":
        other, _ = rng.choice(spans)
        length = min(stop - start, 8)
        data[start : start + length], data[other : other + length] = (
            bytes(data[other : other + length]),
            bytes(data[start : start + length]),
        )
    else:
        data[rng.randrange(start, stop)] = rng.choice(b"0123456789.-+eE\\ \0")
    return bytes(data[: len(whole)])


@pytest.mark.parametrize("base", BASES)
def test_mutations_that_keep_the_length(series: Write, tmp_path: Path, base: str) -> None:
    """Whatever happens to a header, the fast reader says what the strict one says: a Header, or the same error."""
    truth = series(count=3, **BASES[base])
    path = truth.files[1]
    whole, spans = path.read_bytes(), _values(path)
    end = read_header(path).pixel_offset
    rng = random.Random(base)
    reader = HeaderReader()
    for known in truth.files:
        _assert_same(reader, known)
    victim = tmp_path / "mutated"
    read = 0
    for k in range(500):
        data = _mutated(whole, spans, end, rng)
        victim.write_bytes(data)
        if k % 100 == 99:
            reader = HeaderReader()  # the templates of damaged files must not stand for good ones
            _assert_same(reader, truth.files[0])
        strict = _outcome(read_header, victim)
        assert _outcome(reader.read, victim) == strict, (k, data)
        read += isinstance(strict, Header)
    assert read > 50


def _lengths(path: Path) -> list[tuple[int, int, int, int]]:
    """Of every element that the strict parser visits: where its length stands and ends, its value begins and ends."""
    header = read_header(path)
    with as_file(path).open() as handle:
        source = Source(handle)
        visited: list[Any] = []
        parse_header(handle, visited)
        big = header.transfer_syntax == ExplicitVRBigEndian
        found = []
        for e in visited:
            if e.tag == 0x7FE00010:
                continue
            width = 2 if e.vr and e.vr not in LONG_VRS else 4
            stored = source.at(e.offset - width, width)
            order = "big" if big and e.offset > visited[0].offset + 200 else "little"
            if e.length >= 0 and int.from_bytes(stored, order) == e.length:  # type: ignore[arg-type]
                found.append((e.offset - width, e.offset, e.offset, e.offset + e.length))
        return found


def _resized(whole: bytes, elements: list[tuple[int, int, int, int]], rng: random.Random) -> bytes:
    """The file with some values longer, shorter or gone, and now and then a length that does not say so."""
    data = bytearray(whole)
    for at, head_end, start, stop in sorted(rng.sample(elements, rng.choice((1, 1, 2, 4))), reverse=True):
        old = bytes(data[start:stop])
        size = max(0, len(old) + rng.choice((-20, -8, -4, -2, -2, -1, 1, 2, 2, 4, 8, 30)))
        filler = rng.choice((b" ", b"\0", b"0", b"1.2", b"9\\"))
        value = rng.choice((old[:size], b"", rng.choice(_ODD)))[:size]
        value = (value + filler * size)[:size]
        if rng.random() < 0.9:
            data[at:head_end] = (size & 0xFFFFFFFF if head_end - at == 4 else size & 0xFFFF).to_bytes(
                head_end - at, "little"
            )
        if rng.random() < 0.95:
            data[start:stop] = value
    return bytes(data)


@pytest.mark.parametrize("base", BASES)
def test_mutations_of_lengths(series: Write, tmp_path: Path, base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Headers whose values are longer or shorter, in one folder with their originals."""
    truth = series(count=3, **BASES[base])
    path = truth.files[1]
    whole, elements = path.read_bytes(), _lengths(path)
    rng = random.Random(f"lengths {base}")
    strictly: list[str] = []
    real = templates.parse_header
    monkeypatch.setattr(templates, "parse_header", lambda h, seen: strictly.append(h.file.name) or real(h, seen))
    reader = HeaderReader()
    victim = tmp_path / "mutated"
    read = 0
    for k in range(600):
        if k % 5 == 0:
            reader = HeaderReader()
            _assert_same(reader, truth.files[0])
            strictly.clear()
        data = _resized(whole, elements, rng)
        victim.write_bytes(data)
        strict = _outcome(read_header, victim)
        before = len(strictly)
        assert _outcome(reader.read, victim) == strict, (k, data)
        read += isinstance(strict, Header) and len(strictly) == before
    if base != "big endian":
        assert read > 20, "hardly a template was stretched"


@pytest.mark.parametrize(
    "tail", [b"", b"\0\0", bytes(8), b"\xfc\xff\xfc\xffOB\0\0\0\0\0\0", b"\xfe\xff\xdd\xe0\0\0\0\0"]
)
@pytest.mark.parametrize("cut", [0, 1, 7, 8, 9, 16])
def test_encapsulated_files_that_end_in_another_way(series: Write, tmp_path: Path, tail: bytes, cut: int) -> None:
    truth = series(count=3, syntax=RLELossless)
    reader = HeaderReader()
    reader.read(str(truth.files[0]))
    whole = truth.files[1].read_bytes()
    victim = tmp_path / "victim"
    victim.write_bytes(whole[: len(whole) - cut] + tail)
    _assert_same(reader, victim)
    _assert_same(reader, truth.files[2])


def test_encapsulated_files_are_read_by_templates(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    strictly: list[str] = []
    real = templates.parse_header
    monkeypatch.setattr(templates, "parse_header", lambda h, seen: strictly.append(h.file.name) or real(h, seen))
    truth = series(count=12, syntax=RLELossless)
    reader = HeaderReader()
    headers = [reader.read(str(p)) for p in truth.files]
    assert len(strictly) == 1
    assert headers == [read_header(p) for p in truth.files]
    assert len({h.file.size for h in headers}) > 1


def test_real_headers_of_a_series_need_one_strict_parse(
    data: Path, ct_head: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strictly: list[str] = []
    real = templates.parse_header
    monkeypatch.setattr(templates, "parse_header", lambda h, seen: strictly.append(h.file.name) or real(h, seen))
    for folder in (data / "asl_4d", data / "small_ct", data / "mr_small_slope", ct_head):
        strictly.clear()
        reader = HeaderReader()
        files = sorted(folder.glob("*.dcm"))
        assert [reader.read(str(p)) for p in files] == [read_header(p) for p in files]
        assert 1 <= len(strictly) <= 1 + len(files) // 4, folder.name


def test_a_damaged_template_does_not_spoil_the_good_files(series: Write, tmp_path: Path) -> None:
    """The reader meets the damaged header first and learns from it, if it can be read at all."""
    truth = series(count=3)
    whole, spans = truth.files[1].read_bytes(), _values(truth.files[1])
    end = read_header(truth.files[1]).pixel_offset
    rng = random.Random(5)
    victim = tmp_path / "mutated"
    for _ in range(300):
        victim.write_bytes(_mutated(whole, spans, end, rng))
        reader = HeaderReader()
        _outcome(reader.read, victim)
        _assert_same(reader, truth.files[1])


def test_flips_of_every_byte_of_the_header(tmp_path: Path) -> None:
    """Two bits of each header byte of a small file, one at a time."""
    whole = raw_image()
    good, victim = tmp_path / "good", tmp_path / "flipped"
    good.write_bytes(whole)
    reader = HeaderReader()
    end = read_header(good).pixel_offset
    for place in range(128, end):
        for bit in (0, 5):
            data = bytearray(whole)
            data[place] ^= 1 << bit
            victim.write_bytes(data)
            _assert_same(reader, victim)
        if place % 50 == 0:
            reader = HeaderReader()
            reader.read(str(good))


def test_truncated_and_longer_files_are_not_taken_for_their_template(tmp_path: Path) -> None:
    whole = raw_image()
    good, victim = tmp_path / "good", tmp_path / "other"
    good.write_bytes(whole)
    reader = HeaderReader()
    reader.read(str(good))
    for data in (whole[:-1], whole[:-12], whole[:200], whole + b"\0\0", whole + b"\1\0", b"", whole[4:]):
        victim.write_bytes(data)
        _assert_same(reader, victim)


def test_a_file_that_is_replaced_is_read_anew(series: Write) -> None:
    truth = series(count=2)
    reader = HeaderReader()
    first = reader.read(str(truth.files[0]))
    truth.files[0].write_bytes(truth.files[1].read_bytes())
    again = reader.read(str(truth.files[0]))
    assert again == read_header(truth.files[0])
    assert again.sop_instance_uid != first.sop_instance_uid


def test_more_layouts_than_templates(series: Write, tmp_path: Path) -> None:
    reader = HeaderReader()
    path = tmp_path / "x"
    for k in range(300):
        path.write_bytes(raw_image((0x00081030, "LO", b"x" * 2 * (k % 290 + 1))))
        _assert_same(reader, path)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_private_values_of_any_length_and_maker_are_read_by_templates(
    series: Write, syntax: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that are too long to say anything too, and CSA headers, whose length differs from slice to slice."""

    def edit(d: Dataset, k: int) -> None:
        maker = d.private_block(0x0019, f"MAKER {k}", create=True)
        maker.add_new(0x0C, "OB", bytes(140_000 if k < 7 else 139_000))
        d.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", b"SV10" + bytes(12_000 + 4 * k))

    truth = series(count=8, syntax=syntax, edit=edit)
    strictly: list[str] = []
    real = templates.parse_header
    monkeypatch.setattr(templates, "parse_header", lambda h, seen: strictly.append(h.file.name) or real(h, seen))
    reader = HeaderReader()
    assert [reader.read(str(path)) for path in truth.files] == [read_header(path) for path in truth.files]
    assert strictly == [str(truth.files[0]), str(truth.files[7])]  # the last one's b-value has another length
