"""TypeErrors of two types in one expression, where the live values say which one to convert."""

from __future__ import annotations

import ast
import datetime
import re
from typing import Any

from .scene import Hint, Scene

_BINARY = re.compile(
    r"unsupported operand type\(s\) for \S+ '([\w.]+)' and '([\w.]+)'"
    r"|not supported between instances of '([\w.]+)' and '([\w.]+)'"
)
_CALLED = frozenset({"method", "builtin_function_or_method", "function"})
# Methods in C that need no argument; what others need cannot be read.
_BARE = frozenset(
    {
        *("lower", "upper", "strip", "title", "keys", "values", "items", "copy", "split"),
        *("mean", "sum", "max", "min", "std", "isoformat", "timestamp", "date", "total_seconds"),
    }
)


def joined_text(scene: Scene) -> Hint | None:
    """A text that is no number, joined with one: the number has to be a text too."""
    node = scene.node
    if re.search(r'can only concatenate str \(not "(int|float)"\)', scene.message):
        other = _right(node)
        text = _left(node)
    elif re.search(r"for \+: '(int|float)' and 'str'", scene.message):
        other = _left(node)
        text = _right(node)
    else:
        return None
    value = _known(scene, text)
    if other is None or text is None or type(value) is not str or _number(value) is not None:
        return None
    spelt = f"str({scene.text(other)})"
    said = f"`{ast.unparse(text)}` is text: the number has to be `{spelt}`"
    return Hint(said, scene.replaced((other, spelt)), "operands")


def _left(node: ast.AST | None) -> ast.expr | None:
    if isinstance(node, ast.BinOp):
        return node.left
    if isinstance(node, ast.Compare) and len(node.comparators) == 1:
        return node.left
    return node.target if isinstance(node, ast.AugAssign) else None


def _right(node: ast.AST | None) -> ast.expr | None:
    if isinstance(node, ast.BinOp):
        return node.right
    if isinstance(node, ast.Compare) and len(node.comparators) == 1:
        return node.comparators[0]
    return node.value if isinstance(node, ast.AugAssign) else None


def _known(scene: Scene, node: ast.AST | None) -> Any:
    try:
        return scene.value(node)
    except LookupError:
        return None


def _number(text: str) -> str | None:
    """Which type reads the text as a number."""
    for name, kind in (("int", int), ("float", float)):
        try:
            kind(text)
        except ValueError:
            continue
        return name
    return None


def _sides(scene: Scene) -> list[tuple[ast.expr, str]]:
    """Both sides of an operation with the types that the message gives them."""
    told = _BINARY.search(scene.message)
    left, right = _left(scene.node), _right(scene.node)
    if told is None or left is None or right is None or scene.library:
        return []
    kinds = [kind for kind in told.groups() if kind is not None]
    return list(zip((left, right), kinds, strict=True))


def compared(scene: Scene) -> Hint | None:
    """A text that is a number, compared with one."""
    if not isinstance(scene.node, ast.Compare):
        return None
    sides = _sides(scene)
    texts = [side for side, kind in sides if kind == "str"]
    if len(texts) != 1 or {kind for _, kind in sides} - {"str", "int", "float"}:
        return None
    value = _known(scene, texts[0])
    reader = _number(value) if type(value) is str else None
    if reader is None or isinstance(texts[0], ast.Constant):
        return None
    spelt = f"{reader}({scene.text(texts[0])})"
    said = f"`{ast.unparse(texts[0])}` is the text {value!r}; `{spelt}` is its number"
    return Hint(said, scene.replaced((texts[0], spelt)), "operands")


def dates(scene: Scene) -> Hint | None:
    """A date in one operation with an ISO date that is still text."""
    sides = _sides(scene)
    texts = [side for side, kind in sides if kind == "str"]
    kinds = {kind for _, kind in sides} & {"datetime.date", "datetime.datetime"}
    if len(texts) != 1 or len(kinds) != 1 or isinstance(scene.node, ast.AugAssign):
        return None
    wanted = datetime.date if kinds == {"datetime.date"} else datetime.datetime
    value = _known(scene, texts[0])
    if type(value) is not str:
        return None
    try:
        wanted.fromisoformat(value)
    except ValueError:
        return None
    alias = _alias(scene, wanted)
    spelt = f"{alias or wanted.__name__}.fromisoformat({scene.text(texts[0])})"
    said = f"`{ast.unparse(texts[0])}` is the text {value!r}; `{spelt}` is its date"
    edits = scene.replaced((texts[0], spelt))
    if edits and alias is None:
        edits = () if "%%" in scene.source else (_with_import(edits[0], wanted),)
    return Hint(said, edits, "operands")


def _alias(scene: Scene, wanted: type) -> str | None:
    """How the cell can write the class; None if it has to be imported."""
    names = {k: v for k, v in scene.names().items() if not k.startswith("_")}
    own = [name for name, value in names.items() if value is wanted]
    own += [f"{k}.{wanted.__name__}" for k, v in names.items() if v is datetime]
    return own[0] if own else None


def _with_import(source: str, wanted: type) -> str:
    return f"from datetime import {wanted.__name__}\n{source}"


def not_called(scene: Scene) -> Hint | None:
    """A method that was used in place of its result."""
    node = scene.node
    subjects = [side for side, kind in _sides(scene) if kind in _CALLED]
    told = re.search(
        r"'(\w+)' object is not iterable|^object of type '(\w+)' has no", scene.message
    )
    if told and (told[1] or told[2]) in _CALLED:
        over = node.iter if isinstance(node, ast.For) else node
        inner = over.args[:1] if isinstance(over, ast.Call) else [over]
        subjects = [n for n in inner if isinstance(n, ast.Attribute)]
    if len(subjects) != 1 or not isinstance(subjects[0], ast.Attribute):
        return None
    if not _needs_nothing(scene, subjects[0]):
        return None
    spelt = f"{scene.text(subjects[0])}()"
    said = f"`{ast.unparse(subjects[0])}` is a method; its result is `{spelt}`"
    return Hint(said, scene.replaced((subjects[0], spelt)), "call")


def _needs_nothing(scene: Scene, node: ast.Attribute) -> bool:
    if node.attr in _BARE:
        return True
    value = _known(scene, node)
    if type(value) is not type(_known):
        return False
    code, defaults = value.__code__, value.__defaults__ or ()
    is_own = type(_known(scene, node.value)) is type(ast)
    kept = set(value.__kwdefaults__ or {})
    only = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    return code.co_argcount - len(defaults) <= (0 if is_own else 1) and set(only) <= kept


def bytes_as_text(scene: Scene) -> Hint | None:
    """Bytes where text is joined, cut or searched."""
    node = scene.node
    subject: ast.expr | None = None
    if 'can only concatenate str (not "bytes")' in scene.message:
        subject = _right(node)
    elif "can't concat str to bytes" in scene.message and isinstance(node, ast.BinOp):
        subject = node.left
    elif "a bytes-like object is required, not 'str'" in scene.message:
        called = node.func if isinstance(node, ast.Call) else None
        subject = called.value if isinstance(called, ast.Attribute) else _right(node)
    elif "cannot use a string pattern on a bytes-like object" in scene.message:
        subject = node.args[1] if isinstance(node, ast.Call) and len(node.args) > 1 else None
    value = _known(scene, subject)
    if subject is None or type(value) is not bytes or isinstance(subject, ast.Constant):
        return None
    try:
        value[:100_000].decode()
    except UnicodeDecodeError:
        return None
    spelt = f"{scene.text(subject)}.decode()"
    said = f"`{ast.unparse(subject)}` is bytes; `{spelt}` is its text"
    return Hint(said, scene.replaced((subject, spelt)), "bytes")


def unhashable(scene: Scene) -> Hint | None:
    """A list as a key of a dict, or as an item of a set."""
    node = scene.node
    if "unhashable type: 'list'" not in scene.message or scene.library:
        return None
    subject: ast.expr | None = None
    if isinstance(node, ast.Subscript):
        is_key = isinstance(node.ctx, ast.Store) or isinstance(node.slice, ast.Name)
        subject = node.slice if is_key else None
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        subject = node.args[0] if node.func.attr == "add" and len(node.args) == 1 else None
    if subject is None or type(_known(scene, subject)) is not list:
        return None
    spelt = f"tuple({scene.text(subject)})"
    said = f"`{ast.unparse(subject)}` is a list, which cannot be a key; `{spelt}` can"
    return Hint(said, scene.replaced((subject, spelt)), "key")


def past_the_end(scene: Scene) -> Hint | None:
    """`x[len(x)]`: the last item is `x[-1]`."""
    node = scene.node
    if not isinstance(node, ast.Subscript) or not isinstance(node.ctx, ast.Load):
        return None
    owner = ast.unparse(node.value)
    if ast.unparse(node.slice) != f"len({owner})" or not _known(scene, node.value):
        return None
    text = f"the last item of `{owner}` is `{owner}[-1]`"
    return Hint(text, scene.replaced((node.slice, "-1")), "index")


def literal_pattern(scene: Scene) -> Hint | None:
    """A text such as "C++" that was taken for a regular expression."""
    calls = [
        c
        for c in scene.parts(ast.Call)
        if isinstance(c.func, ast.Attribute)
        and _known(scene, c.func.value) is re
        and len(c.args) > 1
    ]
    if len(calls) != 1:
        return None
    pattern, subject = calls[0].args[0], calls[0].args[2 if _is_sub(calls[0]) else 1 :][:1]
    wanted, text = _known(scene, pattern), _known(scene, subject[0] if subject else None)
    if type(wanted) is not str or type(text) is not str or wanted not in text:
        return None
    if re.search(r"[\\.^$|{}]", wanted):
        return None
    spelt = f"{scene.text(calls[0].func).rpartition('.')[0]}.escape({scene.text(pattern)})"
    said = f"the text has {wanted!r} as it stands; `{spelt}` searches for just that"
    return Hint(said, scene.replaced((pattern, spelt)), "pattern")


def _is_sub(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr in ("sub", "subn")
