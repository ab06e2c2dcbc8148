"""The SOP classes that are treated in a way of their own (PS3.4 B.5)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection


STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
RT_DOSE = "1.2.840.10008.5.1.4.1.1.481.2"
NUCLEAR_MEDICINE = "1.2.840.10008.5.1.4.1.1.20"
ENHANCED_PET = "1.2.840.10008.5.1.4.1.1.130"
SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"
WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"

# SOP classes whose module has no pixel data, even where Rows and Columns stand in it: spectra have rows and columns of
# them, raw data those of the image that it is for. A file of any other standard class without pixel data has lost it.
_NO_IMAGE = re.compile(
    r"1\.2\.840\.10008\.(?:1\.|5\.1\.1\.27$|5\.1\.4\.(?:3[489]|4\d)\.|5\.1\.4\.1\.2\.|5\.1\.4\.1\.1\.(?:"
    r"4\.2$|8$|9$|9\.|10$|11$|11\.|66$|66\.[12356]$|67$|68\.|77\.1\.5\.3$|78\.|79\.|80\.|88\.|9[01]\.|104\.|129$|131$"
    r"|20[01]\.|481\.(?:[3-9]|1\d|2[0-2]|25)$|501\.[36]$))"
)
_STANDARD = "1.2.840.10008."


def has_no_image(uids: Collection[str]) -> bool:
    """Tell whether files of an SOP class never hold an image; given all that a file says of its class."""
    return bool(uids) and all(map(_NO_IMAGE.match, uids))


def is_secondary_capture(uid: str | None) -> bool:
    """Tell whether a SOP class is a picture of a screen, a film or anything else, single-frame or multi-frame."""
    return uid is not None and (uid == _SECONDARY_CAPTURE or uid.startswith(f"{_SECONDARY_CAPTURE}."))


def explain_lost_pixels(values: dict[str, object]) -> str | None:
    """Say why a file without pixel data must have had some, in words; None where it is a report, a plan or private.

    Parameters
    ----------
    values : dict
        The attributes found in it, by their names in `Header`.
    """
    uid = values.get("sop_class_uid")
    if isinstance(uid, str) and (_NO_IMAGE.match(uid) or is_private(uid)):
        return None
    if "rows" in values or "columns" in values:
        return "it declares Rows and Columns but holds no pixel data: it is truncated or was stripped"
    if not isinstance(uid, str):
        return "it holds neither a SOPClassUID nor pixel data: it is truncated"
    if uid != RT_DOSE:  # which may be histograms only
        return f"its SOP class {uid} is an image, but it holds no pixel data: it is truncated"
    return None


def is_private(uid: str) -> bool:
    """Tell whether an SOP class is none of the standard's: of what it holds nothing is known."""
    return bool(uid) and not uid.startswith(_STANDARD)
