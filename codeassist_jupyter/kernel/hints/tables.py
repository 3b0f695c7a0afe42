"""What pandas refuses: values that do not parse, dates, truth values, keys of merges.

Looks at no more than the first 100,000 values of a column, and only at plain ones.
"""

from __future__ import annotations

import ast
import datetime
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any

from .. import describe_data
from ..describe import brief
from ..peek import loaded
from .scene import Hint, Scene

_MOST = 100_000
_DATES = 1000  # of a column, to which a format must fit
_FORMATS = (
    *("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d"),
    *("%Y.%m.%d", "%Y%m%d", "%d/%m/%y", "%m/%d/%y", "%d %b %Y", "%d %B %Y", "%b %d, %Y"),
    *("%B %d, %Y", "%d-%b-%Y", "%b %d %Y", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"),
    *("%Y-%m-%dT%H:%M:%S", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M:%S"),
    *("%m/%d/%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%f"),
    *("%Y-%m-%d %H:%M:%S.%f", "%H:%M", "%H:%M:%S", "%Y-%m", "%Y", "%d.%m.%y"),
)


def number(scene: Scene) -> Hint | None:
    """Which text would not become a number, and where it stands."""
    told = re.search(
        r"(?:invalid literal for int\(\) with base \d+|could not convert string to (?:float|int\w*)"
        r"|Unable to parse string):? ?(?:np\.str_\()?(['\"])(.*?)\1",
        scene.message,
    )
    if told is None:
        return None
    bad = told[2].encode().decode("unicode_escape", "replace") if "\\" in told[2] else told[2]
    wanted: Callable[[str], Any] = int if "int()" in told[0] else float
    for node, values, labels in _columns(scene):
        places = [n for n, v in enumerate(values) if type(v) is str and v == bad]
        if not places:
            continue
        name = ast.unparse(node)
        text = f"`{name}` has {bad!r} at {labels(places[0])}"
        others = [v for v in values if type(v) is str and not _fits(wanted, v) and v != bad]
        text += f", and {len(others)} more that do not parse" if others else ""
        return _cleaned(scene, node, values, wanted, text)
    return _plain_number(scene, bad, wanted)


def _plain_number(scene: Scene, bad: str, wanted: Callable[[str], Any]) -> Hint | None:
    node = scene.node
    if scene.library or not isinstance(node, ast.Call) or len(node.args) != 1:
        return None
    if ast.unparse(node.func) not in ("int", "float"):
        return None
    inner = scene.text(node.args[0])
    shown = f"`{inner}` is {bad!r}"
    if wanted is int and _fits(float, bad):
        if float(bad).is_integer():
            edits = scene.replaced((node.args[0], f"float({inner})"))
            return Hint(f"{shown}: a float as text, so `int(float(…))`", edits, "parse")
        return Hint(f"{shown}, which is no whole number", (), "parse")
    if _fits(wanted, _without_commas(bad)):
        edits = scene.replaced((node.args[0], f'{inner}.replace(",", "")'))
        if not isinstance(node.args[0], ast.Name | ast.Subscript | ast.Attribute):
            edits = ()
        return Hint(f"{shown}: it has thousands separators", edits, "parse")
    return Hint(f"{shown}{', which is empty' if not bad.strip() else ''}", (), "parse")


def _fits(wanted: Callable[[str], Any], text: str) -> bool:
    try:
        wanted(text)
    except ValueError:
        return False
    return True


def _without_commas(text: str) -> str:
    """A text without separators of thousands, if it has them where they belong."""
    return (
        text.replace(",", "") if re.fullmatch(r"\s*-?\d{1,3}(,\d{3})+(\.\d+)?\s*", text) else text
    )


def _cleaned(
    scene: Scene, node: ast.expr, values: list[Any], wanted: Callable[[str], Any], text: str
) -> Hint:
    """Offer to strip separators or currency signs, if then all values parse."""
    texts = [v for v in values if type(v) is str]
    is_series = not isinstance(node, ast.List)
    for what, strip, code in (
        ("thousands separators", _without_commas, '.str.replace(",", "")'),
        ("a currency sign", _without_currency, r'.str.replace(r"[$€£,]", "", regex=True)'),
        ("a percent sign", lambda t: t.rstrip().removesuffix("%"), '.str.rstrip("% ")'),
    ):
        if is_series and len(texts) == len(values) and all(_fits(wanted, strip(t)) for t in texts):
            edits = scene.replaced((node, f"{scene.text(node)}{code}"))
            return Hint(f"{text}: it has {what}", edits, "parse")
    return Hint(text, (), "parse")


def _without_currency(text: str) -> str:
    return _without_commas(re.sub(r"^\s*[$€£]\s*", "", text))


def _columns(scene: Scene) -> Iterable[tuple[ast.expr, list[Any], Callable[[int], str]]]:
    """Yield the sequences of values that the failed line names, and how places are told."""
    series = loaded("pandas", "Series")
    seen: list[Any] = []
    for node in scene.parts(ast.Subscript, ast.Attribute, ast.Name):
        try:
            value = scene.value(node)
        except LookupError:
            continue
        if any(value is other for other in seen):
            continue
        seen.append(value)
        if series is not None and type(value) is series:
            yield node, describe_data.first_values(value, _MOST), _label_of(value)
        elif type(value) is list:
            yield node, value[:_MOST], lambda n: f"index {n}"


def _label_of(series: Any) -> Callable[[int], str]:
    def label(position: int) -> str:
        found = brief(series.index[position], 1)
        return f"label {found}" if found == str(position) else f"label {found}, row {position}"

    return label


def dates(scene: Scene) -> Hint | None:
    """A date that does not match its format, and the one format that all dates match."""
    told = re.search(
        r"time data (['\"])(.+?)\1 (?:does not|doesn't) match format (['\"])(.+?)\3", scene.message
    )
    if told is None:
        return None
    bad, used = told[2], told[4]
    for node, values, labels in _columns(scene):
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
    fitting = _formats([bad])
    if len(fitting) != 1 or not any(c.value == used for c in scene.parts(ast.Constant)):
        return None
    edits = _formatted(scene, fitting[0], used)
    return Hint(f"{bad!r} has the format {fitting[0]!r}, not {used!r}", edits, "date")


def _formats(texts: list[str]) -> list[str]:
    """The formats that fit every text; none where days and months could be swapped."""
    fitting = list(_FORMATS)
    for text in texts:
        fitting = [f for f in fitting if _is_date(text.strip(), f)]
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


def truth(scene: Scene) -> Hint | None:
    """`and`, `or`, `not` or a chain of comparisons on a Series or an array."""
    if not re.search(r"^The truth value of an? (Series|DataFrame|array)", scene.message):
        return None
    statement = scene.statement
    if statement is None:
        return None
    for node in ast.walk(statement):
        if isinstance(node, ast.BoolOp) and _covers(node, scene.node):
            sign = " & " if isinstance(node.op, ast.And) else " | "
            word = "and" if isinstance(node.op, ast.And) else "or"
            joined = sign.join(f"({scene.text(part)})" for part in node.values)
            edits = scene.replaced((node, joined)) if _is_mask(statement, node) else ()
            text = f"`{word}` asks for one truth value; `{sign.strip()}` combines row by row"
            return Hint(text, edits, "truth")
        if isinstance(node, ast.Compare) and len(node.ops) > 1 and _covers(node, scene.node):
            return _chained(scene, node)
        if (
            isinstance(node, ast.UnaryOp)
            and isinstance(node.op, ast.Not)
            and (_covers(node, scene.node) and _is_mask(statement, node))
        ):
            edits = scene.replaced((node, f"~({scene.text(node.operand)})"))
            return Hint("`not` asks for one truth value; `~` negates row by row", edits, "truth")
    return None


def _covers(node: ast.AST, failed: ast.AST | None) -> bool:
    return failed is not None and any(inner is failed for inner in ast.walk(node))


def _is_mask(statement: ast.stmt, node: ast.AST) -> bool:
    """Whether the result is used value by value: not as the condition of an `if` or `while`."""
    if not isinstance(statement, ast.If | ast.While | ast.Assert):
        return True
    return (
        not any(inner is node for inner in ast.walk(statement.test)) or statement.test is not node
    )


def _chained(scene: Scene, node: ast.Compare) -> Hint:
    """`a < column < b`, and `column > 1 & column < 3`, where `&` binds first."""
    inner = [p for p in node.comparators[:-1] if isinstance(p, ast.BinOp)]
    signs = (ast.BitAnd, ast.BitOr)
    if len(inner) == 1 and len(node.ops) == 2 and isinstance(inner[0].op, signs):
        first, second = scene.text(inner[0].left), scene.text(inner[0].right)
        left = f"({scene.text(node.left)} {_SIGNS[type(node.ops[0])]} {first})"
        right = f"({second} {_SIGNS[type(node.ops[1])]} {scene.text(node.comparators[1])})"
        sign = "&" if isinstance(inner[0].op, ast.BitAnd) else "|"
        text = f"`{sign}` binds before comparisons: put each comparison in parentheses"
        return Hint(text, scene.replaced((node, f"{left} {sign} {right}")), "truth")
    text = "a chain of comparisons asks for one truth value; join two with `&`"
    if len(node.ops) != 2 or type(node.ops[0]) not in _SIGNS or type(node.ops[1]) not in _SIGNS:
        return Hint(text, (), "truth")
    middle = scene.text(node.comparators[0])
    left = f"({scene.text(node.left)} {_SIGNS[type(node.ops[0])]} {middle})"
    right = f"({middle} {_SIGNS[type(node.ops[1])]} {scene.text(node.comparators[1])})"
    return Hint(text, scene.replaced((node, f"{left} & {right}")), "truth")


_SIGNS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}


def merge_types(scene: Scene) -> Hint | None:
    """Keys of different types in a merge."""
    told = re.search(r"merge on (\S+) and (\S+) columns for key '([^']+)'", scene.message)
    if told is None:
        return None
    sides = [v for v in scene.library_values("left", "right") if describe_data.is_frame(v)][:2]
    samples = []
    for frame in sides:
        try:
            column = describe_data.column(frame, told[3])
        except LookupError:
            continue
        shown = next((brief(v, 1) for v in describe_data.first_values(column, 5)), "")
        samples.append(f"{describe_data.dtype_name(column.dtype)}, such as {shown}")
    if len(samples) != 2 or samples[0] == samples[1]:
        return None
    text = f"{told[3]!r} is {samples[0]} on the left and {samples[1]} on the right"
    return Hint(text, (), "merge")


def missing_numbers(scene: Scene) -> Hint | None:
    """Nulls in what is to be whole numbers: how many, and where the first is."""
    if not re.search(
        r"[Cc]annot convert (non-finite values|float NaN)|cannot convert NA", scene.message
    ):
        return None
    series = loaded("pandas", "Series")
    for node in scene.parts(ast.Subscript, ast.Attribute, ast.Name):
        try:
            value = scene.value(node)
        except LookupError:
            continue
        if series is None or type(value) is not series or not describe_data.is_cheap(value):
            continue
        nulls = value.isna().to_numpy()
        count = int(nulls.sum())
        if count:
            place = _label_of(value)(int(nulls.argmax()))
            text = f"`{ast.unparse(node)}` has {count} null, the first at {place}"
            return Hint(f"{text}; `Int64` keeps nulls", (), "null")
    return None


def text_arithmetic(scene: Scene) -> Hint | None:
    """A column of texts in arithmetic or a mean: which one, and how it begins."""
    told = re.search(
        r"not supported for dtype|string multiply|Invalid comparison between dtype=(?:str|object)"
        r"|Cannot perform reduction|does not support (?:operation|reduction)|to numeric"
        r"|unsupported operand|can only concatenate str|UFuncNoLoop|did not contain a loop"
        r"|not supported between instances of 'str'",
        scene.message,
    )
    if told is None or (not scene.library and "UFunc" not in " ".join(scene.kinds)):
        return None
    series = loaded("pandas", "Series")
    said = []
    for node, values, _ in _columns(scene):
        value = scene.value(node)
        if type(value) is not series:
            continue
        dtype = describe_data.dtype_name(value.dtype)
        texts = [v for v in values[:200] if type(v) is str]
        if texts and dtype in ("str", "object", "string"):
            name = ast.unparse(node)
            said.append(f"`{name}` holds texts (dtype {dtype}), such as {brief(texts[0])[:60]}")
            if all(_fits(float, v) for v in values if type(v) is str) and len(said) == 1:
                said[-1] += "; they all parse as numbers"
                edits = _numeric(scene, node, values)
                return Hint(said[-1], edits, "dtype")
    return Hint("; ".join(said), (), "dtype") if said else None


def _numeric(scene: Scene, node: ast.expr, values: list[Any]) -> tuple[str, ...]:
    """The cell with the column made numeric: only where every value is a number as text."""
    alias = next((k for k, v in scene.names().items() if v is sys.modules.get("pandas")), None)
    if alias is None or not all(type(v) is str for v in values):
        return ()
    return scene.replaced((node, f"{alias}.to_numeric({scene.text(node)})"))


def duplicates(scene: Scene) -> Hint | None:
    """Labels that stand more than once where each may stand once."""
    if not re.search(
        r"cannot reindex on an axis with duplicate|duplicate entries, cannot reshape"
        r"|Reindexing only valid with uniquely",
        scene.message,
    ):
        return None
    index = loaded("pandas", "Index")
    for value in scene.library_values("self", "axis", "index"):
        if index is None or type(value) is not index or len(value) > _MOST:
            continue
        repeated = value[value.duplicated()]
        if len(repeated):
            shown = ", ".join(brief(v, 1) for v in repeated[:3].tolist())
            return Hint(f"these labels stand more than once: {shown}", (), "duplicate")
    return None
