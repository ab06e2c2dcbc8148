"""The plain data of this room: what one file says, and the frames in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .._util.public import public
from .transfer_syntaxes import DEFLATED_LITTLE

if TYPE_CHECKING:
    from ..sources.file import File
    from .liberties import Liberty

Triple = tuple[float, float, float]


class Dimension(NamedTuple):
    """One dimension of a multi-frame file (PS3.3 C.7.6.17), and where a frame lies along it."""

    keyword: str
    ordinal: int  # 1 for the first
    value: object  # of the attribute that the dimension points at; None where it is no plain value


class Csa(NamedTuple):
    """The slices of a mosaic by its CSA header; that of another image says 0 of them."""

    slices: int  # NumberOfImagesInMosaic
    normal: tuple[float, ...]  # SliceNormalVector, LPS: the way from each slice to the next


@public
class Header(NamedTuple):
    """The header of one file, as far as loading needs it. ``None`` means absent; lengths are in mm, times in ms.

    Attribute names are those of PS3.6 in snake case. `position` is ImagePositionPatient, `orientation`
    ImageOrientationPatient (row cosines, then column cosines), `slope` and `intercept` the linear modality transform.
    """

    file: File  # as it was opened, with its size and stamp
    transfer_syntax: str
    pixel_tag: int
    pixel_vr: bytes
    pixel_offset: int  # in the file; in the inflated data set where the transfer syntax is deflated
    pixel_length: int  # in bytes, of the whole element; up to the sequence delimiter where it is encapsulated
    encapsulated: bool
    functional_groups: bool
    blank: tuple[str, ...]  # keywords of single-valued attributes that are there without a value
    liberties: tuple[Liberty, ...]  # that were taken with the file: one at most
    sop_class_uid: str | None
    sop_instance_uid: str | None
    study_uid: str | None
    study_date: str | None
    series_uid: str | None
    frame_of_reference_uid: str | None
    modality: str | None
    series_description: str | None
    series_number: int | None
    instance_number: int | None
    image_type: tuple[str, ...]
    position: Triple | None
    orientation: tuple[float, float, float, float, float, float] | None
    pixel_spacing: tuple[float, float] | None
    imager_pixel_spacing: tuple[float, float] | None
    region_spacing: tuple[float, float] | None  # of ultrasound without PixelSpacing, in the order of that
    pixel_aspect_ratio: tuple[float, float] | None  # height and width
    slice_thickness: float | None
    spacing_between_slices: float | None
    gantry_tilt: float | None
    slice_location: float | None
    rows: int
    columns: int
    samples: int
    planar_configuration: int
    photometric_interpretation: str
    palette_bits: int | None  # of the entries of a colour palette
    bits_allocated: int
    bits_stored: int
    high_bit: int
    pixel_representation: int
    number_of_frames: int
    slope: float | None
    intercept: float | None
    rescale_type: str | None
    units: str | None
    has_modality_lut: bool
    window_center: float | None
    window_width: float | None
    padding_value: float | None  # of whole pixels or of floats, as this image has them
    padding_limit: float | None  # the other end of a range of padding
    temporal_position: int | None
    echo_number: int | None
    echo_time: float | None
    acquisition_number: int | None
    acquisition_date: str | None
    acquisition_time: str | None
    content_time: str | None
    trigger_time: float | None
    inversion_time: float | None
    flip_angle: float | None
    phase_encoding: str | None  # ROW or COL, along which it runs
    kvp: float | None
    convolution_kernel: str | None
    stack_id: str | None  # of a single-frame file
    cardiac_number_of_images: int | None
    number_of_temporal_positions: int | None
    frame_reference_time: float | None
    image_index: int | None  # of PET, PS3.3 C.8.9.4.1.9
    number_of_slices: int | None
    number_of_time_slices: int | None
    number_of_rr_intervals: int | None
    number_of_time_slots: int | None
    complex_component: str | None
    b_value: float | None
    diffusion_direction: Triple | None
    dimension_organization: str | None
    total_rows: int | None  # of the whole image that the frames are tiles of
    total_columns: int | None
    on_slide: bool  # functional groups place a frame on a slide
    segment: int | None  # ReferencedSegmentNumber, of a frame of a segmentation object
    segment_label: str | None
    stack: tuple[tuple[str, str], ...]  # of a multi-frame file: what its frames are stacked by, keywords and values
    dimensions: tuple[Dimension, ...]
    mapped_values: tuple[float, float] | None  # the first and last stored value that has a real-world value
    csa: Csa | None  # of Siemens
    creator_0019: str | None
    b_value_of_siemens: tuple[float, ...] | None
    direction_of_siemens: tuple[float, ...] | None
    creator_0043: str | None
    b_value_of_ge: tuple[float, ...] | None
    frequency_part_of_ge: tuple[float, ...] | None  # of its diffusion gradient
    phase_part_of_ge: tuple[float, ...] | None
    slice_part_of_ge: tuple[float, ...] | None
    vframes: bool  # private attributes of United Imaging tell of tiles
    creator_2001: str | None
    b_value_of_philips: tuple[float, ...] | None
    slices_of_philips: tuple[int, ...] | None  # Number of Slices MR
    images_in_acquisition: int | None
    frame_time: float | None
    frame_time_vector: tuple[float, ...] | None
    cine_rate: float | None
    tiles_across: int  # how many frames lie side by side in the stored image: more than 1 in a mosaic
    tiles_down: int  # and how many one above the other

    @property
    def path(self) -> str:
        """The name of the file."""
        return self.file.name

    @property
    def is_tile(self) -> bool:
        """Tell whether the frames are tiles of one stored image."""
        return self.tiles_across > 1 or self.tiles_down > 1

    @property
    def row_bytes(self) -> int:
        """From one stored row of a frame to the next, where it is native and its samples are not planar."""
        return self.tiles_across * self.columns * self.samples * self.bits_allocated // 8

    @property
    def native(self) -> bool:
        """Tell whether the stored values lie in the file as they are."""
        return not self.encapsulated and self.transfer_syntax != DEFLATED_LITTLE


@public
class Frame(NamedTuple):
    """One image: everything after scanning works on these. A single-frame file has one, a multi-frame one many."""

    header: Header
    index_in_file: int
    position: Triple | None
    orientation: tuple[float, float, float, float, float, float] | None
    slope: float
    intercept: float
    offset: int  # of its stored bytes in the file, -1 where they do not lie there by themselves
    length: int  # of its stored bytes

    @property
    def path(self) -> str:
        """The name of the file that holds the frame."""
        return self.header.file.name
