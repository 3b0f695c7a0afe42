"""`codeassist history`: earlier conversations from a terminal."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .. import config, transcript
from ..errors import UsageError
from ..host.client import HostClient
from ..host.memory_client import MemoryClient


def add(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser("history", help="list, search and export conversations")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    action = actions.add_parser("list", help="conversations, the latest first")
    action.set_defaults(run=_list)
    action = actions.add_parser("search", help="earlier answers by meaning and by word")
    action.add_argument("words", nargs="+")
    action.set_defaults(run=_search)
    action = actions.add_parser("export", help="write one as Markdown or as a notebook")
    action.add_argument("number", type=int, help="as `codeassist history list` shows it")
    action.add_argument("file", type=Path, help="ends in .md or .ipynb; never overwritten")
    action.set_defaults(run=_export)
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Do one action; 1 if there is nothing to show."""
    client = HostClient(config.load())
    try:
        return int(args.run(MemoryClient(client), args))
    finally:
        client.close()


def _list(memory: MemoryClient, _: argparse.Namespace) -> int:
    listed = transcript.listing(memory.conversations())
    print(listed or "Nothing was asked yet.")
    return 0 if listed else 1


def _search(memory: MemoryClient, args: argparse.Namespace) -> int:
    found = transcript.found(memory.search(" ".join(args.words)))
    print(found or "Nothing was found.")
    return 0 if found else 1


def _export(memory: MemoryClient, args: argparse.Namespace) -> int:
    listed = memory.conversations()
    if not 0 < args.number <= len(listed):
        raise UsageError(
            f"there is no number {args.number}", "`codeassist history list` shows the numbers."
        )
    chosen = listed[args.number - 1]
    transcript.export(args.file, chosen, memory.exchanges(chosen.id))
    print(f"Written: {args.file}")
    return 0
