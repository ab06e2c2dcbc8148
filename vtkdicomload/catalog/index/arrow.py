"""pyarrow, which is optional: everything of it that an index needs."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

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
        with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
            if metadata:
                writer.add_key_value_metadata(dict(metadata))
            yield writer
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise


def list_values(column: Any) -> list[Any]:
    """The values of a column as Python objects; quickly where it is empty, as most columns of a header are."""
    values: list[Any] = [None] * len(column) if column.null_count == len(column) else column.to_pylist()
    return values
