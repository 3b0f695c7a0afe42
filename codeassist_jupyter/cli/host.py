"""`codeassist host`: see, stop and run the process that owns the model."""

from __future__ import annotations

import argparse
from typing import Any


def add(subparsers: Any) -> None:
    """Add the command with its sub-commands."""
    parser = subparsers.add_parser("host", help="see or stop the process that owns the model")
    commands = parser.add_subparsers(metavar="ACTION", required=True)
    commands.add_parser("status", help="say what the host does").set_defaults(func=_status)
    commands.add_parser("stop", help="stop the host").set_defaults(func=_stop)
    logs = commands.add_parser("logs", help="show the last lines of the host's log")
    logs.add_argument("-n", "--lines", type=int, default=50, help="how many (default: 50)")
    logs.set_defaults(func=_logs)
    commands.add_parser("run", help="run a host here, in the foreground").set_defaults(func=_run)


def _status(_: argparse.Namespace) -> int:
    from ..host import endpoint, launcher

    at = endpoint.read()
    health = launcher.probe(at) if at is not None else None
    if health is None:
        print("no host is running; the first question starts one")
        return 0
    print(f"host {health['version']}, pid {health['pid']}, {health['state']}")
    print(f"up {health['uptime_s'] / 60:.0f} min, {health['active']} requests in progress")
    print(f"data in {health['home']}")
    if health["model"]:
        print(f"model {health['model']}, context {health['context_length']} tokens")
    if health["sha256"]:
        print(f"SHA-256 {health['sha256']}")
    if health["speed"]:
        speed = health["speed"]
        print(
            f"reads {speed['prefill_tokens_per_s']:.0f} tokens/s, "
            f"writes {speed['decode_tokens_per_s']:.0f} tokens/s"
        )
    return 0


def _stop(_: argparse.Namespace) -> int:
    from ..host import launcher

    print("the host has stopped" if launcher.stop_host() else "no host was running")
    return 0


def _logs(args: argparse.Namespace) -> int:
    from ..host import launcher

    lines = launcher.log_tail(max(1, args.lines))
    print("\n".join(lines) if lines else f"nothing in {launcher.log_path()} yet")
    return 0


def _run(_: argparse.Namespace) -> int:
    from ..host.__main__ import main

    return main()
