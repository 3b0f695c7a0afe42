"""Dates as texts: formats that do not fit, texts among dates, tables without dates as index, zones.

Looks at the first thousand values of a column. A format is told only where it is the only one.
"""

from __future__ import annotations

import ast
import datetime
import re
from typing import Any

from .. import describe_data
from ..describe import brief
from ..peek import loaded
from . import columns
from .rewrites import alias, is_plain, with_argument
from .scene import Hint, Scene

_DATES = 1000  # of a column, to which a format must fit
_FORMATS = (
    *("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d"),
    *("%Y.%m.%d", "%Y%m%d", "%d/%m/%y", "%m/%d/%y", "%d %b %Y", "%d %B %Y", "%b %d, %Y"),
    *("%B %d, %Y", "%d-%b-%Y", "%b %d %Y", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"),
    *("%Y-%m-%dT%H:%M:%S", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M:%S"),
    *("%m/%d/%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%f"),
    *("%Y-%m-%d %H:%M:%S.%f", "%H:%M", "%H:%M:%S", "%Y-%m", "%Y", "%d.%m.%y"),
    *("%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S", "%d-%m-%Y %H:%M"),
    *("%d %b %Y %H:%M", "%b %Y", "%B %Y", "%d-%m-%y", "%d-%b-%y", "%m/%Y", "%a %d %b %Y"),
    *("%d.%m.%Y %H:%M:%S", "%d-%m-%Y %H:%M:%S", "%m/%d/%Y %I:%M %p", "%I:%M %p"),
)


def dates(scene: Scene) -> Hint | None:
    """A date that does not match its format, and the one format that all dates match."""
    told = re.search(
        r"time data (['\"])(.+?)\1 (?:does not|doesn't) match format (['\"])(.+?)\3", scene.message
    )
    if told is None:
        return None
    bad, used = told[2], told[4]
    for node, values, labels in columns.named(scene):
        places = [n for n, v in enumerate(values) if type(v) is str and v == bad]
        if not places:
            continue
        texts = [v for v in values[:_DATES] if type(v) is str]
        where = f"`{ast.unparse(node)}` has {bad!r} at {labels(places[0])}"
        fitting = _formats(texts)
        if len(fitting) != 1:
            return Hint(f"{where}; the format in use is {used!r}", (), "date")
        edits = _formatted(scene, fitting[0], used)
        return Hint(f"{where}; all of the first {len(texts)} fit {fitting[0]!r}", edits, "date")
    return _one_date(scene, bad, used)


def _one_date(scene: Scene, bad: str, used: str) -> Hint | None:
    """One date as text; in a loop the format must fit all that the loop goes over."""
    call = scene.node
    first = call.args[0] if isinstance(call, ast.Call) and call.args else None
    values = columns.looped(scene, first.id) if isinstance(first, ast.Name) else None
    fitting = _formats([v for v in values[:_DATES] if type(v) is str] if values else [bad])
    if len(fitting) != 1 or not any(c.value == used for c in scene.parts(ast.Constant)):
        return None
    edits = _formatted(scene, fitting[0], used)
    return Hint(f"{bad!r} has the format {fitting[0]!r}, not {used!r}", edits, "date")


def _formats(texts: list[str]) -> list[str]:
    """The formats that fit every text; none where days and months could be swapped."""
    fitting = list(_FORMATS)
    for text in texts:
        fitting = [f for f in fitting if _is_date(text.strip(), f)]
    # Of May the long and the short name are the same.
    fitting = [f for f in fitting if "%B" not in f or f.replace("%B", "%b") not in fitting]
    return fitting if texts else []


def _is_date(text: str, pattern: str) -> bool:
    try:
        datetime.datetime.strptime(text, pattern)
    except ValueError:
        return False
    return True


def _formatted(scene: Scene, meant: str, used: str) -> tuple[str, ...]:
    """The cell with the right format in place of the wrong one, or with one at all."""
    constants = [c for c in scene.parts(ast.Constant) if c.value == used]
    if len(constants) == 1:
        return scene.replaced((constants[0], f'"{meant}"'))
    call = scene.node
    if not isinstance(call, ast.Call) or constants:
        return ()
    if not ast.unparse(call.func).endswith("to_datetime") or len(call.args) != 1 or call.keywords:
        return ()
    return scene.replaced((call.args[0], f'{scene.text(call.args[0])}, format="{meant}"'))


def converted(scene: Scene, node: ast.expr, texts: list[str]) -> str | None:
    """A column of texts as dates; None unless they are dates in one way only."""
    pandas = alias(scene, "pandas")
    fitting = _formats([t.strip() for t in texts[:_DATES]])
    if pandas is None or len(fitting) != 1 or fitting[0] in ("%Y", "%Y%m%d", "%H:%M", "%H:%M:%S"):
        return None
    own = "" if fitting[0].startswith("%Y-%m-%d") else f', format="{fitting[0]}"'
    return f"{pandas}.to_datetime({scene.text(node)}{own})"


def texts_among_dates(scene: Scene) -> Hint | None:
    """Texts that are dates, in a difference or comparison or below `.dt`."""
    if not re.search(
        r"not supported for dtype|Invalid comparison between dtype=(?:str|object)|Can only use .dt"
        r"|unsupported operand|not supported between instances of|cannot subtract"
        r"|Cannot perform reduction|does not support (?:operation|reduction)",
        scene.message,
    ):
        return None
    changes: list[tuple[ast.AST, str]] = []
    said = ""
    for node, values, _ in columns.named(scene):
        texts = [v for v in values if type(v) is str]
        if not texts or not columns.is_series(scene, node):
            continue
        new = converted(scene, node, texts)
        if new is None:
            return None
        dtype = describe_data.dtype_name(scene.value(node).dtype)
        begins = f"has dtype {dtype}, not dates; it begins with {brief(texts[0])[:60]}"
        said = said or f"`{ast.unparse(node)}` {begins}; "
        changes.append((node, new))
    if not changes:
        return None
    return Hint(f"{said}`{changes[0][1]}` makes dates of them", scene.replaced(*changes), "date")


def resampling(scene: Scene) -> Hint | None:
    """`resample` of a table whose index holds no dates."""
    if "Only valid with DatetimeIndex" not in scene.message:
        return None
    call = scene.node
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return None
    if call.func.attr != "resample":
        return None
    owner = call.func.value
    try:
        frame = scene.value(owner)
    except LookupError:
        return None
    if type(frame) is not loaded("pandas", "DataFrame") or frame.shape[1] > 200:
        return None
    text = scene.text(owner)
    found = _date_columns(scene, frame)
    given = scene.text(call)
    if len(found) == 1 and not any(k.arg in ("on", "level", None) for k in call.keywords):
        label, new = found[0]
        said = f"the index of `{ast.unparse(owner)}` has no dates; column {label!r} has"
        changed = [(call, with_argument(given, f"on={label!r}"))]
        if new is not None:
            head = f"{text}.assign(**{{{label!r}: {new}}})"
            edited = with_argument(given, f"on={label!r}").replace(text, head, 1)
            changed = [(call, edited)]
        return Hint(said, scene.replaced(*changed) if given.startswith(text) else (), "date")
    return _text_index(scene, owner, frame) if not found else None


def _date_columns(scene: Scene, frame: Any) -> list[tuple[str, str | None]]:
    """Columns of dates, and columns of texts that are dates with how they become such."""
    owner = scene.node.func.value  # type: ignore[union-attr]  # a call of a method
    found: list[tuple[str, str | None]] = []
    for label in frame.columns.tolist():
        try:
            column = describe_data.column(frame, label) if type(label) is str else None
        except LookupError:
            continue
        if column is None:
            continue
        if column.dtype.kind == "M":
            found.append((label, None))
            continue
        sample = describe_data.first_values(column, _DATES)
        if sample and all(type(v) is str for v in sample):
            node = ast.parse(f"x[{label!r}]", mode="eval").body
            new = converted(scene, node, sample)
            if new is not None:
                spelt = f"{scene.text(owner)}[{label!r}]"
                found.append((label, new.replace(scene.text(node), spelt, 1)))
    return found


def _text_index(scene: Scene, owner: ast.expr, frame: Any) -> Hint | None:
    """Dates as texts in the index itself."""
    pandas = alias(scene, "pandas")
    values = frame.index[:_DATES].tolist() if type(frame.index) is loaded("pandas", "Index") else []
    if pandas is None or not values or not all(type(v) is str for v in values):
        return None
    fitting = _formats(values)
    if len(fitting) != 1 or not fitting[0].startswith("%Y-%m-%d") or not is_plain(owner):
        return None
    text = scene.text(owner)
    new = f"{text}.set_axis({pandas}.to_datetime({text}.index))"
    said = f"the index of `{ast.unparse(owner)}` holds texts, such as {values[0]!r}"
    return Hint(said, scene.replaced((owner, new)), "date")


def zones(scene: Scene) -> Hint | None:
    """A time with a zone against one without."""
    if not re.search(
        r"tz-naive and tz-aware|offset-naive and offset-aware"
        r"|Invalid comparison between dtype=datetime64\[\w+, ",
        scene.message,
    ):
        return None
    sides = _sides(scene.node)
    known = [_zone(scene, side) for side in sides]
    naive = [s for s, zone in zip(sides, known, strict=True) if zone == ""]
    aware = [zone for zone in known if zone]
    if len(sides) != 2 or len(naive) != 1 or len(aware) != 1:
        return None
    text = f"`{ast.unparse(naive[0])}` has no time zone, the other side has {aware[0]}"
    if aware[0] != "UTC":
        return Hint(text, (), "date")
    new = _in_utc(scene, naive[0])
    return Hint(text, scene.replaced((naive[0], new)) if new else (), "date")


def _sides(node: ast.AST | None) -> list[ast.expr]:
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    if isinstance(node, ast.Compare) and len(node.comparators) == 1:
        return [node.left, node.comparators[0]]
    return []


def _zone(scene: Scene, node: ast.expr) -> str | None:
    """The zone of a time or of a column of times: "" for none, None where it is not known."""
    if isinstance(node, ast.Call):
        name, given = ast.unparse(node.func), len(node.args)
        if any(k.arg in ("tz", "tzinfo", "utc", None) for k in node.keywords):
            return None
        bare = name.endswith(("datetime.utcnow", "datetime.today", "Timestamp.today"))
        bare = bare or (name.endswith((".now", "Timestamp.now")) and given == 0)
        made = name.split(".")[-1] in ("Timestamp", "datetime") and given
        dated = made and all(isinstance(a, ast.Constant) for a in node.args)
        return "" if bare or (dated and given < 8 and "+" not in ast.unparse(node)) else None
    try:
        value = scene.value(node)
    except LookupError:
        return None
    if type(value) is loaded("pandas", "Series"):
        if value.dtype.kind != "M":
            return None
        zone = getattr(value.dtype, "tz", None)
        return "" if zone is None else _zone_name(zone)
    kinds = (datetime.datetime, loaded("pandas", "Timestamp"))
    if not any(type(value) is kind for kind in kinds):
        return None
    return "" if value.tzinfo is None else _zone_name(value.tzinfo)


def _zone_name(zone: Any) -> str:
    is_utc = zone is datetime.UTC or brief(zone, 1) in ("UTC", "datetime.timezone.utc")
    return "UTC" if is_utc or _is_zoneinfo_utc(zone) else "another zone"


def _is_zoneinfo_utc(zone: Any) -> bool:
    kind = loaded("zoneinfo", "ZoneInfo")
    return kind is not None and type(zone) is kind and zone.key == "UTC"


def _in_utc(scene: Scene, node: ast.expr) -> str | None:
    """The side without a zone with that of UTC."""
    text = scene.text(node)
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func)
        if name.endswith(("Timestamp", "Timestamp.now", "Timestamp.today")):
            return with_argument(text, 'tz="UTC"') if not name.endswith("today") else None
        zone = _utc(scene)
        if zone is None:
            return None
        if name.endswith(".utcnow"):
            return f"{text.rpartition('.utcnow')[0]}.now({zone})"
        if name.endswith(".now"):
            return with_argument(text, zone)
        return with_argument(text, f"tzinfo={zone}") if not name.endswith("today") else None
    value = scene.value(node)
    if type(value) is loaded("pandas", "Series"):
        return f'{text}.dt.tz_localize("UTC")'
    if type(value) is loaded("pandas", "Timestamp"):
        return f'{text}.tz_localize("UTC")'
    zone = _utc(scene)
    return f"{text}.replace(tzinfo={zone})" if zone else None


def _utc(scene: Scene) -> str | None:
    """How the cell can spell UTC."""
    names = scene.names()
    for name, value in names.items():
        if value is datetime.timezone:
            return f"{name}.utc"
        if value is datetime.UTC:
            return name
    module = alias(scene, "datetime")
    return f"{module}.timezone.utc" if module else None
