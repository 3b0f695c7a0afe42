"""Describes live objects in words for a prompt, and never runs code of theirs.

Only types we know are looked into, and only if an object is of exactly that type: a subclass may
override anything. Of all others we say the type and the plain values in the instance's dict.
"""

from __future__ import annotations

import datetime
import decimal
import fractions
import pathlib
import time
import types
import uuid
import zoneinfo
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .. import security
from . import describe_data

_LIMIT = 600  # characters of one description
_ITEMS = 8  # of a container
_DEPTH = 3
_TEXT = 200  # characters of a string inside a container or of its beginning
_BUDGET_S = 0.05  # for a whole namespace; what is left then gets its type only
_MAX_VARIABLES = 500


def describe_all(namespace: Mapping[str, Any], hidden: Mapping[str, Any]) -> dict[str, str]:
    """Describe what the user has made, by name; within 50 ms, whatever it is.

    `hidden` are the names that the shell put there, with their first values.
    """
    deadline = time.monotonic() + _BUDGET_S
    found: dict[str, str] = {}
    for name, value in list(namespace.items()):
        if len(found) == _MAX_VARIABLES:
            break
        if not name.startswith("_") and hidden.get(name, hidden) is not value:
            late = time.monotonic() > deadline
            found[name] = f"{name}: {type_name(value)}" if late else describe(name, value)
    return found


def describe(name: str, value: Any, limit: int = _LIMIT) -> str:
    """`name: what it is`, in one line or a few, redacted and at most `limit` characters long."""
    if security.secret_name(name):
        return f"{name}: {type_name(value)} [redacted]"
    text = security.redact(security.clean(f"{name}: {_body(value)}"))
    return security.clean(text, limit)


def type_name(value: Any) -> str:
    """The qualified name of a type, read past whatever a metaclass may have overridden."""
    kind = type(value)
    name = type.__dict__["__qualname__"].__get__(kind)
    module = type.__dict__["__module__"].__get__(kind)
    plain = type(module) is str and module not in ("builtins", "__main__")
    return f"{module}.{name}" if plain else str(name)


def _body(value: Any) -> str:
    kind = type(value)
    describer = _BUILT_IN.get(kind)
    if describer is not None:
        return describer(value)
    data = describe_data.describer(kind)
    if data is not None:
        return data(value, brief)
    if describe_data.scalar(kind) is not None:
        return _plain(value)
    if issubclass(kind, type):
        return _class(value)
    if issubclass(kind, BaseException):
        arguments = BaseException.__dict__["args"].__get__(value)
        return f"{type_name(value)} with arguments {brief(arguments)}"
    return _instance(value)


def brief(value: Any, depth: int = _DEPTH) -> str:
    """A value as it might be typed; what we do not know becomes `<type>`."""
    kind = type(value)
    if kind is str:
        return repr(value if len(value) <= _TEXT else value[:_TEXT] + "…")
    if kind in (bytes, bytearray):
        return repr(bytes(value[:40])) + ("…" if len(value) > 40 else "")
    if kind is int:
        bits = value.bit_length()
        return repr(value) if bits < 1000 else f"<int of {bits} bits>"
    if kind in _ATOMS:
        return repr(value)
    if kind in _BRACKETS:
        return _container(value, depth)
    if kind in _SHOWN_AS_TEXT:
        return str(value)
    if kind in (datetime.datetime, datetime.time):
        known = value.tzinfo is None or type(value.tzinfo) in (datetime.timezone, zoneinfo.ZoneInfo)
        return value.isoformat() if known else f"<{type_name(value)}>"
    scalar = describe_data.scalar(kind)
    return scalar(value) if scalar is not None else f"<{type_name(value)}>"


def _container(value: Any, depth: int) -> str:
    left, right = _BRACKETS[type(value)]
    if depth == 0:
        return f"{left}…{right}"
    items: Iterable[Any] = value
    if type(value) in (set, frozenset):
        if not all(type(item) in (str, int) for item in value) or len(value) > 1000:
            return f"<{type_name(value)} of {len(value)}>"
        items = sorted(value, key=lambda item: (type(item) is str, item))
    shown = []
    for number, item in enumerate(items):
        if number == _ITEMS:
            shown.append("…")
            break
        text = brief(item, depth - 1)
        if type(value) is dict:
            text += f": {brief(value[item], depth - 1)}" if type(item) in _SAFE_KEYS else ": …"
        shown.append(text)
    return f"{left}{', '.join(shown)}{right}"


def _sized(value: Any) -> str:
    return f"{type_name(value)} of {len(value)}: {brief(value)}"


def _text(value: str) -> str:
    lines = value.count("\n") + 1
    size = f"{len(value)} characters" + (f" in {lines} lines" if lines > 1 else "")
    return f"str of {size}: {brief(value)}"


def _plain(value: Any) -> str:
    return f"{type_name(value)} {brief(value)}"


def _function(value: types.FunctionType) -> str:
    """Name, parameters and first line of the docstring, from the code object alone."""
    code = value.__code__
    names = list(code.co_varnames)
    count, keyword_only = code.co_argcount, code.co_kwonlyargcount
    parameters = names[:count]
    defaults = value.__defaults__ or ()
    for offset, default in enumerate(defaults, count - len(defaults)):
        parameters[offset] += f"={brief(default, 1)}"
    rest = count + keyword_only
    if code.co_flags & 0x04:  # *args
        parameters.append(f"*{names[rest]}")
        rest += 1
    elif keyword_only:
        parameters.append("*")
    for name in names[count : count + keyword_only]:
        defaulted = name in (value.__kwdefaults__ or {})
        default = f"={brief((value.__kwdefaults__ or {})[name], 1)}" if defaulted else ""
        parameters.append(name + default)
    if code.co_flags & 0x08:  # **kwargs
        parameters.append(f"**{names[rest]}")
    return f"function {value.__name__}({', '.join(parameters)}){_first_line(value.__doc__)}"


def _class(value: type) -> str:
    members = type.__dict__["__dict__"].__get__(value)
    bases = type.__dict__["__bases__"].__get__(value)
    name = type.__dict__["__qualname__"].__get__(value)
    inherited = ", ".join(type.__dict__["__qualname__"].__get__(base) for base in bases)
    methods = [
        key
        for key, member in members.items()
        if type(key) is str and type(member) is types.FunctionType and not key.startswith("_")
    ]
    shown = f"; methods: {', '.join(methods[:20])}" if methods else ""
    return f"class {name}({inherited}){_first_line(members.get('__doc__'))}{shown}"


def _module(value: types.ModuleType) -> str:
    members = vars(value)
    name, version = members.get("__name__"), members.get("__version__")
    return "module " + " ".join(part for part in (name, version) if type(part) is str)


def _instance(value: Any) -> str:
    """The type, and the values of the instance's dict as far as they are plain."""
    attributes = _instance_dict(value)
    if not attributes:
        return type_name(value)
    shown = [
        f"{name}={'[redacted]' if security.secret_name(name) else brief(item, 1)}"
        for name, item in list(attributes.items())[:_ITEMS]
        if type(name) is str
    ]
    return f"{type_name(value)} with {', '.join(shown)}"


def _instance_dict(value: Any) -> dict[Any, Any]:
    """The instance's own dict, read by the C descriptor, past any `__getattribute__`."""
    for base in type.__dict__["__mro__"].__get__(type(value)):
        descriptor = type.__dict__["__dict__"].__get__(base).get("__dict__")
        if type(descriptor) is types.GetSetDescriptorType:
            found = descriptor.__get__(value)
            return found if type(found) is dict else {}
    return {}


def _first_line(doc: Any) -> str:
    if type(doc) is not str or not doc.strip():
        return ""
    return f": {doc.strip().splitlines()[0][:_TEXT]}"


def _name_only(value: Any) -> str:
    return f"{type_name(value)} {value.__name__}"


_ATOMS = (bool, float, complex, type(None), type(Ellipsis), range)
_SAFE_KEYS = (str, int, float, bool, bytes, type(None))
_BRACKETS: dict[Any, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
    dict: ("{", "}"),
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
_BUILT_IN: dict[type, Callable[[Any], str]] = {
    str: _text,
    **dict.fromkeys((*_BRACKETS, bytes, bytearray), _sized),
    **dict.fromkeys((int, *_ATOMS, *_SHOWN_AS_TEXT, datetime.datetime, datetime.time), _plain),
    types.FunctionType: _function,
    types.BuiltinFunctionType: _name_only,
    types.ModuleType: _module,
    **dict.fromkeys((property, types.GeneratorType, types.CoroutineType), type_name),
}
