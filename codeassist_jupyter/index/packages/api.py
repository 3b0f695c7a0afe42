"""The public names of an installed package, followed through its imports to where they are defined.

`pandas.merge` is defined in `pandas/core/reshape/merge.py`, `DataFrame.head` in a base class, much
of numpy only in stubs. Nothing is imported; names that are made while the code runs are not found.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from ... import security
from ...types import Chunk, Package
from ..parse import decode
from .modules import Definition, Names, is_public, read_names

_MOST_FILES = 4000
_MOST_BYTES = 60_000_000
_LONGEST_FILE = 3_000_000  # bytes; what is longer was written by a machine
_MOST_SYMBOLS = 12_000
_MOST_NAMES = 12  # of one symbol
_MOST_BASES = 8  # classes above one another
_LEFT_OUT = frozenset(
    "tests test __pycache__ vendor vendored extern externals site-packages node_modules".split()  # noqa: SIM905
)
_NOT_API = frozenset(("conftest", "setup", "__main__"))


@dataclass(frozen=True, slots=True)
class Symbol:
    """A documented name: its chunk, named by the first of `names`, under which it is public."""

    chunk: Chunk
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Api:
    """What a package offers; `notes` say what was left out."""

    symbols: tuple[Symbol, ...]
    notes: tuple[str, ...]


class _Found(NamedTuple):
    """A definition in a file; `owner` is the name of the class or module that it stands in."""

    module: str
    path: str
    owner: str
    definition: Definition


def read_api(package: Package, between: Callable[[], None] = lambda: None) -> Api:
    """Read the public functions, classes and methods of a package from its files.

    `between` is called before each file; what it raises ends the reading. Files that cannot be
    read or parsed are left out.
    """
    reader = _Reader(package, between)
    named: dict[tuple[str, int], tuple[_Found, list[str]]] = {}
    for name, found in reader.public():
        key = (found.path, found.definition.start_line)
        if key not in named and len(named) >= _MOST_SYMBOLS:
            reader.notes.append(f"only its first {_MOST_SYMBOLS} names")
            break
        names = named.setdefault(key, (found, []))[1]
        if len(names) < _MOST_NAMES and name not in names:
            names.append(name)
    symbols = (_symbol(package, found, names) for found, names in named.values())
    return Api(tuple(symbols), tuple(reader.notes))


def _symbol(package: Package, found: _Found, names: list[str]) -> Symbol:
    definition = found.definition
    names.sort(key=lambda name: (name.count("."), *_strangeness(name, found)))
    also = " ".join(".".join(name.split(".")[-2:]) for name in names[1:4])
    chunk = Chunk(
        id=blake2b(f"{package}\0{names[0]}".encode(), digest_size=12).hexdigest(),
        path=found.path,
        kind=definition.kind,
        name=names[0],
        language="python",
        start_line=definition.start_line,
        end_line=definition.end_line,
        header="\n".join(filter(None, (names[0], also, definition.about))),
        text=definition.text,
        package=str(package),
    )
    return Symbol(chunk, tuple(names))


def _strangeness(name: str, found: _Found) -> tuple[bool, bool]:
    """How far a public name is from the one that the definition itself has."""
    *_, owner, last = name.split(".")
    return last != found.definition.name, owner != found.owner


class _Reader:
    """The modules of one package; each file is read when a name is first looked for in it."""

    def __init__(self, package: Package, between: Callable[[], None]) -> None:
        self.notes: list[str] = []
        self._top = package.name
        self._between = between
        self._root = Path(package.path).parent
        self._files: dict[str, list[Path]] = {}
        for path in _files(Path(package.path)):
            if len(self._files) >= _MOST_FILES:
                self.notes.append(f"only its first {_MOST_FILES} modules")
                break
            self._files.setdefault(_module(path.relative_to(self._root)), []).append(path)
        self._read_bytes = 0
        self._names: dict[str, list[tuple[str, Names]]] = {}
        self._known: dict[tuple[str, str], _Found | str | None] = {}
        self._methods: dict[tuple[str, int], dict[str, _Found]] = {}
        self._added: dict[str, _Found] | None = None

    def public(self) -> Iterator[tuple[str, _Found]]:
        """Each public dotted name and its definition, the modules on top first."""
        for module in sorted(self._files, key=lambda name: (name.count("."), name)):
            if not self._is_public(module):
                continue
            for name in dict.fromkeys(self._exported(module)):
                found = self._find(module, name)
                if not isinstance(found, _Found):
                    continue
                yield f"{module}.{name}", found
                if found.definition.kind == "class":
                    for member, method in self._members(found).items():
                        yield f"{module}.{name}.{member}", method

    def _is_public(self, module: str) -> bool:
        parts = module.split(".")[1:]
        if not all(map(is_public, parts)) or _NOT_API.intersection(parts):
            return False
        return parts[:1] != ["core"] or not self._core_is_private()

    def _core_is_private(self) -> bool:
        """Whether the package itself exports what its `core` defines, as pandas does."""
        core = f"{self._top}.core"
        sources = [
            source
            for _, names in self._load(self._top)
            for source in (*names.stars, *(target for target, _ in names.imports.values()))
        ]
        return any(source == core or source.startswith(f"{core}.") for source in sources)

    def _exported(self, module: str, depth: int = 0) -> list[str]:
        """The names a module offers: `__all__`, else what it defines and a package imports."""
        is_package = any(path.stem == "__init__" for path in self._files.get(module, ()))
        exported: list[str] = []
        for _, names in self._load(module):
            if names.exported is not None:
                return names.exported
            exported += filter(is_public, (*names.defined, *names.same, *names.annotated))
            exported += filter(is_public, names.imports) if is_package else ()
            for star in names.stars if depth < _MOST_BASES else ():
                exported += self._exported(star, depth + 1)
        return exported

    def _find(self, module: str, dotted: str) -> _Found | str | None:
        """The definition behind a name in a module; the name of a module if it is one."""
        found: _Found | str | None = module
        for name in dotted.split("."):
            if isinstance(found, str):
                found = self._find_in(found, name)
            elif found is not None:
                found = self._members(found).get(name)
        return found

    def _find_in(self, module: str, name: str) -> _Found | str | None:
        key = (module, name)
        if key not in self._known:
            self._known[key] = None  # for who comes back to it in a circle
            self._known[key] = self._look(module, name)
        return self._known[key]

    def _look(self, module: str, name: str) -> _Found | str | None:
        for path, names in self._load(module):
            if name in names.defined:
                owner = module.rpartition(".")[2]
                return self._documented(_Found(module, path, owner, names.defined[name]), name)
            found: _Found | str | None = None
            if name in names.annotated:
                found = self._docs_added().get(name)
            elif name in names.imports:
                source, original = names.imports[name]
                found = self._find_in(source, original) if original else source
            elif name in names.same:
                found = self._find(module, names.same[name])
            for star in names.stars:
                found = found or self._find_in(star, name)
            if isinstance(found, _Found) or found in self._files:
                return found
        submodule = f"{module}.{name}"
        return submodule if submodule in self._files else None

    def _members(self, found: _Found, depth: int = 0) -> dict[str, _Found]:
        """The public methods of a class, those of its bases included."""
        key = (found.path, found.definition.start_line)
        if key in self._methods:
            return self._methods[key]
        own = found.definition.members
        members: dict[str, _Found] = {}
        for name, member in own.items():
            definition = own.get(member) if isinstance(member, str) else member
            if isinstance(definition, Definition):
                owner = found.definition.name
                member_found = found._replace(owner=owner, definition=definition)
                members[name] = self._documented(member_found, f"{owner}.{name}")
        for base in found.definition.bases if depth < _MOST_BASES else ():
            above = self._find(found.module, base)
            if isinstance(above, _Found) and above.definition is not found.definition:
                members = self._members(above, depth + 1) | members
        self._methods[key] = members
        return members

    def _documented(self, found: _Found, name: str) -> _Found:
        """What a stub leaves without a docstring, with the one that is added to it elsewhere."""
        if found.definition.about or not found.path.endswith(".pyi"):
            return found
        added = self._docs_added().get(name)
        if added is None or found.definition.kind == "class":  # its methods would be lost
            return found
        return found._replace(path=added.path, definition=added.definition)

    def _docs_added(self) -> dict[str, _Found]:
        """The docstrings that the package gives to what is compiled, as numpy does."""
        if self._added is None:
            self._added = {
                name: _Found(module, path, "", definition)
                for module in self._files
                if module.rpartition(".")[2] == "_add_newdocs"
                for path, names in self._load(module)
                for name, definition in names.added.items()
            }
        return self._added

    def _load(self, module: str) -> list[tuple[str, Names]]:
        """The names in the source and in the stub of a module; none if there is no such file."""
        if module not in self._names:
            self._names[module] = []
            for path in self._files.get(module, ()):
                self._between()
                names = self._read(module, path)
                if names is not None:
                    shown = path.relative_to(self._root).as_posix()
                    self._names[module].append((shown, names))
        return self._names[module]

    def _read(self, module: str, path: Path) -> Names | None:
        if not security.may_read(path, self._root):
            return None
        try:
            size = path.stat().st_size
            self._read_bytes += size
            if size > _LONGEST_FILE or self._read_bytes > _MOST_BYTES:
                self.notes.append(f"{path.name} is too much")
                return None
            text = decode(path.read_bytes())
            return read_names(module, text, path.stem == "__init__") if text is not None else None
        except OSError as exc:
            self.notes.append(f"{path.name} cannot be read: {exc.strerror}")
        except SyntaxError:
            self.notes.append(f"{path.name} has a syntax error")
        return None


def _files(top: Path) -> Iterator[Path]:
    """The sources and stubs of a package, those on top first and a source before its stub."""
    if top.is_file():
        yield from (path for path in (top, top.with_suffix(".pyi")) if path.is_file())
        return
    folders = [top]
    while folders:
        below: list[Path] = []
        for folder in folders:
            try:
                entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            except OSError:
                continue
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in _LEFT_OUT and entry.name.isidentifier():
                        below.append(Path(entry.path))
                elif entry.name.endswith((".py", ".pyi")):
                    yield Path(entry.path)
        folders = below


def _module(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
