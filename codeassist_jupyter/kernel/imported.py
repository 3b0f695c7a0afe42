"""What the notebook imports: which installed packages, and what its names stand for.

Reads sources and metadata only: nothing is imported, no object of the user's is asked.
"""

from __future__ import annotations

import ast
import platform
import re
import sys
import sysconfig
import threading
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import metadata
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from ..host.index_client import Imports
from ..types import Package
from . import peek

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_MOST = 200  # packages of one notebook
_LONGEST = 100  # characters of a title or version
_PATIENCE_S = 0.5  # of a first question, until the cells that ran before it are read
# Import statements are parsed one by one: the rest of a cell may be magics, or warn when parsed.
_IMPORT = re.compile(
    r"(?:^|;)[ \t]*((?:from[ \t]+[\w.]+[ \t]+)?import[ \t]+(?:\([^)]*\)|(?:\\\n|[^\n;#])+))",
    re.MULTILINE,
)
# What importlib.metadata raises for metadata that is damaged or half deleted.
_BROKEN = (OSError, ValueError, KeyError, TypeError, AttributeError)
_RECEIVER = re.compile(r"(?<![\w.])([^\W\d]\w*)\.[^\W\d]")


class Imported:
    """The imports of one notebook: cells are read in one thread, questions come from another."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._seen: set[str] = set()
        self._packages: tuple[Package, ...] = ()
        self._names: Mapping[str, str] = {}
        self._has_read = threading.Event()

    @property
    def packages(self) -> tuple[Package, ...]:
        """The installed packages that were imported so far."""
        return self._packages

    def read(self, sources: Iterable[str]) -> bool:
        """Take note of what cells import; True if a package is new."""
        before = self._packages
        for source in sources:
            names = imports_of(source)
            self._names = {**self._names, **names}
            for name in dict.fromkeys(full.partition(".")[0] for full in names.values()):
                if name not in self._seen and len(self._packages) < _MOST:
                    self._seen.add(name)
                    package = locate(name)
                    self._packages += (package,) if package is not None else ()
        self._has_read.set()
        return self._packages != before

    def imports(self, question: str) -> Imports:
        """The packages, and the names with the classes of the variables that a question uses."""
        self._has_read.wait(_PATIENCE_S)
        names = dict(self._names)
        for name in _RECEIVER.findall(question):
            value = self._shell.user_ns.get(name)
            if value is not None and type(value) is not ModuleType:
                kind = peek.type_name(value)
                names |= {name: kind} if kind.isprintable() else {}
        return Imports(self._packages, names)


def imports_of(source: str) -> dict[str, str]:
    """What the names that a cell imports stand for: `pd` for pandas, `merge` for pandas.merge."""
    names: dict[str, str] = {}
    for statement in _IMPORT.findall(source):
        try:
            node = ast.parse(statement).body[0]
        except (SyntaxError, ValueError, RecursionError):
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                full = alias.name if alias.asname else alias.name.partition(".")[0]
                names[alias.asname or full] = full
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def locate(name: str) -> Package | None:
    """The installed package of a top-level name; None for the notebook's own modules.

    None too for what Python has built in. Editable installs belong to a project of their own.
    """
    try:
        spec = PathFinder.find_spec(name)
    except (ImportError, OSError, ValueError):
        return None
    if spec is None:
        return None
    places = list(spec.submodule_search_locations or ())
    path = Path(places[0] if places else spec.origin or "")
    if name in sys.stdlib_module_names:
        if path.suffix not in ("", ".py") or path.parent != Path(sysconfig.get_path("stdlib")):
            return None
        return Package(name, platform.python_version(), "Python", str(path))
    for title, version in _distributions(name, path.parent):
        reason = ""
        if spec.origin is None:
            reason = "it is a namespace package"
        elif not path.exists():
            reason = "it is in a zip file"
        elif not str(path).isprintable():  # bytes that are no text: no request can carry them
            reason = "its path is not readable text"
        return Package(name, version, title, "" if reason else str(path), reason)
    return None


def _distributions(name: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Title and version of what is installed in a folder and offers a top-level name."""
    for candidate in _called_like(name):
        try:
            found = metadata.distribution(candidate)
            title, version = found.metadata["Name"], found.version
            here = Path(str(found.locate_file(""))).resolve() == folder.resolve()
        except (metadata.PackageNotFoundError, *_BROKEN):
            continue
        if here and version:
            yield (title or candidate)[:_LONGEST], version[:_LONGEST]


def _called_like(name: str) -> Iterator[str]:
    """Distributions that may offer a name; most are called like it, which saves asking all."""
    yield name
    yield from _by_module().get(name, ())


@cache
def _by_module() -> Mapping[str, list[str]]:
    """Distributions by top-level name."""
    try:
        return metadata.packages_distributions()
    except _BROKEN:
        return {}
