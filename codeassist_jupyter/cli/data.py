"""`codeassist data`: where everything is, how much it is, take it along, erase it."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .. import config
from ..errors import CodeAssistError, UsageError
from ..models import catalogue, download
from ..models.catalogue import readable
from .keys import confirm

# What stands in the data folder, by the beginning of its name.
_CONTENTS = {
    "conversations.duckdb": "conversations and snippets",
    "conversations.key": "key file of encrypted conversations",
    "memory": "search index of the conversations",
    "index": "indexes of projects and packages",
    "metrics.duckdb": "how fast answers came",
    "logs": "logs of the host",
    "demo": "notebook of the demo",
    "models": "models",
    "config.toml": "settings",
    "machine.json": "measured speed of models",
    "imported.json": "where models of yours are",
}
_KEPT = ("models", "config.toml", "machine.json", "imported.json")


def add(subparsers: Any) -> None:
    """Add the command with its sub-commands."""
    parser = subparsers.add_parser("data", help="see, export, import and erase what is kept")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    action = actions.add_parser("where", help="the folders and files, and what is in them")
    action.set_defaults(func=_where)
    actions.add_parser("size", help="how much room each takes").set_defaults(func=_size)
    action = actions.add_parser("export", help="write all conversations as JSON lines, in plain")
    action.add_argument("file", type=Path, help="a new file; - means standard output")
    action.set_defaults(func=_export)
    action = actions.add_parser("import", help="take in what was exported; nothing comes twice")
    action.add_argument("file", type=Path)
    action.set_defaults(func=_import)
    action = actions.add_parser("erase", help="erase everything but models and settings")
    action.add_argument("--models", action="store_true", help="erase fetched models too")
    action.add_argument("--yes", action="store_true", help="do not ask")
    action.set_defaults(func=_erase)


def _where(_: argparse.Namespace) -> int:
    for path, what in _places():
        print(f"{what + ':':<37}{path}")
    return 0


def _size(_: argparse.Namespace) -> int:
    total = 0
    for path, what in _places():
        size = _bytes_in(path)
        total += size
        print(f"{readable(size):>10}  {what} ({path.name})")
    print(f"{readable(total):>10}  in all")
    return 0


def _export(args: argparse.Namespace) -> int:
    with _memory() as memory, _written(args.file) as out:
        lines = 0
        for line in memory.export():
            out.write(line + "\n")
            lines += 1
    print(f"{lines} lines, in plain text, in {args.file}", file=sys.stderr)
    return 0


def _import(args: argparse.Namespace) -> int:
    try:
        with args.file.open(encoding="utf-8") as lines, _memory() as memory:
            loaded = memory.load(line for line in lines if line.strip())
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"cannot read {args.file}: {exc}", "Give a file of `export`.") from exc
    print(f"{loaded} answers that were not here before")
    return 0


def _erase(args: argparse.Namespace) -> int:
    settings = config.load()
    doomed = [
        (path, what)
        for path, what in _places()
        if path != settings.models_path and path.name not in _KEPT
    ]
    fetched = _fetched(settings.models_path) if args.models else []
    if not doomed and not fetched:
        print("there is nothing to erase")
        return 0
    print("This erases, for good:")
    for path, what in doomed:
        print(f"  {what} ({readable(_bytes_in(path))}): {path}")
    for model in fetched:
        print(f"  model {model.name} ({readable(model.size)})")
    print(f"Kept: settings{'' if args.models else ', models'}, your notebooks, what you exported.")
    if not args.yes:
        confirm("Nothing of this can be brought back.")
    _remove_all([path for path, _ in doomed])
    for model in fetched:
        download.remove(model, settings.models_path)
    print("Erased.")
    return 0


def _remove_all(paths: list[Path]) -> None:
    from ..host import launcher
    from ..memory import keys

    launcher.stop_host()
    if keys.exists():
        try:
            keys.remove()  # first: without it, what is encrypted is noise, whatever comes next
        except CodeAssistError as exc:
            print(f"  note: its entry in the key ring stays: {exc.message}", file=sys.stderr)
    for path in paths:
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        except FileNotFoundError:  # the key file; or the host removed it as it left
            continue
        except OSError as exc:
            raise UsageError(f"cannot remove {path}: {exc.strerror}", "Remove it by hand.") from exc


def _fetched(models_path: Path) -> list[catalogue.Model]:
    return [
        model
        for model in catalogue.all_models()
        if not model.imported and catalogue.installed(model.id, models_path) is not None
    ]


def _places() -> list[tuple[Path, str]]:
    """What is there of ours, with a word on each; models may be in a folder of their own."""
    found = []
    entries = sorted(config.home().iterdir()) if config.home().is_dir() else []
    for path in entries:
        named = [what for name, what in _CONTENTS.items() if path.name.startswith(name)]
        if named:
            found.append((path, named[0]))
    models = config.load().models_path
    if models.parent != config.home() and models.is_dir():
        found.append((models, "models"))
    if config.runtime_dir().is_dir():
        found.append((config.runtime_dir(), "socket and lock of the host"))
    return found


def _bytes_in(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files if file.is_file() or file.is_symlink())


@contextmanager
def _memory() -> Iterator[Any]:
    from ..host.client import HostClient
    from ..host.memory_client import MemoryClient

    client = HostClient(config.load())
    try:
        yield MemoryClient(client)
    finally:
        client.close()


@contextmanager
def _written(path: Path) -> Iterator[Any]:
    """A new file that only its owner may read, in its place when it is whole."""
    if str(path) == "-":
        yield sys.stdout
        return
    part = path.with_name(f"{path.name}.part")
    try:
        if path.exists():
            raise UsageError(f"{path} exists already", "Give the name of a new file.")
        part.unlink(missing_ok=True)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            yield out
        part.replace(path)
    except OSError as exc:
        raise UsageError(f"cannot write {path}: {exc.strerror}", "Choose another place.") from exc
    finally:
        part.unlink(missing_ok=True)
