"""Describes live objects in words for a prompt, and never runs code of theirs.

Only types we know are looked into, and only if an object is of exactly that type: a subclass may
override anything. Of all others we say the type and the plain values in the instance's dict.
"""

from __future__ import annotations

import datetime
import decimal
import fractions
import inspect
import logging
import pathlib
import time
import types
import uuid
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Mapping
from typing import Any

from .. import security
from . import describe_data
from .peek import bases, first, instance_dict, is_a, is_one_of, members, plain_name, type_name

log = logging.getLogger(__name__)

_LIMIT = 600  # characters of one description
_ITEMS = 8  # of a container
_DEPTH = 3
_SORTED = 1000  # items of a set: of a larger one, which has no order, none is shown
_TEXT = 200  # characters of a string inside a container or of its beginning
_BUDGET_S = 0.05  # for a whole namespace; what is left then gets its type only
_MAX_VARIABLES = 500
_OUR_TYPES = "codeassist_jupyter."  # answers are in the chat already


def describe_all(namespace: Mapping[str, Any], hidden: Mapping[str, Any]) -> dict[str, str]:
    """Describe what the user has made, by name; within 50 ms, whatever it is.

    `hidden` are the names that the shell put there, with their first values.
    """
    deadline = time.monotonic() + _BUDGET_S
    found: dict[str, str] = {}
    for name, value in list(namespace.items()):
        if len(found) == _MAX_VARIABLES:
            break
        if type(name) is not str or name.startswith("_"):
            continue
        if hidden.get(name, hidden) is not value and not type_name(value).startswith(_OUR_TYPES):
            late = time.monotonic() > deadline
            found[name] = f"{name}: {type_name(value)}" if late else describe(name, value)
    return found


def describe(name: str, value: Any, limit: int = _LIMIT) -> str:
    """`name: what it is`, in one line or a few, redacted and at most `limit` characters long."""
    if security.secret_name(name):
        return f"{name}: {type_name(value)} [redacted]"
    try:
        body = _body(value)
    except Exception:  # noqa: BLE001 - a running cell may change it while a side panel asks
        log.info("a %s changed while it was described", type_name(value))
        body = type_name(value)
    text = security.redact(security.clean(f"{name}: {body}"))
    return security.clean(text, limit)


def _body(value: Any) -> str:
    kind = type(value)
    describer = _BUILT_IN.get(id(kind))
    if describer is not None:
        return describer(value)
    data = describe_data.describer(kind)
    if data is not None:
        return data(value, brief)
    if describe_data.scalar(value) is not None:
        return _plain(value)
    if is_a(value, type):
        return _class(value)
    if is_a(value, BaseException):
        arguments = BaseException.__dict__["args"].__get__(value)
        return f"{type_name(value)} with arguments {brief(arguments)}"
    return _instance(value)


def brief(value: Any, depth: int = _DEPTH) -> str:
    """A value as it might be typed; what we do not know becomes `<type>`."""
    kind = type(value)
    if kind is str:
        return _quoted(value)
    if kind is bytes or kind is bytearray:
        return repr(bytes(value[:40])) + ("…" if len(value) > 40 else "")
    if kind is int:
        bits = value.bit_length()
        return repr(value) if bits < 1000 else f"<int of {bits} bits>"
    if is_one_of(kind, _ATOMS):
        return repr(value)
    if is_one_of(kind, _BRACKETS):
        return _container(value, depth)
    if is_one_of(kind, _SHOWN_AS_TEXT):
        return str(value)
    if kind is datetime.datetime or kind is datetime.time:
        return value.isoformat() if describe_data.knows_zone(value) else f"<{type_name(value)}>"
    return describe_data.scalar(value) or f"<{type_name(value)}>"


def _quoted(value: str) -> str:
    if len(value) <= _TEXT:
        return repr(value)
    # Redacted before it is cut: half a secret is no longer recognized as one.
    return repr(security.redact(value[: 10 * _TEXT])[:_TEXT] + "…")


def _container(value: Any, depth: int) -> str:
    kind = type(value)
    left, right = _BRACKETS[kind]
    if depth == 0 and len(value):
        return f"{left}…{right}"
    if is_one_of(kind, _MAPPINGS):
        shown = [_pair(key, item, depth - 1) for key, item in first(value.items(), _ITEMS)]
    elif is_one_of(kind, (set, frozenset)):
        items = first(value, _SORTED) if len(value) <= _SORTED else []
        shown = sorted(brief(item, depth - 1) for item in items)[:_ITEMS]
    else:
        shown = [brief(item, depth - 1) for item in first(value, _ITEMS)]
    if len(value) > len(shown):
        shown.append("…")
    return f"{left}{', '.join(shown)}{right}"


def _pair(key: Any, item: Any, depth: int) -> str:
    hidden = type(key) is str and security.secret_name(key)
    return f"{brief(key, depth)}: {'[redacted]' if hidden else brief(item, depth)}"


def _sized(value: Any) -> str:
    return f"{type_name(value)} of {len(value)}: {brief(value)}"


def _text(value: str) -> str:
    lines = value.count("\n") + 1
    size = f"{len(value)} characters" + (f" in {lines} lines" if lines > 1 else "")
    return f"str of {size}: {brief(value)}"


def _plain(value: Any) -> str:
    return f"{type_name(value)} {brief(value)}"


def _function(value: types.FunctionType) -> str:
    """Name, parameters, first line of the docstring and size, from the code object alone."""
    code, names = value.__code__, value.__code__.co_varnames
    count, keyword_only = code.co_argcount, code.co_kwonlyargcount
    positional: Any = value.__defaults__ if type(value.__defaults__) is tuple else ()
    by_name: Any = value.__kwdefaults__ if type(value.__kwdefaults__) is dict else {}
    defaults = dict(zip(names[:count][::-1], positional[::-1], strict=False)) | by_name
    shown = [_parameter(name, defaults) for name in names[: count + keyword_only]]
    rest = count + keyword_only
    if code.co_flags & inspect.CO_VARARGS:
        shown.insert(count, f"*{names[rest]}")
        rest += 1
    elif keyword_only:
        shown.insert(count, "*")
    if code.co_flags & inspect.CO_VARKEYWORDS:
        shown.append(f"**{names[rest]}")
    doc = _first_line(value.__doc__)
    return f"function {code.co_name}({', '.join(shown)}), {_lines(code)} lines{doc}"


def _parameter(name: str, defaults: dict[str, Any]) -> str:
    if name not in defaults:
        return name
    return f"{name}={'[redacted]' if security.secret_name(name) else brief(defaults[name], 1)}"


def _lines(code: types.CodeType) -> int:
    """How many lines of source a function has; its last one may lie in a function inside."""
    inner = [c for c in code.co_consts if type(c) is types.CodeType]
    last = [line for _, _, line in code.co_lines() if line is not None]
    ends = [
        max(last, default=code.co_firstlineno),
        *(c.co_firstlineno + _lines(c) - 1 for c in inner),
    ]
    return max(ends) - code.co_firstlineno + 1


def _class(value: type) -> str:
    own = members(value)
    inherited = ", ".join(plain_name(base) for base in bases(value))
    methods = [
        key
        for key, member in list(own.items())
        if type(key) is str and type(member) is types.FunctionType and not key.startswith("_")
    ]
    shown = f"; methods: {', '.join(methods[:20])}" if methods else ""
    return f"class {plain_name(value)}({inherited}){_first_line(own.get('__doc__'))}{shown}"


def _module(value: types.ModuleType) -> str:
    names = vars(value)
    name, version = names.get("__name__"), names.get("__version__")
    return "module " + " ".join(part for part in (name, version) if type(part) is str)


def _instance(value: Any) -> str:
    """The type, and the values of the instance's dict as far as they are plain."""
    shown = [
        f"{name}={'[redacted]' if security.secret_name(name) else brief(item, 1)}"
        for name, item in first(instance_dict(value).items(), _ITEMS)
        if type(name) is str
    ]
    return f"{type_name(value)} with {', '.join(shown)}" if shown else type_name(value)


def _first_line(doc: Any) -> str:
    if type(doc) is not str or not doc.strip():
        return ""
    return f": {doc.strip().splitlines()[0][:_TEXT]}"


def _name_only(value: types.BuiltinFunctionType) -> str:
    return f"{type_name(value)} {value.__name__}"


_ATOMS = (bool, float, complex, type(None), type(Ellipsis), range)
_MAPPINGS = (dict, OrderedDict, defaultdict, Counter)
_BRACKETS: dict[Any, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    deque: ("deque([", "])"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
    **dict.fromkeys(_MAPPINGS, ("{", "}")),
}
_SHOWN_AS_TEXT = (
    datetime.date,
    datetime.timedelta,
    decimal.Decimal,
    fractions.Fraction,
    uuid.UUID,
    pathlib.PosixPath,
    pathlib.WindowsPath,
    pathlib.PurePosixPath,
    pathlib.PureWindowsPath,
)
# By the identity of the type: looking up a type itself would ask its metaclass for a hash.
_BUILT_IN: dict[int, Callable[[Any], str]] = {
    id(str): _text,
    **dict.fromkeys(map(id, (*_BRACKETS, bytes, bytearray)), _sized),
    **dict.fromkeys(
        map(id, (int, *_ATOMS, *_SHOWN_AS_TEXT, datetime.datetime, datetime.time)), _plain
    ),
    id(types.FunctionType): _function,
    id(types.BuiltinFunctionType): _name_only,
    id(types.ModuleType): _module,
}
