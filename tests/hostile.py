"""Objects whose every method counts that it was called, for tests that nobody calls them."""

from __future__ import annotations

import datetime
from typing import Any

calls: list[str] = []


def count(name: str) -> Any:
    def method(*args: Any, **kwargs: Any) -> Any:
        calls.append(name)
        raise RuntimeError(f"{name} was called")

    return method


METHODS = """
__repr__ __str__ __format__ __len__ __iter__ __next__ __contains__ __getitem__ __getattr__ __bool__
__eq__ __ne__ __lt__ __hash__ __call__ __int__ __float__ __index__ __bytes__ __dir__ __fspath__
__array__ __array_interface__ __reduce_ex__ __copy__ __deepcopy__ __get__ _repr_html_
"""
TRAPS = {name: count(name) for name in METHODS.split()}
PROPERTIES = {
    name: property(count(name))
    for name in ("__class__", "shape", "dtype", "columns", "name", "size", "tzinfo", "attrs")
}
Everything = type(
    "Everything", (), {**TRAPS, **PROPERTIES, "__getattribute__": count("__getattribute__")}
)
FakeDict = type("FakeDict", (), {**TRAPS, "__dict__": property(count("__dict__"))})


class Meta(type):
    """A metaclass that does not want its classes to be looked at."""

    __instancecheck__ = count("__instancecheck__")
    __subclasscheck__ = count("__subclasscheck__")
    __getattribute__ = count("meta __getattribute__")
    __repr__ = count("meta __repr__")
    __eq__ = count("meta __eq__")
    __hash__ = count("meta __hash__")
    __name__ = property(count("meta __name__"))
    __mro__ = property(count("meta __mro__"))
    __module__ = property(count("meta __module__"))


class Name(str):
    """A name with methods of its own."""

    __slots__ = ()
    __eq__ = count("name __eq__")
    __ne__ = count("name __ne__")
    __str__ = count("name __str__")
    __format__ = count("name __format__")
    __getitem__ = count("name __getitem__")
    partition = startswith = isidentifier = count("name method")
    __hash__ = str.__hash__


class Zone(datetime.tzinfo):
    """A time zone that answers while `is_open` only; libraries ask it when values are made."""

    is_open = False

    def utcoffset(self, when: Any) -> datetime.timedelta:
        if not Zone.is_open:
            calls.append("utcoffset")
        return datetime.timedelta(0)

    dst = utcoffset

    def tzname(self, when: Any) -> str:
        if not Zone.is_open:
            calls.append("tzname")
        return "zone"

    __str__ = __repr__ = lambda self: self.tzname(None)


def subclass(base: type) -> type:
    """A subclass of a known type that replaces all that could be called."""
    return type(f"My{base.__name__}", (base,), {**TRAPS, **PROPERTIES})


def instances() -> dict[str, Any]:
    """One of each, made without their own methods."""
    own = subclass(list)
    found: dict[str, Any] = {
        "everything": object.__new__(Everything),
        "fake_dict": object.__new__(FakeDict),
        "meta_class": Meta("MetaMade", (), {}),
        "everything_class": Everything,
        "error": BaseException.__new__(type("MyError", (ValueError,), TRAPS), 1, "x"),
        "list": list.__new__(own),
        "dict": dict.__new__(subclass(dict)),
        "str": str.__new__(subclass(str), "x"),
        "int": int.__new__(subclass(int), 3),
        "name": Name("x"),
    }
    found["meta_made"] = object.__new__(found["meta_class"])
    return found
