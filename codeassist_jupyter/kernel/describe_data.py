"""Describers of the data libraries, found through `sys.modules`: nothing is imported for them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

Brief = Callable[..., str]

_COLUMNS = 40
_ROWS = 3
_CHEAP = 1_000_000  # values; counting nulls in more would be felt


def describer(kind: type) -> Callable[[Any, Brief], str] | None:
    """The describer of exactly this type, if its library is loaded."""
    found: Callable[[Any, Brief], str] | None = _find(kind, _DESCRIBERS)
    return found


def scalar(kind: type) -> Callable[[Any], str] | None:
    """How a scalar of one of the libraries is written."""
    numpy = sys.modules.get("numpy")
    if numpy is not None and issubclass(kind, numpy.generic) and kind is not numpy.object_:
        return _numpy_scalar if _module_of(kind) == "numpy" else None
    found: Callable[[Any], str] | None = _find(kind, _SCALARS)
    return found


def _find(kind: type, table: dict[tuple[str, str], Any]) -> Any:
    """The entry whose library holds exactly `kind` under that name."""
    name = type.__dict__["__name__"].__get__(kind)
    for (library, known), found in table.items():
        if known == name and library in sys.modules:
            holder: Any = sys.modules[library]
            for part in name.split("."):
                holder = vars(holder).get(part)
            if holder is kind:
                return found
    return None


def _module_of(kind: type) -> Any:
    return type.__dict__["__module__"].__get__(kind)


def _numpy_scalar(value: Any) -> str:
    return str(value)


def _array(value: Any, brief: Brief) -> str:
    head = f"numpy.ndarray, shape {tuple(value.shape)}, dtype {value.dtype}"
    if value.size == 0:
        return head
    corner = value[(slice(0, 4),) * value.ndim] if value.ndim else value
    text = f"{head}, begins {brief(corner.tolist())}"
    if value.dtype.kind in "iuf" and value.size <= _CHEAP:
        text += f", min {value.min()}, max {value.max()}"
    return text


def _frame(value: Any, brief: Brief) -> str:
    rows, columns = value.shape
    head = f"pandas.DataFrame, {rows} rows × {columns} columns"
    cheap = rows * min(columns, _COLUMNS) <= _CHEAP
    lines = [head]
    shown = []
    for position in range(min(columns, _COLUMNS)):
        column = value.iloc[:, position]
        nulls = int(column.isna().sum()) if cheap and _is_known(column.dtype) else 0
        name = _label(value.columns[position], brief)
        lines.append(f"  {name}: {column.dtype}" + (f", {nulls} null" if nulls else ""))
        shown.append([brief(item, 1) for item in _first(column, _ROWS)])
    if columns > _COLUMNS:
        lines.append(f"  … {columns - _COLUMNS} more columns")
    lines += _table(shown)
    return "\n".join(lines)


def _series(value: Any, brief: Brief) -> str:
    nulls = int(value.isna().sum()) if len(value) <= _CHEAP and _is_known(value.dtype) else 0
    text = f"pandas.Series {_label(value.name, brief)} of {len(value)}, dtype {value.dtype}"
    begins = ", ".join(brief(item, 1) for item in _first(value, 5))
    return text + (f", {nulls} null" if nulls else "") + f", begins {begins}"


def _index(value: Any, brief: Brief) -> str:
    begins = ", ".join(brief(item, 1) for item in value[:5].tolist())
    return f"{type(value).__name__} of {len(value)}, dtype {value.dtype}, begins {begins}"


def _first(column: Any, count: int) -> list[Any]:
    """The first values of a pandas column; none of a kind whose code we do not know."""
    known = _is_known(column.dtype) or column.dtype.kind == "O"
    return column.iloc[:count].tolist() if known else []


def _is_known(dtype: Any) -> bool:
    """Whether a dtype is NumPy's or pandas's own, and holds no Python objects."""
    module = _module_of(type(dtype))
    return type(module) is str and module.split(".")[0] in ("numpy", "pandas") and dtype.kind != "O"


def _polars_frame(value: Any, brief: Brief) -> str:
    rows, columns = value.shape
    lines = [f"polars.DataFrame, {rows} rows × {columns} columns"]
    lines += [f"  {name}: {dtype}" for name, dtype in islice(value.schema.items(), _COLUMNS)]
    if columns > _COLUMNS:
        lines.append(f"  … {columns - _COLUMNS} more columns")
    head = value[:, :_COLUMNS].head(_ROWS).rows()
    return "\n".join([*lines, *_table(list(zip(*_briefed(head, brief), strict=True)))])


def _polars_series(value: Any, brief: Brief) -> str:
    begins = ", ".join(brief(item, 1) for item in value.head(5).to_list())
    return f"polars.Series {brief(value.name)} of {len(value)}, {value.dtype}, begins {begins}"


def _arrow_table(value: Any, _: Brief) -> str:
    schema = value.schema
    lines = [f"pyarrow.{type(value).__name__}, {value.num_rows} rows × {value.num_columns} columns"]
    lines += [f"  {field.name}: {field.type}" for field in islice(schema, _COLUMNS)]
    if value.num_columns > _COLUMNS:
        lines.append(f"  … {value.num_columns - _COLUMNS} more columns")
    return "\n".join(lines)


def _tensor(value: Any, _: Brief) -> str:
    return f"torch.Tensor, shape {tuple(value.shape)}, {value.dtype}, on {value.device}"


def _figure(value: Any, brief: Brief) -> str:
    titles = [brief(axes.get_title()) for axes in value.axes[:4]]
    return f"matplotlib Figure with {len(value.axes)} axes: {', '.join(titles)}"


def _axes(value: Any, brief: Brief) -> str:
    drawn = f"{len(value.lines)} lines, {len(value.patches)} patches"
    return f"matplotlib Axes {brief(value.get_title())} with {drawn}"


def _label(name: Any, brief: Brief) -> str:
    return name if type(name) is str and name.isidentifier() else brief(name, 1)


def _briefed(rows: Iterable[Sequence[Any]], brief: Brief) -> list[list[str]]:
    return [[brief(item, 1) for item in row] for row in rows]


def _table(columns: Sequence[Sequence[str]]) -> list[str]:
    """The first rows, given column by column."""
    rows = list(zip(*columns, strict=False))
    return ["  first rows:", *(f"    {', '.join(row)}" for row in rows)] if rows else []


_DESCRIBERS: dict[tuple[str, str], Callable[[Any, Brief], str]] = {
    ("numpy", "ndarray"): _array,
    ("pandas", "DataFrame"): _frame,
    ("pandas", "Series"): _series,
    ("pandas", "Index"): _index,
    ("pandas", "DatetimeIndex"): _index,
    ("pandas", "RangeIndex"): _index,
    ("polars", "DataFrame"): _polars_frame,
    ("polars", "Series"): _polars_series,
    ("pyarrow", "Table"): _arrow_table,
    ("pyarrow", "RecordBatch"): _arrow_table,
    ("torch", "Tensor"): _tensor,
    ("matplotlib.figure", "Figure"): _figure,
    ("matplotlib.axes", "Axes"): _axes,
}
_SCALARS: dict[tuple[str, str], Callable[[Any], str]] = {
    ("pandas", "Timestamp"): str,
    ("pandas", "Timedelta"): str,
    ("pandas", "Period"): str,
    ("pandas", "Interval"): str,
    ("pandas._libs.tslibs.nattype", "NaTType"): str,
    ("pandas._libs.missing", "NAType"): str,
}
