"""`codeassist keys`: encrypt the conversations, decrypt them, change what opens them.

A passphrase comes from the terminal, from CODEASSIST_PASSPHRASE, or, in scripts, from a line each
of standard input.
"""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from typing import TYPE_CHECKING, Any

from .. import config
from ..errors import UsageError
from . import config_file

if TYPE_CHECKING:
    from ..memory.keys import Wrapper


def add(subparsers: Any) -> None:
    """Add the command with its sub-commands."""
    parser = subparsers.add_parser("keys", help="encrypt the conversations, change their key")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    actions.add_parser("status", help="say what opens the conversations").set_defaults(func=_status)
    action = actions.add_parser("encrypt", help="encrypt what is kept, from now on")
    action.add_argument(
        "--with",
        dest="wrapper",
        choices=("keyring", "passphrase"),
        help="what opens it (default: the key ring of the system where there is one)",
    )
    action.set_defaults(func=lambda args: encrypt(args.wrapper))
    action = actions.add_parser("decrypt", help="keep conversations in plain text again")
    action.add_argument("--yes", action="store_true", help="do not ask")
    action.set_defaults(func=_decrypt)
    action = actions.add_parser("rotate", help="seal everything with a new key")
    action.set_defaults(func=_rotate)
    action = actions.add_parser("change-passphrase", help="choose another passphrase")
    action.set_defaults(func=_change_passphrase)


def encrypt(wrapper: Wrapper | None = None) -> int:
    """Encrypt what is kept and set it so for what will be; finishes what was interrupted."""
    from ..memory import keys, rekey

    settings = config.load()
    known = keys.read().wrapper if keys.exists() else None
    if wrapper and known and wrapper != known:
        raise UsageError(
            f"the conversations are encrypted already, with a {known}",
            "`codeassist keys decrypt` first.",
        )
    chosen = known or wrapper or keys.wrapper_of(settings)
    passphrase = None
    if chosen == "passphrase":
        print("Without the passphrase nobody can read your conversations, you included.")
        passphrase = _passphrase() if known else _new_passphrase()
    _stop_host()
    rekey.encrypt(chosen, passphrase)
    _set(settings, chosen)
    print(f"Encrypted. What opens it: {_described(chosen)}.")
    print(f"Keep a copy of {keys.path()}: without it the conversations are lost.")
    return 0


def _status(_: argparse.Namespace) -> int:
    from ..memory import keys, os_keyring

    print(f"encryption: {config.load().encryption}")
    print(f"key ring:   {'usable' if os_keyring.usable() else 'none that is safe'}")
    if not keys.exists():
        print(f"key file:   none ({keys.path()})")
        return 0
    header = keys.read()
    print(f"key file:   {keys.path()}")
    print(f"opened by:  {_described(header.wrapper)}")
    if header.scrypt:
        cost = header.scrypt
        print(f"scrypt:     n={cost.n} r={cost.r} p={cost.p}")
    print(f"key:        number {max(header.keys)}")
    if len(header.keys) > 1:
        print("a rotation was interrupted; `codeassist keys rotate` finishes it")
    return 0


def _decrypt(args: argparse.Namespace) -> int:
    from ..memory import keys, rekey

    settings = config.load()
    if not args.yes:
        confirm(f"This writes all conversations in plain text to {keys.store_path()}.")
    passphrase = _passphrase_if_needed()
    _stop_host()
    rekey.decrypt(passphrase)
    _set(settings, "off")
    print("Decrypted. The key is gone.")
    return 0


def _rotate(_: argparse.Namespace) -> int:
    from ..memory import keys, rekey

    keys.read()
    passphrase = _passphrase_if_needed()
    _stop_host()
    rekey.rotate(passphrase)
    print(f"Sealed with a new key. Copies of the old {keys.path().name} open nothing new.")
    return 0


def _change_passphrase(_: argparse.Namespace) -> int:
    from ..memory import keys

    keys.read()
    keys.change_passphrase(_passphrase(), _new_passphrase())
    print("Changed. Old copies of the key file still open with the old passphrase;")
    print("`codeassist keys rotate` makes them useless for what is kept from then on.")
    return 0


def confirm(what: str) -> None:
    """Ask on the terminal whether to go on; raises UsageError for anything but yes."""
    print(what)
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask on", "Give --yes if you are sure.")
    if input("Go on? [y/N] ").strip().lower() not in ("y", "yes"):
        raise UsageError("nothing was changed", "")


def _described(wrapper: str) -> str:
    if wrapper == "keyring":
        return "the key ring of your session"
    return "your passphrase (%assist unlock, or CODEASSIST_PASSPHRASE for the host)"


def _set(settings: config.Settings, value: str) -> None:
    config_file.put("encryption", value)
    if settings.origin.get("encryption") == "environment":
        print(
            f"  note: CODEASSIST_ENCRYPTION={settings.encryption} is set and wins over {value!r}",
            file=sys.stderr,
        )


def _stop_host() -> None:
    """Only one process may have the store open."""
    from ..host import launcher

    launcher.stop_host()


def _passphrase_if_needed() -> str | None:
    from ..memory import keys

    return _passphrase() if keys.exists() and keys.read().wrapper == "passphrase" else None


def _passphrase() -> str:
    from ..memory import keys

    return os.environ.pop(keys.PASSPHRASE, None) or _secret("Passphrase: ")


def _new_passphrase() -> str:
    from ..memory import keys

    given = os.environ.pop(keys.PASSPHRASE, None)
    if given:
        return given
    chosen = _secret("New passphrase: ")
    if sys.stdin.isatty() and _secret("The same again: ") != chosen:
        raise UsageError("the two are not the same", "Nothing was changed; try again.")
    return chosen


def _secret(prompt: str) -> str:
    if sys.stdin.isatty():
        return getpass.getpass(prompt)
    line = sys.stdin.readline()
    if not line:
        raise UsageError("there is no passphrase on standard input", "Give it as a line.")
    return line.rstrip("\r\n")
