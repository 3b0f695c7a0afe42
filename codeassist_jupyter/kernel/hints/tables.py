"""What pandas and NumPy refuse: one truth value of many, texts in arithmetic, repeated labels."""

from __future__ import annotations

import ast
import re
from typing import Any

from .. import describe_data
from ..describe import brief
from ..peek import loaded
from . import columns, numbers
from .rewrites import alias
from .scene import Hint, Scene

_MOST = 2000


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


def text_arithmetic(scene: Scene) -> Hint | None:
    """A column of texts in arithmetic or a mean: which one, and how it begins."""
    told = re.search(
        r"not supported for dtype|string multiply|Invalid comparison between dtype=(?:str|object)"
        r"|Cannot perform reduction|does not support (?:operation|reduction)|to numeric"
        r"|unsupported operand|can only concatenate str|UFuncNoLoop|did not contain a loop"
        r"|not supported between instances of 'str'|loop of ufunc does not support",
        scene.message,
    )
    if told is None:
        return None
    said = []
    for node, values, _ in columns.named(scene):
        if not columns.is_series(scene, node):
            continue
        dtype = describe_data.dtype_name(scene.value(node).dtype)
        texts = [v for v in values if type(v) is str]
        if not texts or dtype not in ("str", "object", "string"):
            continue
        said.append(f"`{ast.unparse(node)}` holds texts (dtype {dtype}), such as ")
        said[-1] += brief(texts[0])[:60]
        rule = numbers.cleaning(texts, float)
        if rule is not None and len(said) == 1:
            how = f": they have {rule.what}" if rule.what else "; they all parse as numbers"
            edits = _numeric(scene, node, values, rule)
            return Hint(f"{said[0]}{how}", edits, "dtype")
    return Hint("; ".join(said), (), "dtype") if said else None


def _numeric(
    scene: Scene, node: ast.expr, values: list[Any], rule: numbers.Rule
) -> tuple[str, ...]:
    """The cell with the column made numeric: only where every value is a number as text."""
    pandas = alias(scene, "pandas")
    if pandas is None or not all(type(v) is str or numbers.is_null(v) for v in values):
        return ()
    text = f"{pandas}.to_numeric({scene.text(node)}{rule.code('.str')})"
    return scene.replaced((node, text))


def text_array(scene: Scene) -> Hint | None:
    """An array of texts in arithmetic."""
    if not re.search(
        r"string multiply|StrDType|did not contain a loop|resolved dtypes are not compatible"
        r"|not supported for the input types|unsupported operand",
        scene.message,
    ):
        return None
    array = loaded("numpy", "ndarray")
    found: list[tuple[ast.expr, list[Any]]] = []
    for node in scene.parts(ast.Name, ast.Attribute, ast.Subscript, ast.Call):
        value = _array_value(scene, node)
        if array is not None and type(value) is array and value.dtype.kind == "U":
            found.append((node, value.reshape(-1)[:_MOST].tolist()))
        elif type(value) is list and isinstance(node, ast.Call):
            found.append((node, value[:_MOST]))
    if len(found) != 1 or not found[0][1] or not all(type(v) is str for v in found[0][1]):
        return None
    node, texts = found[0]
    kind = next((k for k in (int, float) if all(numbers.fits(k, t) for t in texts)), None)
    text = f"`{ast.unparse(node)}` holds texts, such as {brief(texts[0])[:60]}"
    if kind is None:
        return Hint(text, (), "dtype")
    new = f"{scene.text(node)}.astype({kind.__name__})"
    return Hint(f"{text}; they all parse as numbers", scene.replaced((node, new)), "dtype")


def _array_value(scene: Scene, node: ast.expr) -> Any:
    """An array by its name, or the list of which a call of `array` makes one."""
    if isinstance(node, ast.Call):
        is_array = ast.unparse(node.func).split(".")[-1] in ("array", "asarray")
        if not is_array or len(node.args) != 1 or node.keywords:
            return None
        try:
            return ast.literal_eval(node.args[0])
        except ValueError:
            node = node.args[0]
    elif not isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        return None
    try:
        found = scene.value(node)
    except LookupError:
        return None
    return found


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
