"""The SOP classes that are treated in a way of their own (PS3.4 B.5)."""

from __future__ import annotations

import re

STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
RT_DOSE = "1.2.840.10008.5.1.4.1.1.481.2"
NUCLEAR_MEDICINE = "1.2.840.10008.5.1.4.1.1.20"
SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"
WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"

_SPECTROSCOPY = "1.2.840.10008.5.1.4.1.1.4.2"  # has rows and columns of spectra

# SOP classes without an image, or that may do without (a dose that is histograms only). A file of any other standard
# class without pixel data has lost it; private classes may be anything.
_NO_IMAGE = re.compile(
    r"1\.2\.840\.10008\.(?:1\.|5\.1\.1\.|5\.1\.4\.[34]\d|5\.1\.4\.1\.2\.|5\.1\.4\.1\.1\.(?:"
    r"88\.|11\.|9\.|104\.|481\.[2-9]|66(?:\.[12356])?$|67$|68\.|7[89]\.|80\.|20[01]\.))"
)


def explain_lost_pixels(values: dict[str, object]) -> str | None:
    """Say why a file without pixel data must have had some, in words; None where it is a report, a plan or private.

    Parameters
    ----------
    values : dict
        The attributes found in it, by their names in `Header`.
    """
    uid = values.get("sop_class_uid")
    if uid == _SPECTROSCOPY:
        return None
    if "rows" in values or "columns" in values:
        return "it declares Rows and Columns but holds no pixel data: it is truncated or was stripped"
    if not isinstance(uid, str):
        return "it holds neither a SOPClassUID nor pixel data: it is truncated"
    if uid.startswith("1.2.840.10008.") and not _NO_IMAGE.match(uid):
        return f"its SOP class {uid} is an image, but it holds no pixel data: it is truncated"
    return None
