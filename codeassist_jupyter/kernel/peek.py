"""Look at objects without running any code of theirs.

A class may replace `__repr__`, `__len__`, `__getattr__`, `__class__` and any property; its
metaclass `__name__`, `__mro__`, `__eq__`, `__hash__`. So everything here goes through the
interpreter's own descriptors and compares types by identity: no `isinstance`, no look-up by type.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import islice
from types import GetSetDescriptorType, MemberDescriptorType, ModuleType
from typing import Any, cast

_raw = {
    name: type.__dict__[name].__get__
    for name in ("__mro__", "__dict__", "__bases__", "__name__", "__qualname__", "__module__")
}
_module_dict = vars(ModuleType)["__dict__"].__get__


def mro(kind: type) -> tuple[type, ...]:
    """The class and all it inherits from, in the order of look-up."""
    classes: tuple[type, ...] = _raw["__mro__"](kind)
    return classes


def bases(kind: type) -> tuple[type, ...]:
    """The direct bases of a class."""
    classes: tuple[type, ...] = _raw["__bases__"](kind)
    return classes


def members(kind: type) -> Any:
    """What a class defines itself, as a read-only mapping."""
    return _raw["__dict__"](kind)


def module_dict(module: Any) -> dict[Any, Any]:
    """The names of a module, read past its `__getattr__`."""
    names: dict[Any, Any] = _module_dict(module)
    return names


def plain_name(kind: type, qualified: bool = True) -> str:
    """The name of a class, without its module."""
    name = _raw["__qualname__" if qualified else "__name__"](kind)
    return name if type(name) is str else "?"


def type_name(value: object) -> str:
    """The name of a value's type, with its module unless built in or made in the notebook."""
    kind = type(value)
    module = _module_of(kind)
    name = plain_name(kind)
    return name if module in ("", "builtins", "__main__") else f"{module}.{name}"


def _module_of(kind: type) -> str:
    try:
        module = _raw["__module__"](kind)
    except AttributeError:  # a class whose __module__ was deleted
        return ""
    return module if type(module) is str else ""


def is_a(value: object, kind: type) -> bool:
    """What isinstance would say of an honest value."""
    return is_one_of(kind, mro(type(value)))


def is_one_of(kind: type, kinds: Iterable[type]) -> bool:
    """Whether a type is exactly one of these."""
    return any(kind is known for known in kinds)


def loaded(module: str, name: str) -> Any:
    """What an imported module calls `name`; None without it. Imports nothing."""
    found = sys.modules.get(module)
    return module_dict(found).get(name) if found is not None and is_a(found, ModuleType) else None


def comes_from(kind: type, *packages: str) -> bool:
    """Whether a class really is one of these packages, not one that only says so."""
    module = _module_of(kind)
    if module.partition(".")[0] not in packages:
        return False
    return loaded(module, plain_name(kind, qualified=False)) is kind


def instance_dict(value: object) -> dict[Any, Any]:
    """The instance's own dict, past any property or `__getattribute__`; {} if it is not plain."""
    for kind in mro(type(value)):
        descriptor = members(kind).get("__dict__")
        if is_one_of(type(descriptor), (GetSetDescriptorType, MemberDescriptorType)):
            found = descriptor.__get__(value)
            return found if type(found) is dict else {}
    return {}


def stored(value: object, name: str) -> Any:
    """An attribute that is stored, not computed.

    Raises LookupError if there is none, or only a property or another descriptor. Not
    `inspect.getattr_static`, which asks the metaclass.
    """
    if type(value) is ModuleType:
        return entry(module_dict(value), name)
    try:
        return entry(instance_dict(value), name)
    except LookupError:
        pass
    for kind in mro(cast(type, value)) if is_a(value, type) else mro(type(value)):
        try:
            found = entry(members(kind), name)
        except LookupError:
            continue
        if type(found) is MemberDescriptorType and not is_a(value, type):
            return _slot(found, value)
        if _computes(found):
            break
        return found
    raise LookupError(name)


def entry(mapping: Any, key: str | int | float | bool | None) -> Any:
    """An entry of a plain mapping; raises LookupError.

    Not mapping[key], which would compare the key with keys of any type.
    """
    for known, item in list(mapping.items()):
        if type(known) is type(key) and known == key:
            return item
    raise LookupError(str(key))


def _slot(descriptor: MemberDescriptorType, value: object) -> Any:
    try:
        return descriptor.__get__(value)
    except AttributeError as exc:  # an empty one
        raise LookupError(descriptor.__name__) from exc


def _computes(found: object) -> bool:
    """Whether an entry of a class is a descriptor other than a function or a class."""
    functions = (type(mro), type(len), staticmethod, classmethod)
    is_descriptor = any("__get__" in members(kind) for kind in mro(type(found)))
    return is_descriptor and not is_one_of(type(found), functions)


def first(items: Iterable[Any], count: int) -> list[Any]:
    """The first items of a built-in container, read in one go that no other thread interrupts."""
    return list(islice(items, count))
