"""AttributeError: the attribute that was meant, or what came in place of one that was removed."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import Any

from .. import describe_data, exceptions
from ..peek import comes_from, instance_dict, is_a, loaded, members, module_dict, mro, plain_name
from .closest import closest
from .rewrites import alias
from .scene import Hint, Scene, span

_MOST = 2000

# Gone or never there -> what does it now; told only if the installed version has that.
_RENAMED: dict[str, dict[str, str]] = {
    "DataFrame": {"applymap": "map", "iteritems": "items", "as_matrix": "to_numpy", "ix": "loc"},
    "Series": {"iteritems": "items", "as_matrix": "to_numpy", "ix": "loc", "order": "sort_values"},
    "list": {"add": "append", "push": "append", "addAll": "extend", "push_back": "append"},
    "set": {"append": "add", "push": "add", "extend": "update"},
    "dict": {"iteritems": "items", "itervalues": "values", "iterkeys": "keys"},
    "str": {
        "trim": "strip",
        "toLowerCase": "lower",
        "toUpperCase": "upper",
        "startsWith": "startswith",
        "endsWith": "endswith",
        "lowercase": "lower",
        "uppercase": "upper",
    },
}
_MODULES: dict[str, dict[str, str]] = {
    "numpy": {
        **{"product": "prod", "cumproduct": "cumprod", "sometrue": "any", "alltrue": "all"},
        **{"in1d": "isin", "row_stack": "vstack", "trapz": "trapezoid", "NaN": "nan"},
        **{"Inf": "inf", "infty": "inf", "NAN": "nan", "float_": "float64", "round_": "round"},
        **{"complex_": "complex128", "unicode_": "str_", "string_": "bytes_"},
    },
    "time": {"clock": "perf_counter"},
    "string": {"letters": "ascii_letters", "lowercase": "ascii_lowercase"},
    "inspect": {"getargspec": "getfullargspec"},
    "os": {"getcwdu": "getcwd"},
}
_BUILTINS = ("float", "int", "bool", "object", "str", "complex")
_ABSTRACT = ("Mapping", "MutableMapping", "Sequence", "Iterable", "Callable", "Hashable", "Sized")


def missing(scene: Scene) -> Hint | None:
    """An attribute that an object does not have."""
    name = exceptions.field(scene.error, AttributeError, "name")
    owner = exceptions.field(scene.error, AttributeError, "obj")
    if name is None:  # a module's own `__getattr__` raised it
        name, owner = _told(scene)
    if type(name) is not str or not name or owner is None:
        return None
    if type(owner) is type(ast):
        return _of_module(scene, owner, name)
    if is_a(owner, type):
        return _of_class(scene, owner, name)
    kind = plain_name(type(owner))
    return (
        _renamed(scene, owner, kind, name)
        or _length(scene, owner, kind, name)
        or _accessor(scene, owner, name)
        or _misspelt(scene, owner, kind, name)
    )


def _told(scene: Scene) -> tuple[str | None, Any]:
    """The attribute that failed and its owner, from the message and the expression."""
    told = re.search(r"has no attribute '(\w{1,80})'", scene.message)
    node = _attribute(scene, told[1]) if told else None
    try:
        return (told[1], scene.value(node.value)) if told and node is not None else (None, None)
    except LookupError:
        return None, None


def _attribute(scene: Scene, name: str) -> ast.Attribute | None:
    """The expression `….name` that failed."""
    if isinstance(scene.node, ast.Attribute) and scene.node.attr == name:
        return scene.node
    found = [n for n in scene.parts(ast.Attribute) if n.attr == name]
    return found[0] if len(found) == 1 else None


def _spelt(scene: Scene, name: str, meant: str) -> tuple[str, ...]:
    node = _attribute(scene, name)
    if node is None:
        return ()
    _, line, _, column = span(node)
    return scene.spliced(((line, line, column - len(name.encode()), column), meant))


def _of_module(scene: Scene, module: Any, name: str) -> Hint | None:
    names = module_dict(module)
    title = names.get("__name__")
    title = title if type(title) is str else "module"
    node = _attribute(scene, name)
    if title == "numpy" and name in _BUILTINS and node is not None:
        text = f"NumPy no longer has `{name}`; Python's own `{name}` does the same"
        return Hint(text, scene.replaced((node, name)), "renamed")
    if title == "collections" and name in _ABSTRACT and node is not None:
        edits = scene.replaced((node, f"{ast.unparse(node.value)}.abc.{name}"))
        hint = f"`{name}` is in `collections.abc`"
        return Hint(hint, edits, "renamed")
    meant = _MODULES.get(title, {}).get(name)
    if meant is not None and meant in names:
        return Hint(f"`{title}.{name}` is now `{meant}`", _spelt(scene, name, meant), "renamed")
    public = [k for k in names if type(k) is str and not k.startswith("_")]
    meant = closest(name, public)
    if meant is None:
        return _shadow(title, names)
    return Hint(
        f"`{title}` has no `{name}`; the closest is `{meant}`",
        _spelt(scene, name, meant),
        "attribute",
    )


def _shadow(title: str, names: dict[Any, Any]) -> Hint | None:
    """A file of the user that hides a module of the standard library."""
    path = names.get("__file__")
    if title not in sys.stdlib_module_names or type(path) is not str:
        return None
    try:
        own = Path(path).resolve().is_relative_to(Path.cwd().resolve())
    except (OSError, ValueError):
        return None
    if not own:
        return None
    return Hint(f"`{title}` is your file {Path(path).name}, which hides Python's own", (), "import")


def _known(owner: Any) -> list[str]:
    """The names that an object has, read from its dict and its classes' dicts."""
    names = [k for k in instance_dict(owner) if type(k) is str]
    for kind in mro(type(owner)):
        names += [k for k in members(kind) if type(k) is str]
    return [k for k in dict.fromkeys(names) if not k.startswith("_")][:_MOST]


def _renamed(scene: Scene, owner: Any, kind: str, name: str) -> Hint | None:
    meant = _RENAMED.get(kind, {}).get(name)
    if meant is None or meant not in _known(owner) or not _is_library(owner):
        return None
    text = f"{_a(kind)} has no `{name}`; it is `{meant}`"
    return Hint(text, _spelt(scene, name, meant), "renamed")


def _is_library(owner: Any) -> bool:
    return comes_from(type(owner), "pandas", "numpy", "builtins", "polars")


def _length(scene: Scene, owner: Any, kind: str, name: str) -> Hint | None:
    """`x.length()` of other languages."""
    if name not in ("length", "len") or not comes_from(type(owner), "builtins"):
        return None
    if "__len__" not in members(type(owner)):
        return None
    node = _attribute(scene, name)
    if node is None:
        return None
    calls = [c for c in scene.parts(ast.Call) if c.func is node and not c.args and not c.keywords]
    calls = calls or _calls_of(scene, node)
    text = f"{_a(kind)} has no `{name}`; `len({ast.unparse(node.value)})` is its length"
    whole = calls[0] if calls else node
    return Hint(text, scene.replaced((whole, f"len({scene.text(node.value)})")), "renamed")


def _calls_of(scene: Scene, node: ast.Attribute) -> list[ast.Call]:
    statement = scene.statement
    return [
        c
        for c in (ast.walk(statement) if statement is not None else ())
        if isinstance(c, ast.Call) and c.func is node
    ]


def _accessor(scene: Scene, owner: Any, name: str) -> Hint | None:
    """A method of texts or dates that was called on a Series of them, and `.dt` on texts."""
    series = loaded("pandas", "Series")
    if series is None or type(owner) is not series:
        return None
    node = _attribute(scene, name)
    dtype = describe_data.dtype_name(owner.dtype)
    if name in ("dt", "str"):
        return _wrong_accessor(scene, owner, name, dtype, node)
    is_text = dtype in ("object", "str", "string")
    for accessor, kind, applies in (
        ("str", loaded("pandas.core.strings.accessor", "StringMethods"), is_text),
        (
            "dt",
            loaded("pandas.core.indexes.accessors", "DatetimeProperties"),
            dtype.startswith("datetime64"),
        ),
    ):
        if applies and kind is not None and any(name in members(k) for k in mro(kind)):
            edits = (
                scene.replaced((node, f"{scene.text(node.value)}.{accessor}.{name}"))
                if node
                else ()
            )
            return Hint(
                f"on a Series of dtype {dtype} it is `.{accessor}.{name}`", edits, "attribute"
            )
    return None


def _wrong_accessor(
    scene: Scene, owner: Any, name: str, dtype: str, node: ast.Attribute | None
) -> Hint | None:
    sample = describe_data.first_values(owner, 200)
    shown = next((repr(v)[:60] for v in sample if v is not None), "nothing")
    said = f"`{ast.unparse(node.value)}`" if node is not None else "the Series"
    if name == "str":
        return Hint(f"{said} has dtype {dtype}, not texts; it begins with {shown}", (), "attribute")
    text = f"{said} has dtype {dtype}, not dates; it begins with {shown}"
    pandas = alias(scene, "pandas")
    dates = [v for v in sample if type(v) is str]
    if node is None or pandas is None or not dates:
        return Hint(text, (), "attribute")
    if not all(re.fullmatch(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d)?)?", v) for v in dates):
        return Hint(text, (), "attribute")
    whole = f"{pandas}.to_datetime({scene.text(node.value)})"
    edits = scene.replaced((node, f"{whole}.dt"))
    return Hint(f"{text}; `{whole}` makes dates of them", edits, "attribute")


def _a(kind: str) -> str:
    return f"an {kind}" if kind[:1].lower() in "aeiou" else f"a {kind}"


def _misspelt(scene: Scene, owner: Any, kind: str, name: str) -> Hint | None:
    known = _known(owner)
    if type(owner) is loaded("pandas", "DataFrame"):
        known += [c for c in owner.columns[:_MOST] if type(c) is str and c.isidentifier()]
    meant = closest(name, known) or _part(name, owner)
    if meant is None:
        return None
    text = f"{_a(kind)} has no `{name}`; the closest is `{meant}`"
    return Hint(text, _spelt(scene, name, meant), "attribute")


def _part(name: str, owner: Any) -> str | None:
    """The one attribute or column, of the user's making, that begins or ends with the name."""
    known = [k for k in instance_dict(owner) if type(k) is str]
    if type(owner) is loaded("pandas", "DataFrame"):
        known = [c for c in owner.columns[:_MOST] if type(c) is str and c.isidentifier()]
    elif _is_library(owner):
        return None
    found = [k for k in known if k.startswith(f"{name}_") or k.endswith(f"_{name}")]
    found = [k for k in found if not k.startswith("_")]
    return found[0] if len(found) == 1 and len(name) > 2 else None


def _of_class(scene: Scene, owner: Any, name: str) -> Hint | None:
    """A name of a plain class or of an enum; another metaclass may say anything."""
    is_enum = type(owner) is loaded("enum", "EnumMeta")
    if not is_enum and type(owner) is not type:
        return None
    known = members(owner).get("_member_map_", {}) if is_enum else members(owner)
    meant = closest(name, [k for k in known if type(k) is str and not k.startswith("_")])
    if meant is None:
        return None
    text = f"`{plain_name(owner)}` has no `{name}`; the closest is `{meant}`"
    return Hint(text, _spelt(scene, name, meant), "attribute")
