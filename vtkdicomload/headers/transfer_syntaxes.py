"""The transfer syntaxes by UID (PS3.6 table A-1): their names and families."""

from __future__ import annotations

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED_LITTLE = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
ENCAPSULATED_UNCOMPRESSED = "1.2.840.10008.1.2.1.98"
DEFLATED_FRAME = "1.2.840.10008.1.2.8.1"
RLE_LOSSLESS = "1.2.840.10008.1.2.5"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
JPEG_SPECTRAL_SELECTION = "1.2.840.10008.1.2.4.53"
JPEG_FULL_PROGRESSION = "1.2.840.10008.1.2.4.55"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.57"
JPEG_LOSSLESS_SV1 = "1.2.840.10008.1.2.4.70"
JPEG_LS_LOSSLESS = "1.2.840.10008.1.2.4.80"
JPEG_LS_NEAR_LOSSLESS = "1.2.840.10008.1.2.4.81"
JPEG_2000_LOSSLESS = "1.2.840.10008.1.2.4.90"
JPEG_2000_ANY = "1.2.840.10008.1.2.4.91"
JPEG_XL_LOSSLESS = "1.2.840.10008.1.2.4.110"
JPEG_XL_RECOMPRESSED_JPEG = "1.2.840.10008.1.2.4.111"
JPEG_XL_ANY = "1.2.840.10008.1.2.4.112"
HTJ2K_LOSSLESS = "1.2.840.10008.1.2.4.201"
HTJ2K_LOSSLESS_RPCL = "1.2.840.10008.1.2.4.202"
HTJ2K_ANY = "1.2.840.10008.1.2.4.203"

# Families. ANY in a name stands for lossless and lossy streams alike; HTJ2K is JPEG 2000 (Part 15) to its decoders.
NATIVE_SYNTAXES = frozenset((IMPLICIT_LITTLE, EXPLICIT_LITTLE, DEFLATED_LITTLE, EXPLICIT_BIG))
LOSSY_JPEG = frozenset((JPEG_BASELINE, JPEG_EXTENDED, JPEG_SPECTRAL_SELECTION, JPEG_FULL_PROGRESSION))
JPEG = LOSSY_JPEG | {JPEG_LOSSLESS, JPEG_LOSSLESS_SV1}
JPEG_LS = frozenset((JPEG_LS_LOSSLESS, JPEG_LS_NEAR_LOSSLESS))
JPEG_2000 = frozenset((JPEG_2000_LOSSLESS, JPEG_2000_ANY, HTJ2K_LOSSLESS, HTJ2K_LOSSLESS_RPCL, HTJ2K_ANY))
JPEG_XL = frozenset((JPEG_XL_LOSSLESS, JPEG_XL_RECOMPRESSED_JPEG, JPEG_XL_ANY))
# Streams of whole stored words, which do not say how large the image is.
STORED_WORDS = frozenset((RLE_LOSSLESS, ENCAPSULATED_UNCOMPRESSED, DEFLATED_FRAME))
# Two decoders of a lossy stream may round differently.
LOSSY = LOSSY_JPEG | {JPEG_LS_NEAR_LOSSLESS, JPEG_2000_ANY, HTJ2K_ANY, JPEG_XL_RECOMPRESSED_JPEG, JPEG_XL_ANY}

_NAMES = {
    IMPLICIT_LITTLE: "Implicit VR Little Endian",
    EXPLICIT_LITTLE: "Explicit VR Little Endian",
    DEFLATED_LITTLE: "Deflated Explicit VR",
    EXPLICIT_BIG: "Explicit VR Big Endian",
    ENCAPSULATED_UNCOMPRESSED: "Encapsulated Uncompressed",
    DEFLATED_FRAME: "Deflated Image Frame",
    RLE_LOSSLESS: "RLE Lossless",
    JPEG_BASELINE: "JPEG Baseline",
    JPEG_EXTENDED: "JPEG Extended",
    JPEG_SPECTRAL_SELECTION: "JPEG Spectral Selection",
    JPEG_FULL_PROGRESSION: "JPEG Full Progression",
    JPEG_LOSSLESS: "JPEG Lossless",
    JPEG_LOSSLESS_SV1: "JPEG Lossless SV1",
    JPEG_LS_LOSSLESS: "JPEG-LS Lossless",
    JPEG_LS_NEAR_LOSSLESS: "JPEG-LS Near-lossless",
    JPEG_2000_LOSSLESS: "JPEG 2000 Lossless",
    JPEG_2000_ANY: "JPEG 2000",
    JPEG_XL_LOSSLESS: "JPEG XL Lossless",
    JPEG_XL_RECOMPRESSED_JPEG: "JPEG XL JPEG Recompression",
    JPEG_XL_ANY: "JPEG XL",
    HTJ2K_LOSSLESS: "HTJ2K Lossless",
    HTJ2K_LOSSLESS_RPCL: "HTJ2K Lossless RPCL",
    HTJ2K_ANY: "HTJ2K",
    # Not read, named for the message that says so.
    "1.2.840.10008.1.2.4.92": "JPEG 2000 Part 2 Lossless",
    "1.2.840.10008.1.2.4.93": "JPEG 2000 Part 2",
    "1.2.840.10008.1.2.4.94": "JPIP Referenced",
    "1.2.840.10008.1.2.4.95": "JPIP Referenced Deflate",
    "1.2.840.10008.1.2.4.204": "JPIP HTJ2K Referenced",
    "1.2.840.10008.1.2.4.205": "JPIP HTJ2K Referenced Deflate",
}
# How their UIDs begin: one more part says that the stream is fragmentable.
_VIDEO = {
    **dict.fromkeys((f"1.2.840.10008.1.2.4.{n}" for n in (100, 101)), "MPEG-2"),
    **dict.fromkeys((f"1.2.840.10008.1.2.4.{n}" for n in (102, 103, 104, 105, 106)), "MPEG-4 AVC"),
    **dict.fromkeys((f"1.2.840.10008.1.2.4.{n}" for n in (107, 108)), "HEVC"),
}


def name_syntax(uid: str) -> str:
    """The standard's name of a transfer syntax; the UID itself where it is not known here."""
    video = next((name for beginning, name in _VIDEO.items() if uid.startswith(beginning)), None)
    return video or _NAMES.get(uid, uid or "unknown")
