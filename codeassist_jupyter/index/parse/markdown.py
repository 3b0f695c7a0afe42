"""Markdown through mistune: one unit per heading, with the trail of headings above it."""

from __future__ import annotations

import re
from functools import cache

import mistune

from .document import Unit

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n.*?\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.S)
# Beyond this the parser's time is not worth it: nobody writes such a document by hand.
_LONGEST = 2_000_000


class _Blocks(mistune.BlockParser):
    """Blocks only, and of these only the headings of the document itself: (offset, level, text).

    mistune's tokens know no positions, its matches do.
    """

    def parse_atx_heading(self, m: re.Match[str], state: mistune.BlockState) -> int:
        if state.depth() == 0:
            text = m["atx_2"].strip().rstrip("#").rstrip()
            state.env.setdefault("headings", []).append((m.start(), len(m["atx_1"]), text))
        return super().parse_atx_heading(m, state)

    def parse_setex_heading(self, m: re.Match[str], state: mistune.BlockState) -> int | None:
        paragraph = state.last_token()
        was_paragraph = paragraph is not None and paragraph["type"] == "paragraph"
        end = super().parse_setex_heading(m, state)
        if was_paragraph and paragraph["type"] == "heading" and state.depth() == 0:
            start = m.start() - len(paragraph["text"].rstrip("\n")) - 1
            text = " ".join(paragraph["text"].split())
            level = paragraph["attrs"]["level"]
            state.env.setdefault("headings", []).append((max(0, start), level, text))
        return end


@cache
def _parser() -> _Blocks:
    return _Blocks()


def headings(text: str) -> list[tuple[int, int, str]]:
    """(line, level, text) of every heading outside code, quotes and lists."""
    if len(text) > _LONGEST or not re.search(r"^ {0,3}(#|=+\s*$|-+\s*$)", text, re.M):
        return []
    front = _FRONT_MATTER.match(text)
    if front:  # keep the line numbers
        text = "\n" * front[0].count("\n") + text[front.end() :]
    state = mistune.BlockState()
    state.process(text + "\n")
    try:
        _parser().parse(state)
    except RecursionError:  # quotes in quotes in quotes
        return []
    found: list[tuple[int, int, str]] = []
    line, seen = 1, 0
    for offset, level, title in state.env.get("headings", ()):
        line, seen = line + state.src.count("\n", seen, offset), offset
        found.append((line, level, title))
    return found


def parse_markdown(text: str) -> tuple[Unit, ...]:
    """A unit per section, from its heading to the next; what precedes the first heading too.

    A heading with nothing of its own below it is only part of the trail of those that follow.
    """
    lines = text.rstrip("\n").split("\n")
    starts = headings(text)
    units: list[Unit] = []
    trail: list[tuple[int, str]] = []
    if not starts or starts[0][0] > 1:
        starts = [(1, 0, ""), *starts]
    for i, (line, level, title) in enumerate(starts):
        if level:
            trail = [(deep, name) for deep, name in trail if deep < level] + [(level, title)]
        end = starts[i + 1][0] - 1 if i + 1 < len(starts) else len(lines)
        while end > line and not lines[end - 1].strip():
            end -= 1
        last = i + 1 == len(starts) or starts[i + 1][1] <= level
        body = lines[line if level else line - 1 : end]
        if any(map(str.strip, body)) or (level and last):
            units.append(
                Unit(
                    kind="section",
                    name=title,
                    start_line=line,
                    end_line=end,
                    text="\n".join(lines[line - 1 : end]),
                    heading=tuple(name for _, name in trail),
                )
            )
    return tuple(units)
