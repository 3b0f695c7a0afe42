"""KeyError: the column, label or key that was meant."""

from __future__ import annotations

import ast
import os
import re
from typing import Any

from ... import security
from ..describe import brief
from ..peek import comes_from, instance_dict, is_one_of, loaded
from .closest import closest
from .scene import Hint, Scene

_MOST = 2000  # labels that are compared
_LISTED = 8
_INDEXES = ("Index", "MultiIndex", "RangeIndex", "DatetimeIndex", "CategoricalIndex")
_QUOTED = re.compile(r"""'([^'\n]{1,80})'|"([^"\n]{1,80})\"""")


def of_frame(scene: Scene) -> Hint | None:
    """A label that a pandas object does not have."""
    missing = _missing(scene)
    labels = _labels(scene)
    if not missing or labels is None:
        return None
    what, known = labels
    hints = [_label(scene, label, what, known) for label in missing if label not in known]
    return next((hint for hint in hints if hint is not None), None)


def _label(scene: Scene, label: Any, what: str, known: list[Any]) -> Hint | None:
    texts = [item for item in known if type(item) is str]
    if type(label) is str:
        meant: Any = closest(label, texts)
        if meant is None:
            meant = _other_type(label, known)
        if meant is None:
            meant = _first_level(label, known)
    else:
        meant = _other_type(label, known)
    if meant is None:
        return _listed(label, what, known)
    return Hint(
        f"no {what} {_shown(label)}; the closest is {_shown(meant)}",
        _spelt(scene, label, meant),
        "key",
    )


def _listed(label: Any, what: str, known: list[Any]) -> Hint | None:
    """Where no label is close, a short list of all of them still says what there is."""
    if not known or len(known) > _LISTED or not what.startswith("column"):
        return None
    return Hint(f"no {what} {_shown(label)}; there are {', '.join(map(_shown, known))}", (), "key")


def _shown(label: Any) -> str:
    return brief(label, 2)


def _other_type(label: Any, known: list[Any]) -> Any:
    """The label that is written the same but of another type, such as 1 for "1"."""
    found = [k for k in known if type(k) is not type(label) and _written(k) == _written(label)]
    return found[0] if len(found) == 1 and _written(label) is not None else None


def _written(label: Any) -> str | None:
    return str(label) if is_one_of(type(label), (str, int)) else None


def _first_level(label: str, known: list[Any]) -> Any:
    """Of labels with levels, the only one that holds this name at a deeper level."""
    found = [k for k in known if type(k) is tuple and label in [p for p in k if type(p) is str]]
    return found[0] if len(found) == 1 else None


def _spelt(scene: Scene, label: Any, meant: Any) -> tuple[str, ...]:
    """The cell with the constant respelt where it failed, or else where it stands alone."""
    for place in (scene.node, scene.statement):
        constants = _constants(place, label)
        if constants and scene.in_cell:
            like = scene.text(constants[0])
            return scene.replaced(*((n, _literal(meant, like)) for n in constants))
    constants = _constants(scene.cell_tree, label)
    if len(constants) != 1:
        return ()
    like = ast.get_source_segment(scene.source, constants[0]) or ""
    return scene.rewritten((constants[0], _literal(meant, like)))


def _constants(place: ast.AST | None, label: Any) -> list[ast.Constant]:
    return [
        n
        for n in (ast.walk(place) if place is not None else ())
        if isinstance(n, ast.Constant) and type(n.value) is type(label) and n.value == label
    ]


def _literal(value: Any, like: str) -> str:
    """A constant in the quotes that the user used."""
    text = repr(value)
    if type(value) is str and like.startswith('"') and '"' not in value and "\\" not in text:
        return f'"{value}"'
    return text


def _missing(scene: Scene) -> list[Any]:
    """The labels that a KeyError names; pandas puts some into a sentence."""
    if len(scene.arguments) != 1:
        return []
    given = scene.arguments[0]
    if type(given) is list:
        return [item for item in given if is_one_of(type(item), (str, int))]
    if type(given) is not str:
        return [given] if is_one_of(type(given), (int, float, tuple)) else []
    told = re.search(
        r"\['.*\] (?:not in index|not found in axis|do not exist)|^None of |are not columns of"
        r"|are not present in the DataFrame|^Column not found: |^Columns? not found",
        given,
    )
    if not told:
        return [given]
    found = [a or b for a, b in _QUOTED.findall(re.sub(r"^The following .*?:", "", given))]
    found = [f for f in found if f not in ("str", "object")]
    return found or [given.removeprefix("Column not found: ")]


def _labels(scene: Scene) -> tuple[str, list[Any]] | None:
    """What the innermost pandas object of the traceback is labelled with."""
    for value in scene.library_values("self", "obj", "frame", "data"):
        grouped = instance_dict(value).get("obj") if _is_pandas(value) else None
        if type(grouped) is loaded("pandas", "DataFrame"):
            value = grouped
        if type(value) is loaded("pandas", "DataFrame"):
            return "column", _items(value.columns)
        if any(type(value) is loaded("pandas", name) for name in _INDEXES):
            return _role(scene, value), _items(value)
    return None


def _is_pandas(value: Any) -> bool:
    return comes_from(type(value), "pandas")


def _role(scene: Scene, index: Any) -> str:
    """Whether labels are those of columns or of rows."""
    for value in scene.library_values("self", "obj"):
        if type(value) is loaded("pandas", "DataFrame") and value.columns is index:
            return "column"
    return "label"


def _items(index: Any) -> list[Any]:
    """The first labels as far as they are plain; of others even `==` may be the user's."""
    if not comes_from(type(index.dtype), "numpy", "pandas"):
        return []
    return [item for item in index[:_MOST].tolist() if _is_plain(item)]


def _is_plain(label: Any) -> bool:
    if type(label) is tuple:
        return all(is_one_of(type(part), (str, int, float)) for part in label)
    return is_one_of(type(label), (str, int, float))


def of_dict(scene: Scene) -> Hint | None:
    """A key that a dict does not have."""
    node = scene.node
    if not isinstance(node, ast.Subscript) or len(scene.arguments) != 1 or scene.library:
        return None
    try:
        value = scene.value(node.value)
    except LookupError:
        return None
    key = scene.arguments[0]
    if type(value) is not dict or not is_one_of(type(key), (str, int)):
        return None
    known = [k for k in list(value)[:_MOST] if is_one_of(type(k), (str, int, tuple))]
    meant: Any = closest(key, [k for k in known if type(k) is str]) if type(key) is str else None
    meant = meant if meant is not None else _other_type(key, known)
    name = ast.unparse(node.value)
    if meant is not None:
        edits = _spelt(scene, key, meant)
        return Hint(f"`{name}` has no key {_shown(key)}; it has {_shown(meant)}", edits, "key")
    if len(value) > _LISTED or len(known) < len(value):
        return None
    keys = ", ".join(map(_shown, known)) or "none, it is empty"
    return Hint(f"`{name}` has no key {_shown(key)}; its keys: {keys}", (), "key")


def of_environment(scene: Scene) -> Hint | None:
    """A variable that the environment lacks; values are never read."""
    node, key = scene.node, scene.arguments[:1]
    if not isinstance(node, ast.Subscript) or len(key) != 1 or type(key[0]) is not str:
        return None
    if not ast.unparse(node.value).endswith("environ") or type(os.environ) is not os._Environ:
        return None
    meant = closest(key[0], list(os.environ))
    if meant is not None:
        edits = _spelt(scene, key[0], meant)
        return Hint(f"the environment has no {key[0]!r}, but {meant!r}", edits, "key")
    return Hint(
        f"the environment variable {security.clean(key[0], 80)!r} is not set in this kernel",
        (),
        "key",
    )


def in_query(scene: Scene) -> Hint | None:
    """A name in `DataFrame.query` or `eval` that is neither a column nor a variable."""
    name = re.fullmatch(r"name '(\w+)' is not defined", scene.message)
    frames = [
        value
        for value in scene.library_values("self")
        if type(value) is loaded("pandas", "DataFrame")
    ]
    if name is None or not frames or "UndefinedVariableError" not in scene.kinds:
        return None
    known = [item for item in _items(frames[0].columns) if type(item) is str]
    meant = closest(name[1], known)
    if meant is None:
        return None
    spelt = meant if meant.isidentifier() else f"`{meant}`"
    texts = [
        n
        for n in scene.parts(ast.Constant)
        if type(n.value) is str and re.search(rf"\b{name[1]}\b", n.value)
    ]
    edits: tuple[str, ...] = ()
    if len(texts) == 1:
        edits = scene.replaced((texts[0], repr(re.sub(rf"\b{name[1]}\b", spelt, texts[0].value))))
    return Hint(f"no column {name[1]!r}; the closest is {meant!r}", edits, "key")
