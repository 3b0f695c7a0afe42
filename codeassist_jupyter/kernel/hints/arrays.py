"""Shapes and lengths: broadcasting, matrix products, axes, reshaping, joining."""

from __future__ import annotations

import ast
import math
import re
from typing import Any

from ..describe import brief
from ..peek import is_one_of, loaded
from . import calls
from .rewrites import with_argument
from .scene import Hint, Scene


def broadcasting(scene: Scene) -> Hint | None:
    """Two shapes that do not fit, and the one axis that would make them fit."""
    if "could not be broadcast together" not in scene.message:
        return None
    node = scene.node
    if not isinstance(node, ast.BinOp | ast.Compare | ast.AugAssign):
        return None
    left, right = _sides(node)
    one, other = _shape(scene, left), _shape(scene, right)
    if one is None or other is None:
        return None
    text = f"`{ast.unparse(left)}` is {one}, `{ast.unparse(right)}` is {other}"
    for shape, node_, against in ((other, right, one), (one, left, other)):
        if len(against) == 2 and len(shape) == 1 and shape[0] == against[0] != against[1]:
            spelt = f"{scene.text(node_)}[:, None]"
            if isinstance(node_, ast.Name | ast.Attribute | ast.Subscript):
                return Hint(
                    f"{text}; `{spelt}` goes by rows", scene.replaced((node_, spelt)), "shape"
                )
    return Hint(text, (), "shape")


def _sides(node: ast.BinOp | ast.Compare | ast.AugAssign) -> tuple[ast.expr, ast.expr]:
    if isinstance(node, ast.BinOp):
        return node.left, node.right
    if isinstance(node, ast.AugAssign):
        return node.target, node.value
    return node.left, node.comparators[0]


def _shape(scene: Scene, node: ast.expr) -> tuple[int, ...] | None:
    """The shape of an array or a table that is named."""
    if isinstance(node, ast.Attribute) and node.attr == "T":
        inner = _shape(scene, node.value)
        return inner[::-1] if inner else None
    try:
        value = scene.value(node)
    except LookupError:
        return None
    return _shape_of(value)


def _shape_of(value: Any) -> tuple[int, ...] | None:
    kinds = [loaded("numpy", "ndarray"), loaded("pandas", "DataFrame"), loaded("pandas", "Series")]
    known = any(type(value) is kind for kind in kinds if kind is not None)
    return tuple(value.shape) if known else None


def product(scene: Scene) -> Hint | None:
    """The shapes of a matrix product, and the transpose that fits."""
    if not re.search(r"matmul: Input operand|shapes \(.*\) and \(.*\) not aligned", scene.message):
        return None
    node = scene.node
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        left, right = node.left, node.right
    elif isinstance(node, ast.Call) and len(node.args) == 2:
        left, right = node.args
    elif (
        isinstance(node, ast.Call) and len(node.args) == 1 and isinstance(node.func, ast.Attribute)
    ):
        left, right = node.func.value, node.args[0]
    else:
        return None
    one, other = _shape(scene, left), _shape(scene, right)
    if one is None or other is None:
        return None
    text = f"`{ast.unparse(left)}` is {one}, `{ast.unparse(right)}` is {other}: inner sizes differ"
    if len(one) == 2 and len(other) == 2:
        fits = []
        if one[1] == other[1]:
            fits.append((right, f"{scene.text(right)}.T"))
        if one[0] == other[0]:
            fits.append((left, f"{scene.text(left)}.T"))
        simple = len(fits) == 1 and isinstance(fits[0][0], ast.Name | ast.Attribute | ast.Subscript)
        if simple:
            return Hint(f"{text}; `{fits[0][1]}` fits", scene.replaced(fits[0]), "shape")
    return Hint(text, (), "shape")


def bounds(scene: Scene) -> Hint | None:
    """An index or axis beyond an array: which array, and what it has."""
    told = re.search(
        r"^index (-?\d+) is out of bounds for axis (\d+) with size (\d+)", scene.message
    )
    axis = re.search(r"axis (-?\d+) is out of bounds for array of dimension (\d+)", scene.message)
    place = "positional indexer" in scene.message and "out-of-bounds" in scene.message
    node = scene.node
    if place and isinstance(node, ast.Subscript):
        return _beyond_rows(scene, node)
    owner: ast.expr | None = None
    if told and isinstance(node, ast.Subscript):
        owner = node.value
    elif axis and isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        owner = node.func.value
        if not _shape(scene, owner) and node.args:
            owner = node.args[0]
    shape = _shape(scene, owner) if owner is not None else None
    if owner is None or shape is None:
        return None
    name = ast.unparse(owner)
    if axis:
        allowed = "axis 0" if len(shape) == 1 else f"axes 0 to {len(shape) - 1}"
        edits = _last_axis(scene, int(axis[1]), len(shape))
        return Hint(f"`{name}` has shape {shape}, so only {allowed}", edits, "index")
    if told and told[3] == "0":
        return Hint(f"`{name}` is empty: its shape is {shape}", (), "index")
    return Hint(
        f"`{name}` has shape {shape}; the last index is {int(told[3]) - 1 if told else 0}",
        (),
        "index",
    )


def _last_axis(scene: Scene, asked: int, dimensions: int) -> tuple[str, ...]:
    """The cell with the last axis where the one after it was asked for, as if counted from 1."""
    call = scene.node
    if asked != dimensions or dimensions > 2 or not isinstance(call, ast.Call):
        return ()
    given = [k.value for k in call.keywords if k.arg == "axis"]
    constants = [n for n in given if isinstance(n, ast.Constant) and n.value == asked]
    return scene.replaced((constants[0], str(asked - 1))) if constants else ()


def _beyond_rows(scene: Scene, node: ast.Subscript) -> Hint | None:
    """`.iloc` beyond the last row."""
    if not isinstance(node.value, ast.Attribute) or node.value.attr not in ("iloc", "iat"):
        return None
    shape = _shape(scene, node.value.value)
    if shape is None:
        return None
    name = ast.unparse(node.value.value)
    size = " × ".join(map(str, shape))
    last = f"; the last row is {shape[0] - 1}" if shape[0] else ", so it is empty"
    return Hint(
        f"`{name}` has {size} {'rows and columns' if len(shape) == 2 else 'rows'}{last}",
        (),
        "index",
    )


def reshaping(scene: Scene) -> Hint | None:
    """A size that does not divide as asked, and what would."""
    told = re.search(
        r"cannot reshape array of size (\d+) into shape \(([\d,\- ]+)\)", scene.message
    )
    if told is None:
        return None
    size = int(told[1])
    wanted = [int(part) for part in told[2].split(",") if part.strip()]
    known = math.prod(part for part in wanted if part > 0)
    node = scene.node
    owner = (
        node.func.value
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        else None
    )
    shape = _shape(scene, owner) if owner is not None else None
    name = (
        f"`{ast.unparse(owner)}` of shape {shape}" if owner is not None and shape else "the array"
    )
    fits = [
        (*wanted[:n], size // (known // part), *wanted[n + 1 :])
        for n, part in enumerate(wanted)
        if part > 0 and known // part and size % (known // part) == 0
    ]
    also = f"; {' or '.join(map(str, fits))} would fit" if fits and -1 not in wanted else ""
    asked = f"{known}" if -1 not in wanted else f"a multiple of {known}"
    text = f"{name} has {size} values, the new shape wants {asked}{also}"
    only = fits[0] if len(fits) == 1 and -1 not in wanted else None
    return Hint(text, _sized(scene, wanted, only) if only else (), "shape")


def _sized(scene: Scene, wanted: list[int], meant: tuple[int, ...]) -> tuple[str, ...]:
    """The cell with the one size that fits, where the shape is written in the call."""
    call = scene.node
    if not isinstance(call, ast.Call):
        return ()
    nodes = [n for a in call.args for n in (a.elts if isinstance(a, ast.Tuple | ast.List) else [a])]
    sizes = nodes[len(nodes) - len(wanted) :]
    changed = [n for n, (old, new) in enumerate(zip(wanted, meant, strict=True)) if old != new]
    if len(sizes) != len(wanted) or len(changed) != 1:
        return ()
    node = sizes[changed[0]]
    if not isinstance(node, ast.Constant) or node.value != wanted[changed[0]]:
        return ()
    return scene.replaced((node, str(meant[changed[0]])))


def joining(scene: Scene) -> Hint | None:
    """Arrays whose other axes differ."""
    if not re.search(
        r"for the concatenation axis must match|all input arrays must have the same"
        r"|must have same number of dimensions",
        scene.message,
    ):
        return None
    node = scene.node
    if not isinstance(node, ast.Call) or not node.args:
        return None
    items = node.args[0]
    if not isinstance(items, ast.List | ast.Tuple):
        return None
    shapes = [(ast.unparse(item), _shape(scene, item)) for item in items.elts[:6]]
    if any(shape is None for _, shape in shapes):
        return None
    text = ", ".join(f"`{name}` is {shape}" for name, shape in shapes)
    return Hint(text, _stacked(scene, node, [shape or () for _, shape in shapes]), "shape")


def _stacked(scene: Scene, call: ast.Call, shapes: list[tuple[int, ...]]) -> tuple[str, ...]:
    """Rows or columns joined to a table, if their size fits one way only."""
    function = call.func
    if not isinstance(function, ast.Attribute) or function.attr != "concatenate":
        return ()
    tables = {shape for shape in shapes if len(shape) == 2}
    lines = {shape for shape in shapes if len(shape) == 1}
    if len(tables) != 1 or len(lines) != 1 or len(call.args) != 1:
        return ()
    (rows, columns), (size,) = tables.pop(), lines.pop()
    axis = ast.unparse(call.keywords[0].value) if call.keywords else "0"
    fits = {("0", size == columns): "vstack", ("1", size == rows): "column_stack"}
    new = fits.get((axis, True))
    if new is None or [k.arg for k in call.keywords] not in ([], ["axis"]):
        return ()
    spelt = f"{scene.text(function.value)}.{new}({scene.text(call.args[0])})"
    return scene.replaced((call, spelt))


def difference(scene: Scene) -> Hint | None:
    """`np.diff` of a column as a new column, for which it is one value too short."""
    told = re.search(r"Length of values \((\d+)\) does not match length of index", scene.message)
    statement = scene.statement
    if told is None or not isinstance(statement, ast.Assign):
        return None
    call = statement.value
    if not isinstance(call, ast.Call) or len(call.args) != 1 or call.keywords:
        return None
    if ast.unparse(call.func) not in ("np.diff", "numpy.diff"):
        return None
    column = call.args[0]
    if isinstance(column, ast.Attribute) and column.attr == "values":
        column = column.value
    shape = _shape(scene, column)
    if shape != (int(told[1]) + 1,) or not isinstance(column, ast.Subscript | ast.Name):
        return None
    if type(scene.value(column)) is not loaded("pandas", "Series"):
        return None
    text = f"`np.diff` gives one value less; `{ast.unparse(column)}.diff()` keeps the length"
    return Hint(text, scene.replaced((call, f"{scene.text(column)}.diff()")), "length")


_SCALARS = ("int64", "int32", "int16", "int8", "uint8", "uint16", "uint32", "uint64")
_OTHERS = ("float32", "float16", "bool", "bool_", "ndarray")


def unserializable(scene: Scene) -> Hint | None:
    """NumPy's numbers and arrays in JSON."""
    told = re.search(r"Object of type (\w+) is not JSON serializable", scene.message)
    call = scene.node
    if told is None or told[1] not in (*_SCALARS, *_OTHERS) or not isinstance(call, ast.Call):
        return None
    if ast.unparse(call.func).split(".")[-1] not in ("dump", "dumps"):
        return None
    if any(k.arg in ("default", "cls", None) for k in call.keywords):
        return None
    found = calls.unserializable(scene)
    text = found.text if found else f"the data holds NumPy's {told[1]}, which JSON has no form for"
    new = with_argument(scene.text(call), "default=lambda value: value.tolist()")
    return Hint(f"{text}; `tolist` makes it plain", scene.replaced((call, new)), "json")


def lengths(scene: Scene) -> Hint | None:
    """Columns of different length in one new DataFrame."""
    if "All arrays must be of the same length" not in scene.message:
        return None
    found: dict[str, int] = {}
    for call in scene.parts(ast.Call):
        data = call.args[0] if call.args else None
        pairs: list[tuple[str, Any]] = []
        if isinstance(data, ast.Dict):
            for key, item in zip(data.keys, data.values, strict=True):
                pairs += [(ast.unparse(key), _measured(scene, item))] if key is not None else []
        elif data is not None:
            try:
                value = scene.value(data)
            except LookupError:
                continue
            items = list(value.items())[:50] if type(value) is dict else []
            pairs = [(brief(k, 1), _size(v)) for k, v in items]
        found |= {key: size for key, size in pairs if size is not None}
        if len(set(found.values())) > 1:
            said = ", ".join(f"{key}: {size}" for key, size in found.items())
            return Hint(f"lengths are {said}", (), "length")
    return None


def _measured(scene: Scene, node: ast.expr) -> int | None:
    if isinstance(node, ast.List | ast.Tuple):
        return len(node.elts)
    try:
        return _size(scene.value(node))
    except LookupError:
        return None


def _size(value: Any) -> int | None:
    known = (list, tuple, range)
    libraries = [loaded("pandas", "Series"), loaded("numpy", "ndarray")]
    if is_one_of(type(value), known) or any(type(value) is k for k in libraries if k):
        return len(value)
    return None
