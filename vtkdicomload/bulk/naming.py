"""Names of new files, from what a stack says of itself."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from string import Formatter
from typing import TYPE_CHECKING

from .._util.wording import describe_argument

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ..stacks.series_data import SeriesData

DEFAULT_TEMPLATE = "{modality}_{number}_{description}_{uid:8}"
_LONGEST_FIELD = 64  # characters
_LONGEST_NAME = 200  # bytes; file systems end at 255, with what is added
_UNFIT = re.compile(r"[^\w.+-]+")
_EMPTY = re.compile(r"_{2,}")


class _Uid:
    """A UID; ``{uid:8}`` is 8 digits of its hash, since UIDs are long and begin alike."""

    def __init__(self, uid: str | None) -> None:
        self._uid = uid or ""

    def __format__(self, spec: str) -> str:
        return hashlib.sha256(self._uid.encode()).hexdigest()[: int(spec)] if spec else _clean(self._uid)


def _clean(said: object) -> str:
    """A value as a part of a file name; nothing where there is none."""
    return _UNFIT.sub("-", "" if said is None else str(said)).strip("-._")[:_LONGEST_FIELD]


def _cut(name: str) -> str:
    """The path or name with a last part that file systems take."""
    folder, slash, last = name.rpartition("/")
    return folder + slash + last.encode()[:_LONGEST_NAME].decode(errors="ignore")


def name_stack(stack: SeriesData, template: str) -> str:
    """The name that a template gives a stack, without a suffix: ``/`` in the template makes folders.

    Raises
    ------
    ValueError
        The template has a field that does not exist, or is no template.
    """
    name = template.format_map(_list_fields(stack))
    parts = [_cut(_EMPTY.sub("_", part).strip("_-. ")) or "unnamed" for part in name.split("/") if part]
    return "/".join(parts) or "unnamed"


def _list_fields(stack: SeriesData) -> dict[str, object]:
    number = stack.number
    return {
        "modality": _clean(stack.modality),
        "number": "" if number is None else number,
        "description": _clean(stack.description),
        "label": _clean(stack.label),
        "date": _clean(stack.date),
        "plane": _clean(stack.plane),
        "folder": _clean((stack.folder or "").replace("\\", "/").rpartition("/")[2]),
        "uid": _Uid(stack.uid),
        "study": _Uid(stack.header.study_uid),
    }


_FIELDS = ("modality", "number", "description", "label", "date", "plane", "folder", "uid", "study")


def check_template(template: str) -> None:
    """Refuse a template of names with an unknown field or a format that does not fit, before anything is read."""
    if not isinstance(template, str) or not template.strip("/") or not template.isprintable():
        raise ValueError(f"name must be a template such as {DEFAULT_TEMPLATE!r}, not {describe_argument(template)}")
    try:
        fields = [(field, spec or "") for _, field, spec, _ in Formatter().parse(template) if field is not None]
    except ValueError as error:
        raise ValueError(f"name= is no template: {error}") from error
    for field, spec in fields:
        _check_field(field, spec)


def _check_field(field: str, spec: str) -> None:
    if field not in _FIELDS:
        raise ValueError(f"name= has no field {{{field}}}; there are {', '.join(_FIELDS)}")
    if not spec:
        return
    if field in ("uid", "study"):
        if not (spec.isdecimal() and 4 <= int(spec) <= 64):
            raise ValueError(f"{{{field}:{spec}}} in name= is a number of digits from 4 to 64, as in {{{field}:8}}")
    elif field != "number":
        raise ValueError(f"{{{field}}} in name= takes no format")
    elif not re.fullmatch(r"0?\d{1,2}", spec):
        raise ValueError(f"{{number:{spec}}} in name= is a width, as in {{number:03}}")


def name_stacks(stacks: Sequence[SeriesData], template: str, taken: Collection[str] = ()) -> list[str]:
    """Name stacks, each by a name of its own: the label is added where stacks of one series would share one.

    Parameters
    ----------
    taken : collection of str
        Names that other stacks have already, in lower case.
    """
    names = [name_stack(stack, template) for stack in stacks]
    if "{label}" not in template:
        counts = Counter(names)
        names = [
            _cut(f"{name}_{_clean(stack.label)}").rstrip("_") if counts[name] > 1 else name
            for name, stack in zip(names, stacks, strict=True)
        ]
    used = set(taken)
    last: Counter[str] = Counter()  # of each name the number that was tried last
    unique = []
    for name in names:
        chosen = name
        while chosen.lower() in used:  # file systems may not tell upper from lower case
            last[name] += 1
            chosen = f"{name}_{last[name] + 1}"
        used.add(chosen.lower())
        unique.append(chosen)
    return unique
