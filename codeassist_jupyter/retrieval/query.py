"""What a query is: its class, its search terms and the symbols it names. Pure text work."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

QueryClass = Literal["symbol", "path", "prose", "error"]

_NAME = r"[^\W\d]\w*"
_SYMBOL = re.compile(rf"`?({_NAME}(?:(?:\.|::|#){_NAME})*)`?\s*(?:\(\s*\))?")
_PATH = re.compile(r"(?:[\w.-]+[/\\])*[\w.-]+\.(?:py|ipynb|js|jsx|ts|tsx|go|md|txt|pdf)\b")
_ERROR = re.compile(
    rf"Traceback \(most recent call last\)|^\s*(?:{_NAME}\.)*"
    rf"{_NAME}(?:Error|Exception|Warning|Interrupt)\b\s*(?::|$)",
    re.MULTILINE,
)
# In prose, only what cannot be an ordinary word counts as a name.
_NAME_IN_PROSE = re.compile(
    rf"`({_NAME}(?:\.{_NAME})*)`|\b({_NAME}(?:\.{_NAME})+)\b|\b({_NAME})\(|"
    r"\b([a-z0-9]+_\w+|_\w+|[A-Za-z]+[a-z0-9]+[A-Z]\w*)\b"
)
_MESSAGE_CHARS = 2000  # of a traceback the end tells most


@dataclass(frozen=True, slots=True)
class Query:
    """A query, understood: `text` is what is searched, `names` the symbols that it spells."""

    text: str
    kind: QueryClass
    names: tuple[str, ...] = ()


def understand(text: str) -> Query:
    """Sort a query into its class; never fails."""
    text = text.strip()
    symbol = _SYMBOL.fullmatch(text)
    if symbol and not _PATH.fullmatch(text):
        return Query(text, "symbol", (re.sub(r"::|#", ".", symbol[1]),))
    if _ERROR.search(text):
        return Query(_message(text), "error", _names(text[-_MESSAGE_CHARS:]))
    if _PATH.fullmatch(text.partition(":")[0].strip()):
        return Query(text, "path")
    return Query(text, "prose", _names(text))


def _names(text: str) -> tuple[str, ...]:
    found = (next(filter(None, match)) for match in _NAME_IN_PROSE.findall(text))
    return tuple(dict.fromkeys(found))


def _message(text: str) -> str:
    """The error itself without the frames above it; of several, the last one."""
    *_, last = _ERROR.finditer(text)
    message = text[last.start() :]
    if message.startswith("Traceback"):  # no line below it looks like an error
        message = message[-_MESSAGE_CHARS:]
    return message[:_MESSAGE_CHARS]
