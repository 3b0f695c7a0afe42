"""Describers of the data libraries, found through `sys.modules`: nothing is imported for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

from .. import security
from .peek import comes_from, instance_dict, is_a, loaded, plain_name

Brief = Callable[..., str]

_COLUMNS = 40
_ROWS = 3
_CHEAP = 1_000_000  # values; counting nulls in more would be felt
_ZONES = ("datetime", "zoneinfo", "pytz", "dateutil")


def describer(kind: type) -> Callable[[Any, Brief], str] | None:
    """The describer of exactly this type, if its library is loaded."""
    name = plain_name(kind, qualified=False)
    for (library, known), found in _DESCRIBERS.items():
        if known == name and loaded(library, known) is kind:
            return found
    return None


def scalar(value: Any) -> str | None:
    """How a scalar of one of the libraries is written; None for anything else."""
    kind = type(value)
    generic = loaded("numpy", "generic")
    if generic is not None and is_a(value, generic):
        known = comes_from(kind, "numpy") and value.dtype.kind not in "OV"
        return str(value) if known else None
    if not comes_from(kind, "pandas") or plain_name(kind) not in _SCALARS:
        return None
    return str(value) if plain_name(kind) != "Timestamp" or knows_zone(value) else None


def knows_zone(value: Any) -> bool:
    """Whether a date or time has no zone, or one whose code is not the user's."""
    return value.tzinfo is None or comes_from(type(value.tzinfo), *_ZONES)


def _array(value: Any, brief: Brief) -> str:
    head = f"numpy.ndarray, shape {tuple(value.shape)}, dtype {value.dtype}"
    if value.size == 0:
        return head
    corner = value[(0,) * (value.ndim - 2) + (slice(0, 4),) * min(value.ndim, 2)]
    is_date = value.dtype.kind in "mM"
    text = f"{head}, begins {brief((corner.astype(str) if is_date else corner).tolist())}"
    if value.dtype.kind in "iuf" and value.size <= _CHEAP:
        text += f", min {value.min()}, max {value.max()}"
    return text


def _frame(value: Any, brief: Brief) -> str:
    rows, columns = value.shape
    lines = [f"pandas.DataFrame, {rows} rows × {columns} columns"]
    shown = []
    is_open = _is_open(value)
    for position, label in enumerate(islice(value.columns, _COLUMNS)):
        name = _label(label, brief)
        if not is_open:
            lines.append(f"  {name}")
            continue
        column = value.iloc[:, position]
        lines.append(f"  {name}: {dtype_name(column.dtype)}{_nulls(column, _CHEAP // columns)}")
        shown.append(_values(label, first_values(column, _ROWS), brief))
    if columns > _COLUMNS:
        lines.append(f"  … {columns - _COLUMNS} more columns")
    return "\n".join([*lines, *_table(shown)])


def _series(value: Any, brief: Brief) -> str:
    head = f"pandas.Series {_label(value.name, brief)} of {len(value)}"
    if not _is_open(value):
        return head
    begins = ", ".join(_values(value.name, first_values(value, 5), brief))
    return f"{head}, dtype {dtype_name(value.dtype)}{_nulls(value, _CHEAP)}, begins {begins}"


def _index(value: Any, brief: Brief) -> str:
    head = f"pandas.{plain_name(type(value))} of {len(value)}, dtype {dtype_name(value.dtype)}"
    if not _is_known(value.dtype) and value.dtype.kind != "O":
        return head
    return f"{head}, begins {', '.join(brief(item, 1) for item in value[:5].tolist())}"


def column(frame: Any, key: str | int) -> Any:
    """The column of a pandas or polars DataFrame, or one of its facts such as `shape`.

    Raises LookupError where there is none, or more than one.
    """
    if type(frame) is not loaded("pandas", "DataFrame"):
        if key in frame.columns:
            return frame.get_column(key)
    else:
        # By position: a look-up by label would compare it with labels of any type.
        found = [
            n for n, label in enumerate(frame.columns) if type(label) is type(key) and label == key
        ]
        if len(found) == 1 and _is_open(frame):
            return frame.iloc[:, found[0]]
    if key in ("shape", "columns"):
        return getattr(frame, str(key))
    raise LookupError(str(key))


def is_frame(value: object) -> bool:
    """Whether a value is exactly a pandas or polars DataFrame, whose code is not the user's."""
    return any(type(value) is loaded(library, "DataFrame") for library in ("pandas", "polars"))


def _is_open(value: Any) -> bool:
    """Whether a frame or series may be cut without running code of others.

    pandas copies `attrs` deeply with every cut, and asks a foreign extension array to cut itself.
    """
    manager = instance_dict(value).get("_mgr")
    arrays = getattr(manager, "arrays", ()) if comes_from(type(manager), "pandas") else ()
    own = all(comes_from(type(array), "numpy", "pandas") for array in arrays)
    plain = (str, int, float, bool, type(None))
    return own and all(any(type(v) is kind for kind in plain) for v in value.attrs.values())


def _nulls(column: Any, most: int) -> str:
    """How many values are null, where that is cheap to count."""
    count = int(column.isna().sum()) if len(column) <= most and _is_known(column.dtype) else 0
    return f", {count} null" if count else ""


def is_cheap(column: Any) -> bool:
    """Whether all values of a column may be looked at, and hold no Python objects."""
    return len(column) <= _CHEAP and _is_known(column.dtype)


def _values(label: Any, values: Iterable[Any], brief: Brief) -> list[str]:
    hidden = type(label) is str and security.secret_name(label)
    return ["[redacted]" if hidden else brief(value, 1) for value in values]


def first_values(column: Any, count: int) -> list[Any]:
    """The first values of a pandas column; none of a kind whose code we do not know."""
    known = _is_known(column.dtype) or column.dtype.kind == "O"
    return column.iloc[:count].tolist() if known else []


def dtype_name(dtype: Any) -> str:
    """The name of a dtype; that of some contains what users put into them."""
    name = plain_name(type(dtype))
    if name == "SparseDtype" or (name == "DatetimeTZDtype" and not _is_known(dtype)):
        return name
    return str(dtype) if comes_from(type(dtype), "numpy", "pandas") else name


def _is_known(dtype: Any) -> bool:
    """Whether a dtype is NumPy's or pandas's own, and holds no Python objects or foreign zones."""
    if not comes_from(type(dtype), "numpy", "pandas") or dtype.kind == "O":
        return False
    zone = getattr(dtype, "tz", None)
    return zone is None or comes_from(type(zone), *_ZONES)


def _polars_frame(value: Any, brief: Brief) -> str:
    rows, columns = value.shape
    lines = [f"polars.DataFrame, {rows} rows × {columns} columns"]
    shown = []
    for series in islice(value.iter_columns(), _COLUMNS):
        nulls = series.null_count()
        null = f", {nulls} null" if nulls else ""
        lines.append(f"  {_label(series.name, brief)}: {series.dtype}{null}")
        shown.append(_values(series.name, series.head(_ROWS).to_list(), brief))
    if columns > _COLUMNS:
        lines.append(f"  … {columns - _COLUMNS} more columns")
    return "\n".join([*lines, *_table(shown)])


def _polars_lazy(_: Any, __: Brief) -> str:
    return "polars.LazyFrame, not collected"  # even its schema may mean reading files


def _polars_series(value: Any, brief: Brief) -> str:
    begins = ", ".join(_values(value.name, value.head(5).to_list(), brief))
    return f"polars.Series {brief(value.name)} of {len(value)}, {value.dtype}, begins {begins}"


def _arrow_table(value: Any, brief: Brief) -> str:
    lines = [f"pyarrow.{type(value).__name__}, {value.num_rows} rows × {value.num_columns} columns"]
    shown = []
    for field, values in zip(islice(value.schema, _COLUMNS), value.columns, strict=False):
        name = _label(field.name, brief)
        if not comes_from(type(field.type), "pyarrow") or field.type.num_fields:
            lines.append(f"  {name}: {plain_name(type(field.type))}")  # may hold a user's type
            shown.append(["…"] * min(_ROWS, value.num_rows))
            continue
        nulls = f", {values.null_count} null" if values.null_count else ""
        lines.append(f"  {name}: {field.type}{nulls}")
        shown.append(_values(field.name, values.slice(0, _ROWS).to_pylist(), brief))
    if value.num_columns > _COLUMNS:
        lines.append(f"  … {value.num_columns - _COLUMNS} more columns")
    return "\n".join([*lines, *_table(shown)])


def _tensor(value: Any, _: Brief) -> str:
    return f"torch.Tensor, shape {tuple(value.shape)}, {value.dtype}, on {value.device}"


def _figure(value: Any, brief: Brief) -> str:
    axes = value.axes
    known = [a for a in axes[:4] if type(a) is loaded("matplotlib.axes", "Axes")]
    return f"matplotlib Figure with {len(axes)} axes: {'; '.join(_axes(a, brief) for a in known)}"


def _axes(value: Any, brief: Brief) -> str:
    labels = ", ".join(brief(text) for text in (value.get_xlabel(), value.get_ylabel()))
    drawn = [plain_name(type(child)) for child in instance_dict(value).get("_children", ())]
    return f"matplotlib Axes {brief(value.get_title())}, labels {labels}, drawn: {brief(drawn)}"


def _label(name: Any, brief: Brief) -> str:
    return name if type(name) is str and name.isidentifier() else brief(name, 1)


def _table(columns: Sequence[Sequence[str]]) -> list[str]:
    """The first rows, given column by column."""
    rows = list(zip(*columns, strict=False))
    return ["  first rows:", *(f"    {', '.join(row)}" for row in rows)] if rows else []


_DESCRIBERS: dict[tuple[str, str], Callable[[Any, Brief], str]] = {
    ("numpy", "ndarray"): _array,
    ("pandas", "DataFrame"): _frame,
    ("pandas", "Series"): _series,
    ("pandas", "Index"): _index,
    ("pandas", "RangeIndex"): _index,
    ("pandas", "MultiIndex"): _index,
    ("pandas", "DatetimeIndex"): _index,
    ("pandas", "CategoricalIndex"): _index,
    ("polars", "DataFrame"): _polars_frame,
    ("polars", "LazyFrame"): _polars_lazy,
    ("polars", "Series"): _polars_series,
    ("pyarrow", "Table"): _arrow_table,
    ("pyarrow", "RecordBatch"): _arrow_table,
    ("torch", "Tensor"): _tensor,
    ("matplotlib.figure", "Figure"): _figure,
    ("matplotlib.axes", "Axes"): _axes,
}
_SCALARS = ("Timestamp", "Timedelta", "Period", "NaTType", "NAType")
