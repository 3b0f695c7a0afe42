"""SyntaxErrors: the one small change after which the cell can be parsed. Pure."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Callable, Iterator

from .. import exceptions, frames
from .scene import Hint, Scene, parses

_QUOTES = str.maketrans(
    {
        **dict.fromkeys("“”„‟″", '"'),
        **dict.fromkeys("‘’‚‛′", "'"),
        **dict.fromkeys("–—−‐‑", "-"),
        **dict.fromkeys("\u00a0\u202f\u2007\u3000", " "),
        "×": "*",
        "÷": "/",
        "，": ",",
        "（": "(",
        "）": ")",
        "：": ":",
    }
)
_PAIRS = {"(": ")", "[": "]", "{": "}"}


def mend(scene: Scene) -> Hint | None:
    """Try the changes that the message suggests; speak if exactly one of them can be parsed."""
    line = exceptions.field(scene.error, SyntaxError, "lineno")
    offset = exceptions.field(scene.error, SyntaxError, "offset")
    filename = exceptions.field(scene.error, SyntaxError, "filename")
    if type(line) is not int or type(filename) is not str or type(offset) is not int:
        return None
    lines = scene.source.split("\n")
    if _is_file(scene, filename) or not 0 < line <= len(lines):
        return None
    said = scene.message
    if said.startswith("incomplete input"):  # IPython's words; Python's own say more
        said, line, offset = _again(scene.source)
    for text, candidates in _suggestions(said, lines, line - 1, offset - 1):
        good = [c for c in dict.fromkeys(candidates) if c != scene.source and parses(_plain(c))]
        if len(good) == 1:
            return Hint(text, (good[0],), "syntax")
    return _said_only(said, line)


def _again(source: str) -> tuple[str, int, int]:
    """Message, line and offset that Python itself gives."""
    try:
        ast.parse(_plain(source))
    except SyntaxError as exc:
        return exc.msg, exc.lineno or 1, exc.offset or 1
    return "", 1, 1


def _is_file(scene: Scene, filename: str) -> bool:
    return frames.cell_number(scene.shell, filename) is None


def _plain(source: str) -> str:
    """The cell without its magics, which Python cannot parse."""
    if source.lstrip().startswith("%%"):
        source = source.lstrip().partition("\n")[2]
    return re.sub(r"^(\s*)[%!][^\n]*$", r"\1pass", source, flags=re.MULTILINE)


def _suggestions(
    said: str, lines: list[str], row: int, column: int
) -> Iterator[tuple[str, list[str]]]:
    """Yield what may be wrong, with all cells in which it is mended."""
    line = lines[row]

    def put(new: str, at: int = row) -> str:
        return "\n".join([*lines[:at], new, *lines[at + 1 :]])

    whole = "\n".join(lines)
    if re.search(r"invalid (non-printable )?character", said):
        yield (
            "typographic characters stand where Python wants plain ones",
            [whole.translate(_QUOTES)],
        )
    if "was never closed" in said:
        yield from _unclosed(said, lines, row, put)
    if "Missing parentheses in call to" in said:
        call = re.sub(r"\b(print|exec)\s+(.+?)\s*$", r"\1(\2)", line)
        yield "in Python 3 `print` is a function", [put(call)]
    if "expected ':'" in said:
        end = len(line.split("#")[0].rstrip())
        yield f"line {row + 1} lacks its colon", [put(f"{line[:end]}:{line[end:]}")]
    if "Maybe you meant '=='" in said:
        spots = [m.start() for m in re.finditer(r"(?<![=!<>:+\-*/%&|^@])=(?!=)", line)]
        yield "`==` compares; `=` assigns", [put(f"{line[:s]}=={line[s + 1 :]}") for s in spots]
    if "unterminated string literal" in said:
        yield from _unterminated(line, row, column, put)
    if "unmatched" in said:
        dropped = line[:column] + line[column + 1 :]
        yield f"line {row + 1} closes a bracket that is not open", [put(dropped)]
    if "Perhaps you forgot a comma" in said:
        gaps = [m.start() for m in re.finditer(r"(?<=[\w\"'\])}])\s+(?=[\w\"'\[({])", line)]
        yield f"a comma is missing in line {row + 1}", [put(f"{line[:g]},{line[g:]}") for g in gaps]
    if said.startswith("f-string"):
        yield (
            "before Python 3.12 an f-string cannot hold its own quotes",
            [put(re.sub(r'\["([^"\'\[\]{}]+)"\]', r"['\1']", line))],
        )
    yield from _indentation(said, whole)
    if "expected an indented block" in said and row == len(lines) - 1:
        yield f"line {row + 1} belongs into the block above", [put(f"    {line}")]
    yield from _foreign(line, put)


_Put = Callable[..., str]
_Suggestion = Iterator[tuple[str, list[str]]]


def _unclosed(said: str, lines: list[str], row: int, put: _Put) -> _Suggestion:
    opened = re.search(r"'([(\[{])' was never closed", said)
    if opened is None:
        return
    closing = _PAIRS[opened[1]]
    line = lines[row]
    colon = line.rstrip().removesuffix(":")
    at_end = [put(line.rstrip() + closing)]
    if colon != line.rstrip():
        at_end = [put(f"{colon}{closing}:")]
    yield f"`{opened[1]}` in line {row + 1} is never closed", at_end
    last = max(n for n, text in enumerate(lines) if text.strip())
    if last != row:
        text = f"`{opened[1]}` in line {row + 1} is never closed"
        yield text, [put(lines[last].rstrip() + closing, last)]


def _unterminated(line: str, row: int, column: int, put: _Put) -> _Suggestion:
    quote = line[column : column + 1]
    if quote not in ("'", '"'):
        return
    text = f"the text that begins in line {row + 1}, column {column + 1} is not closed"
    bare = line.rstrip()
    end = len(bare.rstrip(")]}:,"))
    yield text, [put(bare[:end] + quote + bare[end:])]


def _indentation(said: str, whole: str) -> Iterator[tuple[str, list[str]]]:
    if "inconsistent use of tabs" in said:
        yield "tabs and blanks are mixed", [whole.expandtabs(4)]
    if "unexpected indent" in said:
        yield "the cell is indented as a whole", [textwrap.dedent(whole)]


def _foreign(line: str, put: _Put) -> _Suggestion:
    """Words of other languages."""
    for wrong, right, text in (
        (r"\belse\s+if\b", "elif", "`else if` is `elif`"),
        (r"\belseif\b", "elif", "`elseif` is `elif`"),
        (r"\s*&&\s*", " and ", "`&&` is `and`"),
        (r"\s*\|\|\s*", " or ", "`||` is `or`"),
        (r"(\w+)\s*\+\+\s*;?", r"\1 += 1", "`++` is `+= 1`"),
        (r"!(?=[\w(])", "not ", "`!` is `not`"),
        (r"\bfunction\s+(\w+\(.*\))\s*:?\s*$", r"def \1:", "functions are defined with `def`"),
    ):
        changed = re.sub(wrong, right, line)
        if changed != line:
            yield text, [put(changed)]


def _said_only(said: str, line: int) -> Hint | None:
    """What is certain without a change."""
    if "'await' outside" in said:
        text = f"`await` in line {line} stands in a function without `async`"
        return Hint(text, (), "syntax")
    if "'return' outside function" in said:
        return Hint(f"`return` in line {line} stands outside any function", (), "syntax")
    return None
