"""What pandas removed or renamed, where another spelling does the same.

Only where the arguments say all that the new spelling needs; renamed attributes are in
`attributes`, renamed arguments in `calls`.
"""

from __future__ import annotations

import ast
import re
from typing import Any

from .. import describe_data, exceptions, frames
from ..peek import comes_from, instance_dict, loaded, plain_name
from . import numbers
from .rewrites import alias, calls_of, is_plain, with_keywords
from .scene import Hint, Scene

_FILLS = {"ffill": "ffill", "pad": "ffill", "bfill": "bfill", "backfill": "bfill"}
# (function, argument that did nothing more than is now always done)
_NEEDLESS = {
    ("to_datetime", "infer_datetime_format"),
    ("read_csv", "infer_datetime_format"),
    ("read_csv", "mangle_dupe_cols"),
    ("read_excel", "mangle_dupe_cols"),
}


def attribute(scene: Scene) -> Hint | None:
    """A method or function that is gone: its call written anew."""
    told = re.search(r"has no attribute '(\w{1,40})'", scene.message)
    if told is None:
        return None
    owner = exceptions.field(scene.error, AttributeError, "obj")
    calls = [c for c in calls_of(scene, told[1]) if isinstance(c.func, ast.Attribute)]
    if len(calls) != 1:
        calls = [c for c in _all_calls(scene) if c.func is scene.node]
    if len(calls) != 1 or not isinstance(calls[0].func, ast.Attribute):
        is_append = told[1] == "append" and _is_data(owner)
        return Hint(_told_append(owner), (), "renamed") if is_append else None
    call, subject = calls[0], calls[0].func.value
    if told[1] == "append":
        return _appended(scene, call, subject, owner)
    if told[1] == "mad" and _is_data(owner) and not call.args and not call.keywords:
        text = scene.text(subject)
        new = f"({text} - {text}.mean()).abs().mean()"
        return _gone(scene, call, "mad", new) if is_plain(subject) else None
    if alias(scene, "pandas") != ast.unparse(subject):
        return None
    return _function(scene, call, told[1])


def _all_calls(scene: Scene) -> list[ast.Call]:
    nodes = ast.walk(scene.statement) if scene.statement is not None else iter(())
    return [n for n in nodes if isinstance(n, ast.Call)]


def _is_data(owner: Any) -> bool:
    return any(type(owner) is loaded("pandas", name) for name in ("DataFrame", "Series"))


def _gone(scene: Scene, call: ast.Call, name: str, new: str) -> Hint:
    text = f"pandas no longer has `{name}`; `{new[:120]}` does it"
    return Hint(text, scene.replaced((call, new)), "renamed")


def _function(scene: Scene, call: ast.Call, name: str) -> Hint | None:
    """A function of pandas that became a method."""
    if any(k.arg is None for k in call.keywords) or not call.args or not is_plain(call.args[0]):
        return None
    first = scene.text(call.args[0])
    if name == "value_counts" and len(call.args) == 1:
        rest = ast.Call(call.func, [], call.keywords)
        return _gone(scene, call, name, with_keywords(scene, f"{first}.value_counts", rest))
    rolled = re.fullmatch(r"rolling_(mean|sum|std|var|min|max|median)", name)
    if rolled and len(call.args) == 2 and not call.keywords:
        new = f"{first}.rolling({scene.text(call.args[1])}).{rolled[1]}()"
        return _gone(scene, call, name, new)
    return None


def _appended(scene: Scene, call: ast.Call, subject: ast.expr, owner: Any) -> Hint | None:
    """`append` of a table or Series: what was appended decides how it is joined."""
    if not _is_data(owner):
        return None
    kind, text = plain_name(type(owner)), _told_append(owner)
    pandas = alias(scene, "pandas")
    if pandas is None or len(call.args) != 1:
        return Hint(text, (), "renamed")
    other = _other(scene, call.args[0], pandas, kind)
    if other is None:
        return Hint(text, (), "renamed")
    rest = ast.Call(call.func, [], call.keywords)
    options = with_keywords(scene, "", rest)[1:-1]
    joined = f"{pandas}.concat([{scene.text(subject)}, {other}]{', ' if options else ''}{options})"
    return Hint(text, scene.replaced((call, joined)), "renamed")


def _told_append(owner: Any) -> str:
    return f"pandas removed `{plain_name(type(owner))}.append`; `pd.concat([…])` does it"


def _other(scene: Scene, node: ast.expr, pandas: str, kind: str) -> str | None:
    """What was appended, as an item of the list that `concat` joins."""
    text, what = scene.text(node), _kind(scene, node, pandas)
    if kind == "Series":
        return {"Series": text, "Series list": f"*{text}"}.get(what)
    return {
        "DataFrame": text,
        "DataFrame list": f"*{text}",
        "dict": f"{pandas}.DataFrame([{text}])",
        "Series": f"{pandas}.DataFrame([{text}])",
        "dict list": f"{pandas}.DataFrame({text})",
    }.get(what)


def _kind(scene: Scene, node: ast.expr, pandas: str) -> str:
    """What an expression is, by its value or by how it is written."""
    if isinstance(node, ast.Dict):
        return "dict"
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func)
        known = {f"{pandas}.DataFrame": "DataFrame", f"{pandas}.Series": "Series", "dict": "dict"}
        return known.get(name, "")
    if isinstance(node, ast.List):
        kinds = {_kind(scene, item, pandas) for item in node.elts}
        return f"{kinds.pop()} list" if len(kinds) == 1 and "" not in kinds else ""
    try:
        value = scene.value(node)
    except LookupError:
        return ""
    return _kind_of(value)


def _kind_of(value: Any) -> str:
    if type(value) is list and 0 < len(value) <= 1000:
        kinds = {_kind_of(item) for item in value}
        return f"{kinds.pop()} list" if len(kinds) == 1 and "" not in kinds else ""
    if type(value) is dict:
        return "dict"
    names = ("DataFrame", "Series")
    return next((name for name in names if type(value) is loaded("pandas", name)), "")


def argument(scene: Scene) -> Hint | None:
    """`fillna(method=…)`, and arguments that may simply go."""
    told = re.search(r"(\w+)\(\) got an unexpected keyword argument '(\w+)'", scene.message)
    if told is None:
        return None
    calls = [c for c in calls_of(scene, told[1]) if any(k.arg == told[2] for k in c.keywords)]
    if len(calls) != 1:
        return None
    call = calls[0]
    if told[1] == "fillna" and told[2] == "method" and isinstance(call.func, ast.Attribute):
        return _filled(scene, call, call.func.value)
    if told[1] == "read_csv" and told[2] == "squeeze":
        head = with_keywords(scene, scene.text(call.func), call, "squeeze")
        is_on = any(k.arg == "squeeze" and ast.unparse(k.value) == "True" for k in call.keywords)
        edits = scene.replaced((call, head + ('.squeeze("columns")' if is_on else "")))
        return Hint(
            '`read_csv` no longer has `squeeze`; `.squeeze("columns")` does it', edits, "renamed"
        )
    if (told[1], told[2]) in _NEEDLESS:
        edits = scene.replaced((call, with_keywords(scene, scene.text(call.func), call, told[2])))
        text = f"`{told[1]}` no longer has `{told[2]}`; it works without"
        return Hint(text, edits, "argument")
    return None


def _filled(scene: Scene, call: ast.Call, subject: ast.expr) -> Hint | None:
    given = {k.arg: k.value for k in call.keywords}
    method = given["method"]
    name = _FILLS.get(str(method.value)) if isinstance(method, ast.Constant) else None
    if name is None or call.args:
        return None
    text = f"`fillna` no longer has `method`; `.{name}()` does it"
    owner = scene.text(subject)
    in_place = "inplace" in given and ast.unparse(given["inplace"]) == "True"
    whole = isinstance(scene.statement, ast.Expr) and scene.statement.value is call
    if in_place and whole and isinstance(subject, ast.Subscript):  # of a column it changes a copy
        new = f"{owner} = {with_keywords(scene, f'{owner}.{name}', call, 'method', 'inplace')}"
    else:
        new = with_keywords(scene, f"{owner}.{name}", call, "method")
    return Hint(text, scene.replaced((call, new)), "renamed")


def frequency(scene: Scene) -> Hint | None:
    """An alias of a frequency that has a new spelling, which pandas tells."""
    told = re.search(
        r"Invalid frequency: ([\w-]+)\..*?'([\w-]+)' is no longer supported.*?"
        r"Please use '([\w-]+)' instead",
        scene.message,
    ) or re.search(r"Invalid frequency: ([\w-]+)()\..*?Did you mean '?([\w-]+?)'?\?", scene.message)
    if told is None:
        return None
    used, old, new = told.groups()
    meant = used.replace(old, new) if old else re.sub(r"[A-Za-z-]+$", new, used)
    constants = [c for c in scene.parts(ast.Constant) if c.value == used]
    edits = scene.replaced(*((c, repr(meant)) for c in constants)) if constants else ()
    return Hint(f"the frequency {used!r} is now {meant!r}", edits, "renamed")


def numeric_only(scene: Scene) -> Hint | None:
    """A mean or the like over all columns of a table, some of which hold texts."""
    if not re.search(
        r"does not support (?:operation|reduction)|Cannot perform reduction|agg function failed"
        r"|could not convert string to float|[Cc]ould not convert .* to numeric"
        r"|has no kernel matching|unsupported operand",
        scene.message,
    ):
        return None
    call = scene.node
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return None
    table = _table(scene)
    name = call.func.attr
    rest = call
    if name in ("agg", "aggregate") and len(call.args) == 1 and not call.keywords:
        given = call.args[0]
        name = given.value if isinstance(given, ast.Constant) and type(given.value) is str else ""
        rest = ast.Call(call.func, [], [])
    if table is None or name not in _REDUCTIONS:
        return None
    if any(k.arg in ("numeric_only", "axis", None) for k in rest.keywords):
        return None
    texts, numbers = table
    if not texts or not numbers:
        return None
    head = with_keywords(scene, f"{scene.text(call.func.value)}.{name}", rest)
    new = f"{head[:-1]}{'' if head.endswith('()') else ', '}numeric_only=True)"
    listed = ", ".join(repr(t)[:40] for t in texts[:4])
    hint = f"columns of texts have no {name}: {listed}; `numeric_only=True` leaves them out"
    return Hint(hint, scene.replaced((call, new)), "dtype")


_REDUCTIONS = (
    *("mean", "median", "sum", "std", "var", "sem", "skew", "prod", "quantile", "corr", "cov"),
    *("min", "max", "kurt", "corrwith"),
)


def _table(scene: Scene) -> tuple[list[Any], list[Any]] | None:
    """Columns of texts that are no numbers, and those of numbers, of the table that was reduced."""
    found = (frames.plain_names(entry.frame.f_locals, {"self"}) for entry in scene.library)
    outermost = next((names["self"] for names in found if "self" in names), None)
    frame, keys = _reduced(outermost)
    if frame is None or frame.shape[1] > 200:
        return None
    texts: list[Any] = []
    counted: list[Any] = []
    for label in frame.columns.tolist():
        if type(label) is not str or label in keys:
            continue
        try:
            column = describe_data.column(frame, label)
        except LookupError:
            continue
        sample = [v for v in describe_data.first_values(column, 200) if type(v) is str]
        if column.dtype.kind in "iufb":
            counted.append(label)
        elif sample:
            if numbers.cleaning(sample, float) is not None:
                return None  # numbers as texts: they may be meant too
            texts.append(label)
    return texts, counted


def _reduced(value: Any) -> tuple[Any, list[str]]:
    """The table that a reduction is of, and the columns by which it is grouped."""
    if type(value) is loaded("pandas", "DataFrame"):
        return value, []
    kind = loaded("pandas.core.groupby.generic", "DataFrameGroupBy")
    if kind is None or type(value) is not kind or not comes_from(kind, "pandas"):
        return None, []
    facts = instance_dict(value)
    frame, keys = facts.get("obj"), facts.get("keys")
    listed = [keys] if type(keys) is str else keys if type(keys) is list else []
    known = [k for k in listed if type(k) is str]
    return (frame if type(frame) is loaded("pandas", "DataFrame") else None), known
