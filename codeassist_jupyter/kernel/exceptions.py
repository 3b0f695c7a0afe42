"""Reads exceptions without running any code of theirs: no `str(exc)`, no attribute of a class.

Only the interpreter's own `__str__`, and those of libraries we know, are called, and only where all
that they would print is plain.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from types import TracebackType
from typing import Any

from . import describe
from .peek import comes_from, instance_dict, is_a, is_one_of, members, mro, plain_name, type_name

_PLAIN = (str, int, float, bool, bytes, type(None))
_LIBRARIES = ("numpy", "pandas", "polars", "pyarrow", "json", "re", "zoneinfo", "tomllib")
_LONGEST = 4000  # characters of a message
_CHAIN = 8  # exceptions that one failure is told with


def type_of(error: BaseException) -> str:
    """The qualified name of an exception's type, as a traceback writes it."""
    return type_name(error)


def names_of(error: BaseException) -> tuple[str, ...]:
    """The plain names of an exception's classes that come with Python or a library we know."""
    return tuple(
        plain_name(kind)
        for kind in mro(type(error))
        if getattr(builtins, plain_name(kind), None) is kind or comes_from(kind, *_LIBRARIES)
    )


def field(error: BaseException, kind: type[BaseException], name: str) -> Any:
    """What a built-in exception class keeps under `name`, past any override; None without it."""
    if not is_a(error, kind):
        return None
    try:
        return members(kind)[name].__get__(error)
    except (AttributeError, KeyError):
        return None


def arguments(error: BaseException) -> tuple[Any, ...]:
    """What an exception was made with."""
    found = field(error, BaseException, "args")
    return found if type(found) is tuple else ()


def message(error: BaseException) -> str:
    """What a traceback would say after the type's name, as far as that runs no code of the user."""
    group = field(error, BaseExceptionGroup, "message")
    if type(group) is str:
        return group[:_LONGEST]
    given = arguments(error)
    if len(given) == 1 and type(given[0]) is str and not is_a(error, KeyError):
        text: str = given[0]
        if not _has_own_text(error) or _is_ours_to_call(error):
            return text[:_LONGEST]
    if _is_ours_to_call(error):
        try:
            return str(error)[:_LONGEST]
        except Exception:  # noqa: BLE001 - a library's own text may fail
            return ""
    if len(given) == 1:
        return given[0][:_LONGEST] if type(given[0]) is str else describe.brief(given[0])
    return describe.brief(given) if given else ""


def _has_own_text(error: BaseException) -> bool:
    """Whether its text is made by code that a library or user wrote."""
    return not _is_built_in(_text_giver(error))


def _is_ours_to_call(error: BaseException) -> bool:
    """Whether `str(error)` runs only code we know on plain values."""
    giver = _text_giver(error)
    if not _is_built_in(giver) and not comes_from(giver, *_LIBRARIES):
        return False
    if any(not is_one_of(type(item), _PLAIN) and not _is_known(item) for item in arguments(error)):
        return False
    files = [field(error, OSError, name) for name in ("filename", "filename2", "strerror", "errno")]
    return all(is_one_of(type(item), _PLAIN) for item in files)


def _text_giver(error: BaseException) -> type:
    return next(kind for kind in mro(type(error)) if "__str__" in members(kind))


def _is_built_in(kind: type) -> bool:
    return getattr(builtins, plain_name(kind), None) is kind


def _is_known(item: Any) -> bool:
    """A ufunc, a dtype or a tuple of them: what NumPy's own exceptions carry."""
    if type(item) is tuple:
        return all(is_one_of(type(part), _PLAIN) or _is_known(part) for part in item)
    return comes_from(type(item), "numpy") and plain_name(type(item)) != "ndarray"


def traceback_of(error: BaseException) -> TracebackType | None:
    """The traceback an exception carries."""
    found: TracebackType | None = field(error, BaseException, "__traceback__")
    return found


def notes(error: BaseException) -> list[str]:
    """What `add_note` put on an exception."""
    found = instance_dict(error).get("__notes__")
    items = found if type(found) is list else []
    return [item for item in items[:5] if type(item) is str]


def chain(error: BaseException) -> Iterator[tuple[BaseException, str]]:
    """Yield the exception and what led to it, each once, with how it belongs: "", "cause" …

    "cause": raised `from` it; "context": raised while it was handled; "member": of a group.
    At most eight.
    """
    waiting: list[tuple[BaseException, str]] = [(error, "")]
    seen: set[int] = set()
    while waiting and len(seen) < _CHAIN:
        current, link = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current, link
        members_of_group = field(current, BaseExceptionGroup, "exceptions")
        if type(members_of_group) is tuple:
            waiting += [(member, "member") for member in members_of_group[:_CHAIN]]
        cause = field(current, BaseException, "__cause__")
        context = field(current, BaseException, "__context__")
        if cause is not None:
            waiting.append((cause, "cause"))
        elif context is not None and not field(current, BaseException, "__suppress_context__"):
            waiting.append((context, "context"))
