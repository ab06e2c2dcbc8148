"""A header read by its likeness to another one is what the strict parser makes of it, or the same error."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless
from synthetic import Truth, raw_image

from vtkdicomload.errors import CorruptFileError
from vtkdicomload.headers import blocks
from vtkdicomload.headers.elements import LONG_VRS, Encoding, Source, walk
from vtkdicomload.headers.model import Header
from vtkdicomload.headers.parser import parse_header, read_header
from vtkdicomload.headers.reading import HeaderReader
from vtkdicomload.sources.local import as_file
from vtkdicomload.sources.memory import MemoryFile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from vtkdicomload.sources.file import File

    Outcome = Header | tuple[type[BaseException], str]
    Write = Callable[..., Truth]

SERIES = [
    *("asl_4d", "comp_j2k", "comp_rle", "enh_mr_phase", "mono1", "mr_plain4", "mr_small_slope", "not_images"),
    *("rgb_stack", "rtdose_32bit", "seg_1bit", "slope_per_slice", "small_ct"),
]


def _describe(outcome: object) -> Outcome:
    assert isinstance(outcome, (Header, BaseException))
    return outcome if isinstance(outcome, Header) else (type(outcome), str(outcome))


def _parse(file: File | Path) -> Outcome:
    try:
        return read_header(file)
    except Exception as error:
        return _describe(error)


def _read(reader: HeaderReader, files: Sequence[File | Path]) -> list[Outcome]:
    begun = [as_file(file).begin(reader.beginning_bytes) for file in files]
    return [_describe(outcome) for outcome in reader.read(begun)]


def _assert_same(reader: HeaderReader, files: Sequence[File | Path]) -> list[Outcome]:
    """Assert that all files read together are what each of them is by itself, and return that."""
    outcomes = _read(reader, files)
    for k, (file, outcome) in enumerate(zip(files, outcomes, strict=True)):
        assert outcome == _parse(file), (k, file)
    return outcomes


def _hold(contents: Sequence[bytes]) -> list[File]:
    return [MemoryFile.of(data, f"{k}.dcm") for k, data in enumerate(contents)]


@pytest.fixture
def strictly(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were parsed strictly."""
    names: list[str] = []
    real = blocks.parse_header
    monkeypatch.setattr(blocks, "parse_header", lambda h, seen: names.append(h.file.name) or real(h, seen))
    return names


@pytest.mark.parametrize("name", SERIES)
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_real_headers_in_any_order(data: Path, name: str, seed: int | None) -> None:
    files = sorted(p for p in (data / name).iterdir())
    if seed is not None:
        random.Random(seed).shuffle(files)
    reader = HeaderReader()
    _assert_same(reader, files[:1])
    _assert_same(reader, [*files, *files[::-1]])


@pytest.mark.parametrize("seed", [None, 3])
def test_the_demo_series_in_any_order(ct_head: Path, seed: int | None) -> None:
    files = sorted(ct_head.iterdir())
    if seed is not None:
        random.Random(seed).shuffle(files)
    _assert_same(HeaderReader(), files)


def test_all_real_headers_through_one_reader(data: Path) -> None:
    files = [p for p in data.rglob("*") if p.is_file()]
    random.Random(7).shuffle(files)
    reader = HeaderReader()
    _assert_same(reader, files[:50])
    _assert_same(reader, files)
    _assert_same(reader, files)


def test_templates_are_used(series: Write, strictly: list[str]) -> None:
    """Of ten slices that are alike one is parsed strictly."""
    truth = series(count=10, names=[f"{k}" for k in range(10)], gap=1, origin=(0, 0, 10))
    headers = _read(HeaderReader(), truth.files)
    assert strictly == [str(truth.files[0])]
    assert [h.position for h in headers if isinstance(h, Header)] == [tuple(p) for p in truth.positions]


@pytest.mark.parametrize("declared", [10, 14])
def test_another_length_of_the_pixels_is_damage(declared: int) -> None:
    """The file has its size and all its bytes, but declares other than it holds."""
    bad = raw_image((0x7FE00010, "OW", np.arange(6, dtype="<u2").tobytes(), declared))
    assert len(bad) == len(raw_image())
    *good, outcome = _assert_same(HeaderReader(), _hold([*[raw_image()] * 5, bad]))
    assert all(isinstance(header, Header) for header in good)
    assert outcome[0] is CorruptFileError


# ------------------------------------------------------------------------------------------------ drawn structures
_TEXT = st.tuples(st.sampled_from((b"LO", b"SH", b"DS", b"UT", b"UN", b"UC", b"OB")), st.binary(max_size=12))
_NESTED = st.lists(st.lists(_TEXT, max_size=3), max_size=3)


def _element(tag: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    length = len(value) if length is None else length
    size = b"\0\0" + length.to_bytes(4, "little") if vr in LONG_VRS else length.to_bytes(2, "little")
    return (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little") + vr + size + value


def _sequence(tag: int, items: list[list[tuple[bytes, bytes]]], *, open_sequence: bool, open_item: bool) -> bytes:
    """A sequence of items, each of them and itself of defined or undefined length (PS3.5 7.5)."""
    content = b""
    for item in items:
        inside = b"".join(_element(0x00080100 + k, vr, value) for k, (vr, value) in enumerate(item))
        length = 0xFFFFFFFF if open_item else len(inside)
        content += b"\xfe\xff\x00\xe0" + length.to_bytes(4, "little") + inside
        content += b"\xfe\xff\x0d\xe0\0\0\0\0" if open_item else b""
    if not open_sequence:
        return _element(tag, b"SQ", content)
    return _element(tag, b"SQ", content + b"\xfe\xff\xdd\xe0\0\0\0\0", 0xFFFFFFFF)


@st.composite
def _contents(draw: st.DrawFn) -> list[bytes]:
    """Files of one or two structures with values of any length, a byte of some of them changed."""
    whole = raw_image()
    start = whole.index(b"\x20\x00\x0d\x00UI")  # behind what has a lower tag
    contents = []
    for _ in range(draw(st.integers(1, 2))):
        vrs = draw(st.lists(st.sampled_from((b"LO", b"UT", b"UN", b"OB")), max_size=3))
        shape = draw(_NESTED)
        walked = draw(st.booleans())  # a sequence that is entered where its length is defined too
        open_sequence, open_item = draw(st.booleans()), draw(st.booleans())
        for _ in range(draw(st.integers(1, 6))):
            plain = [_element(0x00091001 + k, vr, draw(st.binary(max_size=300))) for k, vr in enumerate(vrs)]
            items = [[(vr, draw(st.binary(max_size=9))) for vr, _ in item] for item in shape]
            tag = 0x00189114 if walked else 0x00189999
            nested = _sequence(tag, items, open_sequence=open_sequence, open_item=open_item)
            data = bytearray(whole[:start] + b"".join(plain) + nested + whole[start:])
            if draw(st.integers(0, 3)) == 0:
                data[draw(st.integers(128, len(data) - 1))] = draw(st.integers(0, 255))
            contents.append(bytes(data))
    return draw(st.permutations(contents))


@settings(max_examples=150, deadline=None)
@given(contents=_contents())
def test_files_of_any_structure_are_read_as_by_themselves(contents: list[bytes]) -> None:
    reader = HeaderReader()
    _assert_same(reader, _hold(contents[:1]))
    _assert_same(reader, _hold(contents))


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
def test_mutations_that_keep_the_length(series: Write, base: str) -> None:
    """Whatever happens to a header, the fast reader says what the strict one says: a Header, or the same error."""
    truth = series(count=3, **BASES[base])
    whole, spans = truth.files[1].read_bytes(), _values(truth.files[1])
    end = read_header(truth.files[1]).pixel_offset
    rng = random.Random(base)
    reader = HeaderReader()
    read = 0
    for k in range(8):
        if k % 3 == 0:
            reader = HeaderReader()  # which meets the good files first, or damaged ones
        good = [path.read_bytes() for path in truth.files]
        mutated = [_mutated(whole, spans, end, rng) for _ in range(80)]
        outcomes = _assert_same(reader, _hold([*good, *mutated] if k % 2 else [*mutated, *good]))
        read += sum(isinstance(outcome, Header) for outcome in outcomes)
    assert read > 74


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
def test_mutations_of_lengths(series: Write, base: str, strictly: list[str]) -> None:
    """Headers whose values are longer or shorter, together with their originals."""
    truth = series(count=3, **BASES[base])
    whole, elements = truth.files[1].read_bytes(), _lengths(truth.files[1])
    good = [path.read_bytes() for path in truth.files]
    rng = random.Random(f"lengths {base}")
    for k in range(8):
        reader = HeaderReader()
        resized = [_resized(whole, elements, rng) for _ in range(80)]
        files = _hold([*good, *resized] if k % 2 else [*resized, *good])
        strictly.clear()
        outcomes = _read(reader, files)
        by_itself = set(strictly)
        assert outcomes == [_parse(file) for file in files], (base, k)
        read = {f.name for f, outcome in zip(files, outcomes, strict=True) if isinstance(outcome, Header)}
        assert base == "big endian" or len(read - by_itself) > 5, "hardly a file was read by a template"


@pytest.mark.parametrize(
    "tail", [b"", b"\0\0", bytes(8), b"\xfc\xff\xfc\xffOB\0\0\0\0\0\0", b"\xfe\xff\xdd\xe0\0\0\0\0"]
)
@pytest.mark.parametrize("cut", [0, 1, 7, 8, 9, 16])
def test_encapsulated_files_that_end_in_another_way(series: Write, tail: bytes, cut: int) -> None:
    truth = series(count=6, syntax=RLELossless)
    contents = [path.read_bytes() for path in truth.files]
    contents[3] = contents[3][: len(contents[3]) - cut] + tail
    _assert_same(HeaderReader(), _hold(contents))


def test_compressed_pixels_that_are_too_few_are_damage(series: Write) -> None:
    """Their file is whole and built like the others."""
    truth = series(count=6, syntax=RLELossless)
    contents = [path.read_bytes() for path in truth.files]
    offset = read_header(truth.files[3]).pixel_offset
    contents[3] = contents[3][:offset] + b"\xfe\xff\xdd\xe0\0\0\0\0"
    outcomes = _assert_same(HeaderReader(), _hold(contents))
    assert [isinstance(outcome, Header) for outcome in outcomes] == [True, True, True, False, True, True]


def test_encapsulated_files_are_read_by_templates(series: Write, strictly: list[str]) -> None:
    truth = series(count=12, syntax=RLELossless)
    headers = _read(HeaderReader(), truth.files)
    assert len(strictly) == 1
    assert headers == [read_header(p) for p in truth.files]
    assert len({p.stat().st_size for p in truth.files}) > 1


def test_real_headers_of_a_series_need_one_strict_parse(data: Path, ct_head: Path, strictly: list[str]) -> None:
    for folder in (data / "asl_4d", data / "small_ct", data / "mr_small_slope", ct_head):
        files = sorted(folder.glob("*.dcm"))
        reader = HeaderReader()
        first = _read(reader, files[:1])
        strictly.clear()
        assert first + _read(reader, files[1:]) == [read_header(p) for p in files]
        assert len(strictly) <= 1 + len(files) // 4, folder.name


def test_a_damaged_template_does_not_spoil_the_good_files(series: Write) -> None:
    """The reader meets the damaged header first and learns from it, if it can be read at all."""
    truth = series(count=4)
    whole, spans = truth.files[1].read_bytes(), _values(truth.files[1])
    good = [path.read_bytes() for path in truth.files]
    end = read_header(truth.files[1]).pixel_offset
    rng = random.Random(5)
    for _ in range(300):
        _assert_same(HeaderReader(), _hold([_mutated(whole, spans, end, rng), *good]))


@pytest.mark.parametrize("bit", range(8))
def test_flips_of_every_byte_of_the_header(tmp_path: Path, bit: int) -> None:
    """One bit of each header byte of a small file."""
    whole = raw_image()
    end = read_header(MemoryFile.of(whole, "good")).pixel_offset
    flipped = []
    for place in range(128, end):
        data = bytearray(whole)
        data[place] ^= 1 << bit
        flipped.append(bytes(data))
    _assert_same(HeaderReader(), _hold([whole, whole, *flipped]))


def test_truncated_and_longer_files_are_not_taken_for_their_template() -> None:
    whole = raw_image()
    others = [whole[:-1], whole[:-12], whole[:200], whole + b"\0\0", whole + b"\1\0", b"", whole[4:]]
    _assert_same(HeaderReader(), _hold([*[whole] * 4, *others]))
    _assert_same(HeaderReader(), _hold([*[whole] * 4, *(whole[:size] for size in range(len(whole)))]))


def test_a_file_that_is_replaced_is_read_anew(series: Write) -> None:
    truth = series(count=2)
    reader = HeaderReader()
    (first,) = _read(reader, truth.files[:1])
    truth.files[0].write_bytes(truth.files[1].read_bytes())
    (again,) = _assert_same(reader, truth.files[:1])
    assert isinstance(again, Header)
    assert isinstance(first, Header)
    assert again.sop_instance_uid != first.sop_instance_uid


def test_layouts_of_any_lengths_are_one_template(strictly: list[str]) -> None:
    files = _hold([raw_image((0x00081030, "LO", b"x" * 2 * (k % 290 + 1))) for k in range(300)])
    assert _read(HeaderReader(), files) == [_parse(file) for file in files]
    assert strictly == ["0.dcm"]


def test_more_layouts_than_templates() -> None:
    """Each file has an element that no other one has, then each twenty do."""
    for alike in (1, 20):
        contents = [raw_image((0x00091000 + k, "LO", b"x")) for k in range(150) for _ in range(alike)]
        reader = HeaderReader()
        _assert_same(reader, _hold(contents))
        _assert_same(reader, _hold(contents[::-1]))


def test_a_header_that_is_longer_than_was_read_of_it(strictly: list[str]) -> None:
    sizes = (*[100] * 6, *[20_000] * 6, *[100] * 6)
    files = _hold([raw_image((0x00091010, "UT", b"x" * size)) for size in sizes])
    reader = HeaderReader()
    expected = [_parse(file) for file in files]
    assert _read(reader, files) == expected
    assert len(strictly) == 2


def test_files_of_several_series_share_a_template_but_not_their_values(series: Write, strictly: list[str]) -> None:
    """Rows, a description and a blank value decide how the rest is understood."""
    many = [
        series(count=4, shape=(8, 8 + k), SeriesDescription=f"series {k}", SliceThickness="" if k % 2 else 2)
        for k in range(5)
    ]
    files = [path for truth in many for path in truth.files]
    random.Random(2).shuffle(files)
    assert _read(HeaderReader(), files) == [_parse(file) for file in files]
    assert len(strictly) == 1


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_private_values_of_any_length_and_maker_are_read_by_templates(
    series: Write, syntax: str, strictly: list[str]
) -> None:
    """Those that are too long to say anything too, and CSA headers, whose length differs from slice to slice."""

    def edit(d: Dataset, k: int) -> None:
        maker = d.private_block(0x0019, f"MAKER {k}", create=True)
        maker.add_new(0x0C, "OB", bytes(140_000 if k < 7 else 139_000))
        d.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", b"SV10" + bytes(12_000 + 4 * k))

    truth = series(count=8, syntax=syntax, edit=edit)
    reader = HeaderReader()
    _read(reader, truth.files[:1])
    strictly.clear()
    assert _read(reader, truth.files) == [read_header(path) for path in truth.files]
    assert strictly == [str(truth.files[7])]  # the last one's b-value has another length
