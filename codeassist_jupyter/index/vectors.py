"""The vectors of one encoder: a matrix in memory to search, a LanceDB table to keep them.

A vector is filed under the key of the text it stands for, never under a chunk. So the table is
also the embedding cache: a file that moves or comes back with another branch costs nothing.
"""

from __future__ import annotations

import datetime
import os
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import IndexFailed
from .embed import Vectors as Matrix
from .failure import failed

if TYPE_CHECKING:
    import pyarrow as pa

# Readers of an older version fail when it is cleaned up; ours hold one for milliseconds.
_KEEP_VERSIONS = datetime.timedelta(minutes=10)
_SPARE = 20_000  # unused vectors kept as a cache whatever the size of the project
_OPTIMIZE_AFTER = 64  # writes; each leaves a version and a fragment behind


class Vectors:
    """Vectors by text key, searched by exact dot product; without a folder, in memory only.

    Half precision on disk, float32 in memory: numpy multiplies half precision seven times
    slower. `half` keeps it in memory, too, for vectors of which a query looks at a few hundred.
    Nothing is read, and lancedb is not imported, before `load`.
    """

    def __init__(self, folder: Path | None, table: str, dimension: int, half: bool = False) -> None:
        self._folder = folder
        self._name = table
        self.dimension = dimension
        self.complete_at = -1  # version of the roster of which no text was missing
        self._lock = threading.Lock()
        self._matrix: NDArray[np.floating] = np.zeros(
            (0, dimension), np.float16 if half else np.float32
        )
        self._sum: Matrix = np.zeros(dimension, np.float32)
        self._rows: dict[str, int] = {}
        self._keys: list[str] = []
        self._table: Any = None
        self._writes = 0

    def __contains__(self, key: str) -> bool:
        return key in self._rows

    def __len__(self) -> int:
        return len(self._keys)

    def load(self, wanted: set[str]) -> None:
        """Read the vectors of `wanted` into memory; raises IndexFailed on damage."""
        if self._folder is None or self._table is not None:
            return
        os.environ.setdefault("LANCE_LOG", "error")
        import lancedb

        try:
            self._table = _open_table(lancedb.connect(self._folder), self._name, self._schema())
            stored = self._table.to_arrow()
        except (OSError, RuntimeError, ValueError) as exc:
            self._table = None
            raise IndexFailed(f"the vectors are damaged: {exc}") from exc
        keys = stored["key"].to_pylist()
        rows = {key: row for row, key in enumerate(keys) if key in wanted and key not in self}
        flat = stored["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        self._append(list(rows), flat.reshape(-1, self.dimension)[list(rows.values())])
        if len(keys) > 2 * len(rows) + _SPARE:
            kept = self._rows_of(self._keys, self._matrix[: len(self._keys)])
            self._table.add(kept, mode="overwrite")

    def drop(self) -> None:
        """Delete the table from disk, whatever its state."""
        if self._folder is not None:
            shutil.rmtree(self._folder / f"{self._name}.lance", ignore_errors=True)

    def add(self, keys: Sequence[str], vectors: Matrix, durable: bool = True) -> None:
        """File vectors under their keys; durable ones need `load` first."""
        if durable and self._table is not None:
            try:
                self._table.add(self._rows_of(keys, vectors))
            except (OSError, RuntimeError) as exc:
                raise failed("the vectors cannot be written", exc) from exc
            self._writes += 1
        fresh = [row for row, key in enumerate(keys) if key not in self]
        self._append([keys[row] for row in fresh], vectors[fresh])

    def scores(self, query: Matrix, rows: Sequence[int] | None = None) -> Matrix:
        """Cosine of the query with some rows or with every row, in the order of `key_at`."""
        count = len(self._keys)  # before the matrix: it only grows
        chosen = self._matrix[:count] if rows is None else self._matrix[list(rows)]
        # The matrix product would wake all threads of BLAS, which wait for busy cores.
        result: Matrix = np.vecdot(chosen.astype(np.float32, copy=False), query)
        return result

    def average(self, query: Matrix) -> float:
        """The mean cosine of the query with all rows."""
        return float(self._sum @ query) / (len(self._keys) or 1)

    def key_at(self, row: int) -> str:
        return self._keys[row]

    def row_of(self, key: str) -> int | None:
        return self._rows.get(key)

    def tidy(self) -> None:
        """Merge the fragments that many small writes have left; for idle times."""
        if self._table is None or self._writes < _OPTIMIZE_AFTER:
            return
        try:
            self._table.optimize(cleanup_older_than=_KEEP_VERSIONS)
        except (OSError, RuntimeError) as exc:
            raise failed("the vectors cannot be written", exc) from exc
        self._writes = 0

    def _append(self, keys: Sequence[str], vectors: Matrix) -> None:
        with self._lock:
            used, total = len(self._keys), len(self._keys) + len(keys)
            if total > len(self._matrix):
                shape = max(total, used * 3 // 2), self.dimension
                grown = np.zeros(shape, self._matrix.dtype)
                grown[:used] = self._matrix[:used]
                self._matrix = grown
            self._matrix[used:total] = vectors
            self._sum += vectors.sum(axis=0, dtype=np.float32)
            self._rows.update(zip(keys, range(used, total), strict=True))
            self._keys.extend(keys)  # last: `scores` looks no further than this

    def _schema(self) -> pa.Schema:
        import pyarrow as pa

        vector = pa.list_(pa.float16(), self.dimension)
        return pa.schema([("key", pa.string()), ("vector", vector)])

    def _rows_of(self, keys: Sequence[str], vectors: Matrix) -> pa.Table:
        import pyarrow as pa

        flat = pa.array(vectors.astype(np.float16).ravel())
        column = pa.FixedSizeListArray.from_arrays(flat, self.dimension)
        return pa.table({"key": list(keys), "vector": column}, schema=self._schema())


def _open_table(database: Any, name: str, schema: pa.Schema) -> Any:
    if name in database.list_tables().tables:
        return database.open_table(name)
    return database.create_table(name, schema=schema)
