"""`codeassist index` and `codeassist search`: the project's index from a terminal."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from .. import config
from ..citations import place, sources
from ..errors import UsageError
from ..host.client import HostClient
from ..host.index_client import Found, IndexClient
from ..reports import first_line, render_status
from ..types import Hit

_WAIT_S = 600.0


def add(subparsers: Any) -> None:
    """Add both commands to the parser."""
    parser = subparsers.add_parser("index", help="index a folder and show what is in it")
    parser.add_argument("path", nargs="?", default=".", help="any folder (this one)")
    parser.add_argument(
        "--remove-package",
        metavar="NAME",
        help="delete the documentation of an installed package; it is not read again before the"
        " host is restarted",
    )
    parser.set_defaults(func=run_index)
    parser = subparsers.add_parser("search", help="search code, notebooks and documents")
    parser.add_argument("query", nargs="*", help="words, a name or an error message")
    parser.add_argument("--root", default=".", metavar="PATH", help="the project (this folder)")
    parser.add_argument("-k", type=int, default=10, metavar="N", help="number of hits")
    parser.add_argument("--json", action="store_true", help="one JSON object per hit")
    parser.add_argument(
        "--batch", type=Path, metavar="FILE.jsonl", help="answer many {id, query}, as JSON lines"
    )
    parser.set_defaults(func=run_search)


def run_index(args: argparse.Namespace) -> int:
    """Show a bar until everything is searchable; Ctrl-C loses nothing that is done."""
    client = HostClient(config.load())
    status: dict[str, Any] = {}
    try:
        if args.remove_package:
            _index(client, args.path).remove_package(args.remove_package)
            print(f"{args.remove_package} was removed.")
            return 0
        for progress in _with_bar(_index(client, args.path).refresh()):
            status = progress.get("status", status)
    finally:
        client.close()
    print(render_status(status))
    return 1 if status["failure"] else 0


def run_search(args: argparse.Namespace) -> int:
    """Print hits, best first; 1 if nothing was found."""
    if not 1 <= args.k <= 100:
        raise UsageError(f"-k must be between 1 and 100, not {args.k}", "")
    client = HostClient(config.load())
    index = _index(client, args.root)
    try:
        if args.batch is not None:
            return _run_batch(index, args.batch, args.k)
        query = " ".join(args.query).strip()
        if not query:
            raise UsageError("there is nothing to search for", "codeassist search WORDS")
        found = index.search(query, args.k, wait_s=_WAIT_S)
    finally:
        client.close()
    if args.json:
        for hit in found.hits:
            print(json.dumps(_as_json(hit), ensure_ascii=False))
    else:
        _print(found)
    return 0 if found.hits else 1


def _index(client: HostClient, path: str) -> IndexClient:
    try:
        folder = Path(path).expanduser().absolute()
    except RuntimeError as exc:  # ~name of a user that does not exist
        raise UsageError(f"there is no folder {path}", "Give the path of a project.") from exc
    return IndexClient(client, str(folder))  # the host looks whether it is there


def _run_batch(index: IndexClient, path: Path, k: int) -> int:
    for query_id, query in list(_queries(path)):  # all are read before the first is answered
        found = index.search(query, k, wait_s=_WAIT_S)
        hits = [_as_json(hit) for hit in found.hits]
        line = {"id": query_id, "confident": found.confident, "hits": hits}
        print(json.dumps(line, ensure_ascii=False))
    return 0


def _queries(path: Path) -> Iterator[tuple[Any, str]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"cannot read {path}: {exc}", "Check the path.") from exc
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                record = json.loads(line)
                query_id, query = record["id"], record["query"].strip()
            except (ValueError, KeyError, TypeError, AttributeError) as exc:
                raise _not_a_query(path, number) from exc
            if not query:
                raise _not_a_query(path, number)
            yield query_id, query


def _not_a_query(path: Path, number: int) -> UsageError:
    hint = 'One JSON object on each line: {"id": 1, "query": "words"}.'
    return UsageError(f"{path}:{number} is not {{id, query}}", hint)


def _as_json(hit: Hit) -> dict[str, Any]:
    names = ("path", "start_line", "end_line", "cell", "name", "kind")
    return {name: getattr(hit.chunk, name) for name in names} | {"score": round(hit.score, 4)}


def _print(found: Found) -> None:
    if not found.confident:
        print("No confident match" + ("; the nearest:" if found.hits else "."))
    for source, hit in zip(sources(found.hits), found.hits, strict=True):
        print(f"{source.id:>2}  {place(source)}\n      {first_line(hit.chunk)}")


def _with_bar(progress: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Pass progress on and draw it, where there is a terminal to draw on."""
    if not sys.stderr.isatty():
        yield from progress
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)
        for item in progress:
            if "stage" in item:
                total = item["total"] or None
                bar.update(task, description=item["stage"], completed=item["done"], total=total)
            yield item
