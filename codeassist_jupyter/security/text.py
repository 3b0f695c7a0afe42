"""Clean text of what a reader cannot see, and wrap data so that it cannot pose as instructions."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path

from ..errors import ConfigError

LONGEST_LINE = 2000  # more is data, not something a person or a model reads
KEY_BYTES = 32

_LINE_BREAKS = re.compile("\r\n?|[\x85\u2028\u2029]")
# Every class excludes the escape character, so each part of the text is looked at once.
_TERMINAL = re.compile(
    r"""\x1b[\]PX^_] [^\x07\x1b\n]*+ (?:\x07 | \x1b\\)?
      | \x1b\[ [0-?]*+ [ -/]*+ [@-~]?
      | \x1b [ -/]*+ [0-Z\\^-~]?""",
    re.VERBOSE,
)
# Characters with no shape of their own (Unicode's Default_Ignorable), except the next group.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\U0001bca0-\U0001bca3\U0001d173-\U0001d17a]"
)
# What can turn text around (bidi), hide a message (tags) or break a reader (controls, surrogates).
_HARMFUL = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"
    "\ufff0-\uffff\ud800-\udfff\U000e0000-\U000e0fff]+"
)
_SPACES = re.compile("[\x0b\x0c]")


def clean(text: str, limit: int | None = None) -> str:
    """Remove what a reader cannot see and, given a limit in characters, keep head and tail.

    Terminal sequences and zero-width characters go; runs of control, bidi and tag characters and
    lone surrogates become one "\ufffd"; line ends become "\\n". With a limit, single lines over
    2,000 characters are cut too. The result never exceeds the limit. Linear in the text.
    """
    text = _LINE_BREAKS.sub("\n", text)
    text = _INVISIBLE.sub("", _TERMINAL.sub("", text))
    text = _HARMFUL.sub("\ufffd", _SPACES.sub(" ", text))
    if limit is None or len(text) <= min(limit, LONGEST_LINE):
        return text
    lines = (_cut(line, LONGEST_LINE, " ") for line in text.split("\n"))
    return _cut("\n".join(lines), limit, "\n")


def _cut(text: str, limit: int, gap: str) -> str:
    """Keep the head and the tail of `text` around a note of what was left out."""
    if len(text) <= limit:
        return text
    room = limit - len(f"{gap}… {len(text)} characters left out …{gap}")
    if room < 2:
        return text[:limit]
    head, tail = room - room // 3, room // 3
    left_out = len(text) - head - tail
    return f"{text[:head]}{gap}… {left_out} characters left out …{gap}{text[-tail:]}"


def fence(text: str, label: str, key: bytes) -> str:
    """Wrap untrusted text in delimiters that its content cannot forge.

    The tag depends on the key alone, so that the same text is the same prompt prefix every time;
    whoever has not seen the key cannot guess it, and whoever has seen the tag finds it removed.
    """
    tag = fence_tag(key)
    body = re.sub(tag, "[removed]", clean(text), flags=re.IGNORECASE)
    words = " ".join(re.sub(r"[^\w .,:/()-]", " ", re.sub(tag, "", clean(label, 200))).split())
    return f"[data {tag}: {words}]\n{body}\n[end {tag}]"


def fence_tag(key: bytes) -> str:
    """The tag in the delimiters of `fence`, for telling the model about them."""
    return hmac.new(key, b"codeassist fence", hashlib.sha256).hexdigest()[
        :8
    ]  # each digit is a token


def fence_key(home: Path) -> bytes:
    """Read this user's key of `fence` from the data folder, or make it (mode 0600).

    Raises ConfigError when the folder cannot be written.
    """
    path = home / "fence.key"
    try:
        key = path.read_bytes() if path.exists() else b""
        return key if len(key) == KEY_BYTES else _create_key(path, damaged=bool(key))
    except OSError as exc:
        raise ConfigError(
            f"cannot keep a key in {path}: {exc}", "Point CODEASSIST_HOME at a writable folder."
        ) from exc


def _create_key(path: Path, damaged: bool) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(KEY_BYTES))
    try:
        if damaged:
            draft.replace(path)
        else:
            # A link, not a rename: of two processes that race, both use the first one's key.
            with contextlib.suppress(OSError):
                os.link(draft, path)
            if not path.exists():  # a file system without links
                draft.replace(path)
        return path.read_bytes()
    finally:
        draft.unlink(missing_ok=True)
