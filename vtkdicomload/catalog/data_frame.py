"""A table of plain values as a pandas DataFrame."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from .._util.optional import require
from .rows import StackRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

_KINDS = {
    "int": "int64",
    "int | None": "Int64",
    "float | None": "float64",
    "bool": "bool",
    "date | None": "datetime64[s]",
}


def to_pandas(rows: Sequence[StackRow], kind: type[StackRow] = StackRow) -> pd.DataFrame:
    """A DataFrame with a row a stack and a column an attribute of `kind`, of the same types for any scan."""
    pandas = require("pandas", extra="pandas")
    columns = {
        field.name: pandas.Series(
            [getattr(row, field.name) for row in rows], dtype=_KINDS.get(str(field.type), "object")
        )
        for field in fields(kind)
        if not field.metadata.get("private")
    }
    frame: pd.DataFrame = pandas.DataFrame(columns)
    return frame
