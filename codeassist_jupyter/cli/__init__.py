"""The command line `codeassist`: one module per command; errors are one line and a hint."""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
from collections.abc import Sequence

from ..errors import CodeAssistError

# Each names a module here with `add(subparsers)`, which sets `func(args) -> int`.
COMMANDS = ("setup", "demo", "ask", "index", "models", "history", "host", "keys", "data", "doctor")

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0, 1 for an error, 2 for usage, 130 for ^C."""
    logging.getLogger("codeassist_jupyter").addHandler(logging.NullHandler())
    parser = _parser()
    args = parser.parse_args(argv)
    if args.command is None:
        parser.print_help()
        return 2
    try:
        return int(args.func(args))
    except CodeAssistError as exc:
        print(f"codeassist: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; run the same command to go on", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe left, as `head` does; nothing more can be said there.
        sys.stderr.close()
        return 1


def _parser() -> argparse.ArgumentParser:
    from .. import __version__

    parser = argparse.ArgumentParser(
        prog="codeassist", description="A private, local coding assistant for notebooks."
    )
    parser.add_argument("--version", action="version", version=f"codeassist {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    for name in COMMANDS:
        importlib.import_module(f".{name}", __name__).add(subparsers)
    return parser
