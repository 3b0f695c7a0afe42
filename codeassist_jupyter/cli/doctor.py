"""`codeassist doctor`: check the set-up."""

from __future__ import annotations

import argparse
from typing import Any

from .. import config
from ..doctor import check, render


def add(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser("doctor", help="check the set-up and say what to mend")
    parser.set_defaults(func=run)


def run(_: argparse.Namespace) -> int:
    """Print every check; 1 if something should be mended."""
    checks = check(config.load())
    print(render(checks))
    return 0 if all(found.ok for found in checks) else 1
