"""pyarrow, which is optional: everything of it that an index needs."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ..._util.atomic import name_file
from ..._util.optional import require

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pa = require("pyarrow", extra="index")
pc = require("pyarrow.compute", extra="index")
pq = require("pyarrow.parquet", extra="index")

TEMPORARY = ".tmp-"  # what a name begins with until the file is whole


@contextmanager
def replace_parquet(path: str, schema: Any, metadata: Mapping[str, str] | None = None) -> Iterator[Any]:
    """Give a `ParquetWriter` whose file takes its name once it is whole; after an error there is nothing of it."""
    folder = os.path.dirname(path)
    os.makedirs(folder, exist_ok=True)
    # No suffix: whatever looks for Parquet files does not find it.
    temporary = os.path.join(folder, f"{TEMPORARY}{secrets.token_hex(8)}")
    try:
        with name_file(path), pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
            if metadata:
                writer.add_key_value_metadata(dict(metadata))
            yield writer
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise


def list_values(column: Any) -> list[Any]:
    """The values of a column as Python objects; `to_pylist` takes several times as long, for each value."""
    if column.null_count == len(column):
        return [None] * len(column)
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    values: list[Any]
    if pa.types.is_list(array.type):
        ends = np.cumsum(np.asarray(pc.fill_null(array.value_lengths(), 0))).tolist()
        flat = list_values(array.flatten())
        values = [flat[start:end] for start, end in pairwise([0, *ends])]
        if array.null_count:
            values = [
                value if valid else None for value, valid in zip(values, array.is_valid().to_pylist(), strict=True)
            ]
    elif _is_text(array.type) or (not array.null_count and not pa.types.is_nested(array.type)):
        values = array.to_numpy(zero_copy_only=False).tolist()
    else:
        values = array.to_pylist()
    return values


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_binary(kind))
