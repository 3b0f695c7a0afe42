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
    from markdown_it.token import Token

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
# All of a fence's info that a renderer gets: JupyterLab lets the rest into an attribute as it is.
_LANGUAGE = re.compile(r"[ \t]*\{?\.?([A-Za-z][\w+#.-]*)")
_DRAWN = re.compile(r"mermaid|vega", re.IGNORECASE)  # would become a picture, and is to stay code
_PLAIN_LIST = re.compile(r" *(?:(?:[-*+]|\d+[.)]) +)*")
_RENDERS = re.compile(r"<[A-Za-z/!?]|\]\(|^[> ]*\[[^\[\]]*\]:", re.MULTILINE)
_RISKY = re.compile(r"<[A-Za-z/!?]|\][(:]|://|www\.|@\w", re.IGNORECASE)


def sanitize(markdown: str) -> str:
    """Return Markdown that renders to text, headings, lists, tables, code and formulas only.

    Links become "text (address)", images "[image blocked: host]", HTML shows as text.
    """
    lines = clean(markdown).split("\n")
    code = _fenced(lines)
    is_risky = any(
        _RISKY.search(line, start, end)
        for number, line in enumerate(lines)
        if number not in code
        for start, end in code_spans(line)
    )
    in_formula = False
    result = []
    for number, line in enumerate(lines):
        if number in code:
            result.append(code[number])
            continue
        result.append(_line(line, is_risky, in_formula))
        in_formula ^= line.count("$$") % 2 == 1
        in_formula &= line != ""  # a formula has no blank line: so a stray "$$" ends soon
    return "\n".join(result)


@functools.cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # not at the top: %load_ext must stay light

    # Without HTML and definitions, which the result will not have, blocks are the same there.
    return MarkdownIt("commonmark", {"html": False}).disable(["inline", "reference", "html_block"])


def _fenced(lines: list[str]) -> dict[int, str]:
    """Map the number of each line of fenced code, with its fences, to that line made safe."""
    tokens = [t for t in _parser().parse("\n".join(lines) + "\n") if t.type == "fence" and t.map]
    flat = _must_stand_alone(tokens, lines)
    code: dict[int, str] = {}
    for token in tokens:
        first, end = token.map or (0, 0)
        before, fence, info = lines[first].partition(token.markup)
        if token.level == 0 or flat:
            before = ""
        inside = " " * len(before)
        fence = _safe_fence(token.content, fence)
        # Not every renderer sees a fence here: marked does not while the line is the last one,
        # nor markdown-it if the line looks like the head of a table.
        block = [before + fence + _language(info)]
        block += [inside + line for line in token.content.split("\n")[:-1]]
        if len(block) < end - first:
            block.append(inside + fence)
        elif end < len(lines):  # ended by what follows: marked may go on
            block[-1] += f"\n{inside}{fence}"
        code |= dict(zip(range(first, end), block, strict=True))
    return code


def _language(info: str) -> str:
    """Return the language that a fence names; "text" where that is none, or one that is drawn."""
    found = _LANGUAGE.match(info)
    if found is None:
        return "text" if info.strip() else ""
    return "text" if _DRAWN.match(found[1]) else found[1]


def _must_stand_alone(tokens: list[Token], lines: list[str]) -> bool:
    """Tell whether code inside lists and quotes must move to the margin.

    Renderers disagree on where a list or a quote ends. That does no harm to code that has nothing
    to render in it, inside a plain list; all other code is safe only where none can disagree.
    """
    nested = [lines[t.map[0]].partition(t.markup)[0] for t in tokens if t.level and t.map]
    return any(not _PLAIN_LIST.fullmatch(before) for before in nested) or (
        bool(nested) and any(_RENDERS.search(token.content) for token in tokens)
    )


def _safe_fence(content: str, fence: str) -> str:
    """Return a fence that no line of `content` closes for any renderer.

    marked takes "```~~~" to close "```"; an indented "```" does not, but is less so when moved.
    """
    closing = re.findall(rf"^[ \t>]*({fence}[`~]*)[ \t]*$", content, re.MULTILINE)
    return fence[0] * max([len(fence), *(len(run) + 1 for run in closing)])


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
        # marked takes "~" and the backticks after it together.
        if closer is None or _is_escaped(line, start) or line[start - 1 : start] == "~":
            index += 1
        else:
            yield start, runs[closer].end()
            index = closer + 1


def _is_escaped(line: str, position: int) -> bool:
    begin = position
    while begin and line[begin - 1] == "\\":
        begin -= 1
    return (position - begin) % 2 == 1


def _line(line: str, is_risky: bool, in_formula: bool) -> str:
    """Escape one line outside fenced code; `is_risky` if code in any line could render."""
    spans = list(code_spans(line))
    contents = [line[start:end].strip("`") for start, end in spans]
    # A table splits its row at each bar before it looks for code. Marked loses its way where code
    # has backticks or ends in a backslash, and may then find code across lines.
    if (any("|" in c for c in contents) and any(_RISKY.search(c) for c in contents)) or (
        is_risky and any("`" in c or c.endswith("\\") for c in contents)
    ):
        spans = []
    # "[a`]: b`" is a link definition to all, as "[a`](b)`" is a link to some.
    spans = [s for s, c in zip(spans, contents, strict=False) if not _ends_a_label(c)]
    pieces, position = [], 0
    for start, end in spans:
        pieces += [_prose(line[position:start], in_formula), line[start:end]]
        position = end
    pieces.append(_prose(line[position:], in_formula))
    return "".join(pieces)


def _ends_a_label(content: str) -> bool:
    """Tell whether code could be taken for the end of a label that began before it."""
    if "](" not in content and "]:" not in content:
        return False
    depth = 0
    for bracket in re.findall(r"\\.|\[|\]", content):
        depth += {"[": 1, "]": -1, "\\]": -1}.get(bracket, 0)
        if depth < 0:
            return True
    return False


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
