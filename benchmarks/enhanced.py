"""Enhanced multi-frame objects, with as many functional groups a frame as scanners write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydicom import Dataset
from pydicom.uid import EnhancedMRImageStorage

from . import headers

if TYPE_CHECKING:
    from .works import Work

_CONTENT, _STACK_ID, _IN_STACK = 0x00209111, 0x00209056, 0x00209057


def make_object(work: Work, series: int) -> Dataset:
    """Everything but the pixels of one object, whose frames ascend along their normal."""
    dataset = headers.header(work, series, 0)
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceLocation", "KVP"):
        del dataset[keyword]
    dataset.SOPClassUID, dataset.Modality = EnhancedMRImageStorage, "MR"
    dataset.NumberOfFrames = work.slices
    dataset.DimensionOrganizationSequence = [_make_item(DimensionOrganizationUID=headers.uid(7))]
    dataset.DimensionIndexSequence = [
        _make_item(DimensionIndexPointer=tag, FunctionalGroupPointer=_CONTENT, DimensionOrganizationUID=headers.uid(7))
        for tag in (_STACK_ID, _IN_STACK)
    ]
    dataset.SharedFunctionalGroupsSequence = [
        _make_item(
            PlaneOrientationSequence=[_make_item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
            PixelMeasuresSequence=[
                _make_item(
                    PixelSpacing=[0.7, 0.7], SliceThickness=headers.SLICE_MM, SpacingBetweenSlices=headers.SLICE_MM
                )
            ],
        )
    ]
    dataset.PerFrameFunctionalGroupsSequence = [_make_groups(work, k) for k in range(work.slices)]
    return dataset


def _make_groups(work: Work, k: int) -> Dataset:
    block = _make_item(
        FrameContentSequence=[
            _make_item(
                StackID="1",
                InStackPositionNumber=k + 1,
                DimensionIndexValues=[1, k + 1],
                TemporalPositionIndex=1,
                FrameAcquisitionNumber=1,
                FrameAcquisitionDateTime=f"2024031110{k % 60:02d}00.{k:06d}",
                FrameReferenceDateTime=f"2024031110{k % 60:02d}00.{k:06d}",
                FrameAcquisitionDuration=12.5,
            )
        ],
        PlanePositionSequence=[_make_item(ImagePositionPatient=[f"{v:g}" for v in headers.position(k)])],
        PixelValueTransformationSequence=[
            _make_item(RescaleSlope=f"{work.slope:g}", RescaleIntercept=f"{work.intercept:g}", RescaleType="US")
        ],
        FrameVOILUTSequence=[_make_item(WindowCenter=str(300 + k % 700), WindowWidth=str(900 + k % 50))],
        MREchoSequence=[_make_item(EffectiveEchoTime=4.6)],
        MRAveragesSequence=[_make_item(NumberOfAverages=1)],
        MRImageFrameTypeSequence=[
            _make_item(
                FrameType=["ORIGINAL", "PRIMARY", "M", "NONE"],
                PixelPresentation="MONOCHROME",
                VolumetricProperties="VOLUME",
                VolumeBasedCalculationTechnique="NONE",
                ComplexImageComponent="MAGNITUDE",
                AcquisitionContrast="T1",
            )
        ],
    )
    private = block.private_block(0x0021, "BENCHMARK_0021", create=True)
    own = Dataset()
    inside = own.private_block(0x0021, "BENCHMARK_0021", create=True)
    for number in range(24):
        inside.add_new(number, ("DS", "LO", "IS", "SH")[number % 4], str(number * (k + 1)))
    private.add_new(0xFE, "SQ", [own])
    for element in block.iterall():
        if element.VR == "SQ":
            element.is_undefined_length = True
            for item in element.value:
                item.is_undefined_length_sequence_item = True
    block.is_undefined_length_sequence_item = True
    return block


def _make_item(**attributes: Any) -> Dataset:
    item = Dataset()
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return item
