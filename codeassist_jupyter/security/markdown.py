"""Make a model's Markdown safe to render: no HTML, no image, no link, whatever it wrote.

Fenced code and code spans stay as they are; on every other line each character that could begin
HTML, an image, a link or a link definition is replaced by an entity, which renders as itself. A
partial answer is as safe as a whole one, because every call looks at the whole text.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .text import clean

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_IMAGE = re.compile(r"!\[([^\[\]]*)\]\(\s*<?([^\s()<>]*)>?[^()]*\)")
# Only text that begins with a letter: "[- a](b)" must not turn into a list, nor "[~~~](b)".
_LINK = re.compile(
    r"\[([^\W\d_][^\[\]<>\\|]*)\]\(\s*<?([^\s()<>]+)>?(?:\s+[\"'][^\"']*[\"'])?\s*\)"
)
_ENTITY = re.compile(r"&(?=#?\w{1,40};)(?!(?:lt|gt|amp|quot|nbsp);)")
_ESCAPED = re.compile(r"\\([\\<&`])")
_MATH = re.compile(r"\$\$[^$]+\$\$|(?<![\\$])\$(?![\s$])[^$]*(?<![\s\\])\$(?![\d$])")
# TeX commands with which MathJax and KaTeX set links, styles or attributes, or load extensions.
_TEX = re.compile(
    r"\\(?=csname|(?:href|url|class|cssId|style|data|require|bbox|mmlToken|unicode|includegraphics"
    r"|html[A-Z]\w*)\s*(?:[\[{%]|$))"
)
_RISKY_SPAN = re.compile(r"[<\[\]]|://")
_DEFINITION = re.compile(r"(?:\\.|[^\[\]\\])*\]:")


def sanitize(markdown: str) -> str:
    """Return Markdown that renders to text, headings, lists, tables, code and formulas only.

    Links become "text (address)", images "[image blocked: host]", HTML shows as text.
    """
    lines = clean(markdown).split("\n")
    kept = _fenced(lines)
    in_formula = False
    result = []
    for number, line in enumerate(lines):
        if number in kept:
            result.append(line)
            continue
        result.append(_line(line, in_formula))
        in_formula ^= line.count("$$") % 2 == 1
        in_formula &= line != ""  # a formula has no blank line: so a stray "$$" ends soon
    return "\n".join(result)


@functools.cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # not at the top: %load_ext must stay light

    # Without HTML and definitions, which the result will not have, blocks are the same there.
    return MarkdownIt("commonmark", {"html": False}).disable(["inline", "reference", "html_block"])


def _fenced(lines: list[str]) -> set[int]:
    """Return the numbers of all lines of fenced code, with those of the fences."""
    tokens = _parser().parse("\n".join(lines))
    return {n for t in tokens if t.type == "fence" and t.map for n in range(*t.map)}


def code_spans(line: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each code span of one line, backticks included, in order."""
    runs = list(re.finditer("`+", line))
    following: list[int | None] = [None] * len(runs)  # the next run of the same length
    last_of_length: dict[int, int] = {}
    for index in range(len(runs) - 1, -1, -1):
        length = runs[index].end() - runs[index].start()
        following[index] = last_of_length.get(length)
        last_of_length[length] = index
    index = 0
    while index < len(runs):
        start, closer = runs[index].start(), following[index]
        if closer is None or _is_escaped(line, start):
            index += 1
        else:
            yield start, runs[closer].end()
            index = closer + 1


def _is_escaped(line: str, position: int) -> bool:
    begin = position
    while begin and line[begin - 1] == "\\":
        begin -= 1
    return (position - begin) % 2 == 1


def _line(line: str, in_formula: bool) -> str:
    """Escape one line outside fenced code."""
    spans = list(code_spans(line))
    contents = [line[start:end].strip("`") for start, end in spans]
    # A table splits its row at each bar before it looks for code: then no span is sure.
    if any("|" in c for c in contents) and any(_RISKY_SPAN.search(c) for c in contents):
        spans = []
    # "[a`]: b`" is a link definition: those are found before code.
    spans = [s for s, c in zip(spans, contents, strict=False) if not _DEFINITION.match(c)]
    pieces, position = [], 0
    for start, end in spans:
        pieces += [_prose(line[position:start], in_formula), line[start:end]]
        position = end
    pieces.append(_prose(line[position:], in_formula))
    return "".join(pieces)


def _prose(text: str, in_formula: bool) -> str:
    """Escape text without code spans, formulas in their own way."""
    if in_formula:
        return _formula(text)
    pieces, position = [], 0
    for match in _MATH.finditer(text):
        pieces += [_text(text[position : match.start()]), _formula(match[0])]
        position = match.end()
    return "".join([*pieces, _text(text[position:])])


def _formula(text: str) -> str:
    """Escape in TeX's own terms, where an entity would show as it is written."""
    text = _TEX.sub(r"\\ ", text)
    text = re.sub(r"<(?=[A-Za-z/!?])", r"\\lt ", text)
    text = re.sub(r"&(?=#?\w+;)", "& ", text)
    text = re.sub(r"\](?=[(:])|:(?=//)|www(?=\.)|(?<=[\w.+-])@(?=\w)", r"\g<0> ", text)
    return text.replace("`", "&#96;")


def _text(text: str) -> str:
    text = _IMAGE.sub(_blocked, text)
    text = _LINK.sub(r"\1 (\2)", text)
    text = _TEX.sub(r"\\ ", text)
    # What is escaped already needs no backslash once it is an entity.
    text = _ESCAPED.sub(lambda match: match[0] if match[1] == "\\" else match[1], text)
    text = _ENTITY.sub("&amp;", text).replace("<", "&lt;")
    # Renderers make bare addresses clickable; with an entity inside they stay text.
    text = re.sub(r":(?=//)", "&#58;", text)
    text = re.sub(r"(?i)(?<=www)\.", "&#46;", text)
    text = re.sub(r"(?<=[\w.+-])@(?=\w)", "&#64;", text)
    text = text.replace("](", "]&#40;").replace("]:", "]&#58;")
    return text.replace("`", "&#96;")


def _blocked(match: re.Match[str]) -> str:
    try:
        host = urlsplit(match[2]).hostname or ""
    except ValueError:
        host = ""
    return f"[image blocked: {host if re.fullmatch('[a-z0-9.-]+', host) else 'no host'}]"
