"""From a Document to the chunks that are indexed and cited.

A chunk is a symbol, a notebook cell or a section. What is too long for one is cut where its syntax
is least deep, so that every line, and every string in it, can be found on its own. A chunk's text
is exactly its lines; only a line that is too long by itself is split within.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import accumulate, islice
from typing import NamedTuple

from ..types import Chunk
from .parse import Document, Unit
from .tokens import NOISE, split_name

# Sizes in characters without white space. A function of up to LONGEST stays whole: about 60 lines.
# What is longer becomes pieces of about PIECE, roughly a screen.
LONGEST = 2400
PIECE = 1400
_LEAST = 350  # no piece is cut off below this
_LINE = 4000  # a longer line is split in itself
_HEAD = 200  # characters of prose in a header
_BODY_WORDS = 100

CODE_KINDS = ("module", "class", "function", "method")
_SENTENCE = re.compile(r"(?<=[.!?]\s)|(?<=[。！？])")
# What is left between members and says nothing: closing brackets, `else:`, a banner of a few words.
_REMAINS = re.compile(
    r"(?:\s|else:|try:|finally:|[\])};,]|(?:#|//)[^\w\n]*+[^\n]{0,40}+(?=\n|\Z))*+"
)
_ASSIGNED = re.compile(
    r"^\s*(?:export\s+)?(?:(?:const|let|var|type)\s+)?((?!else\b|try\b|finally\b)[^\W\d]\w*)\s*[:=]",
    re.M,
)
_TITLE = re.compile(r"\A\s*#{1,6} .*\n+(?=\S)")
_BRACKETS = re.compile(r"\[[^\[\]]*\]|\([^()]*\)|\{[^{}]*\}")
_PARAMETER = re.compile(
    r"(?:^|,)\s*(?:\*{1,2}|\.{3}|(?:(?:public|private|protected|readonly)\s+)+)?\s*([^\W\d][\w$]*)"
)


class _Run(NamedTuple):
    """Lines of one unit that become one chunk; `part` counts the runs of a unit from 0."""

    start: int
    end: int
    text: str
    part: int


def chunk(document: Document) -> list[Chunk]:
    """Split a document into units of retrieval, in the order of their lines.

    Ids stay the same as long as path, kind, name and order among namesakes do (in notebooks: the
    cell's id), whatever happens elsewhere in the file.
    """
    chunks: list[Chunk] = []
    seen: Counter[str] = Counter()
    place = " ".join(split_name(document.path.rpartition(".")[0] or document.path))
    members = _members(document.units)
    for unit in document.units:
        key = _key(document.path, unit)
        for run in _runs(unit, members.get(id(unit), ())):
            seen[key] += 1
            chunks.append(
                Chunk(
                    id=blake2b(f"{key}\0{seen[key]}".encode(), digest_size=12).hexdigest(),
                    path=document.path,
                    kind=unit.kind,
                    name=unit.name,
                    language=unit.language or document.language,
                    start_line=run.start,
                    end_line=run.end,
                    header=_header(unit, run, place),
                    text=run.text,
                    cell=unit.cell,
                    cell_id=unit.cell_id,
                    output=unit.output if run.start == unit.start_line else "",
                )
            )
    chunks.sort(key=lambda c: (c.cell or 0, c.start_line, c.end_line))
    return chunks


def body_words(text: str) -> str:
    """What is embedded of a symbol's text: the first hundred words it is made of, each once."""
    words = (word for word in split_name(text) if len(word) > 1 and word not in NOISE)
    return " ".join(islice(dict.fromkeys(words), _BODY_WORDS))


def _key(path: str, unit: Unit) -> str:
    if unit.cell is None:
        return f"{path}\0{unit.kind}\0{unit.name}"
    # In old notebooks the source stands for the id.
    return f"{path}\0{unit.cell_id if unit.cell_id is not None else unit.text}"


def _members(units: Sequence[Unit]) -> dict[int, list[Unit]]:
    """The units directly inside each class and module, by identity of the outer one."""
    inside: dict[int, list[Unit]] = {}
    around: list[Unit] = []
    for unit in units:
        if unit.kind not in CODE_KINDS:
            continue
        while around and around[-1].end_line < unit.start_line:
            around.pop()
        if around:
            inside.setdefault(id(around[-1]), []).append(unit)
        if unit.kind in ("module", "class"):
            around.append(unit)
    return inside


def _runs(unit: Unit, members: Sequence[Unit]) -> Iterator[_Run]:
    """The lines of a unit that belong to no member of it, in pieces of fitting size."""
    lines = unit.text.split("\n")
    part = 0
    for start, end in _gaps(unit, members):
        if members and _REMAINS.fullmatch("\n".join(lines[start : end + 1])):
            continue
        for first, last in _pieces(lines, start, end, unit):
            text = "\n".join(lines[first : last + 1])
            for piece in _split_line(text) if first == last and len(text) > _LINE else (text,):
                if piece.strip():
                    yield _Run(unit.start_line + first, unit.start_line + last, piece, part)
                    part += 1


def _gaps(unit: Unit, members: Sequence[Unit]) -> Iterator[tuple[int, int]]:
    """Runs of lines (first, last; from 0 within the unit) outside the members."""
    line = 0
    for member in members:
        start = member.start_line - unit.start_line
        if line < start:
            yield line, start - 1
        line = max(line, member.end_line - unit.start_line + 1)
    if line <= unit.end_line - unit.start_line:
        yield line, unit.end_line - unit.start_line


def _pieces(lines: list[str], start: int, end: int, unit: Unit) -> Iterator[tuple[int, int]]:
    """Cut lines start..end where the syntax is least deep, if they are too long for one piece."""
    while start < end and not lines[start].strip():
        start += 1
    while start < end and not lines[end].strip():
        end -= 1
    if sum(map(len, lines[start : end + 1])) <= LONGEST:
        yield start, end
        return
    # total[i] is the size of the first i lines
    total = list(accumulate((len("".join(line.split())) for line in lines), initial=0))
    depths = _depths(lines, unit)
    limit = LONGEST
    while total[end + 1] - total[start] > limit:
        first = bisect_left(total, total[start] + _LEAST, start + 1)
        last = bisect_right(total, total[start] + PIECE, start + 1) - 1
        options = range(max(first, start + 1), min(last, end) + 1)
        # Of equal depth the latest; a single long line stands alone.
        cut = min(options, key=lambda i: (depths.get(i, 99), -i), default=min(last, end) or 1)
        cut = max(cut, start + 1)
        if cut > end:
            break
        yield start, cut - 1
        start, limit = cut, PIECE * 5 // 4
    yield start, end


def _depths(lines: list[str], unit: Unit) -> dict[int, int]:
    """How good it is to cut before a line: statements by depth, then paragraphs."""
    depths = {i: 50 for i in range(1, len(lines)) if lines[i].strip() and not lines[i - 1].strip()}
    for line, depth in unit.cuts:
        i = line - unit.start_line
        while i > 1 and lines[i - 1].lstrip().startswith(("#", "//")):
            i -= 1  # a comment stays with its statement
        depths[i] = min(depth, depths.get(i, depth))
    return depths


def _split_line(line: str) -> Iterator[str]:
    """Pieces of one very long line, at the ends of sentences where there are any."""
    piece = ""
    for sentence in _SENTENCE.split(line):
        for i in range(0, len(sentence), _LINE):
            if piece and len(piece) + len(sentence) > PIECE:
                yield piece
                piece = ""
            piece += sentence[i : i + _LINE]
    yield piece


def _header(unit: Unit, run: _Run, place: str) -> str:
    """What is embedded: where it stands, what it is called, what it says it does."""
    first = run.part == 0
    if unit.kind == "cell":
        names = " ".join(dict.fromkeys([*unit.defines, *unit.uses]))[:_HEAD]
        about = (unit.docstring if first else "") if names else _TITLE.sub("", run.text)
        return _joined(place, " > ".join(unit.heading), names, _first_sentence(about))
    if unit.kind not in CODE_KINDS:
        return _joined(
            place, " > ".join(unit.heading) or unit.name, _TITLE.sub("", run.text)[:_HEAD]
        )
    name = "" if unit.kind == "module" else " ".join(split_name(unit.name))
    if not first or unit.kind == "module":
        assigned = _ASSIGNED.findall(run.text)[:12] if unit.kind in ("module", "class") else ()
        about = _first_sentence(unit.docstring) if first else ""
        return _joined(place, name, " ".join(assigned), about)
    parameters = " ".join(_parameters(unit.signature)) if unit.kind != "class" else ""
    bases = " ".join(unit.bases)
    decorators = " ".join(unit.decorators)[:_HEAD]
    return _joined(
        place, f"{name} {parameters or bases}", decorators, _first_sentence(unit.docstring)
    )


def _joined(*parts: str) -> str:
    lines = (" ".join(part.split()) for part in parts)
    return "\n".join(line[: 2 * _HEAD] for line in lines if line)


def _first_sentence(text: str) -> str:
    text = text.lstrip()[: 2 * _HEAD].split("\n\n", 1)[0]
    return re.split(r"(?<=[.!?])\s", " ".join(text.split()), maxsplit=1)[0][:_HEAD]


def _parameters(signature: str) -> list[str]:
    """Names of the parameters, without types, defaults and self."""
    start = signature.find("(")
    if signature.startswith("func ("):  # Go puts the receiver first
        start = signature.find("(", signature.find(")"))
    inner = signature[start + 1 : signature.rfind(")")] if start >= 0 else ""
    while (plain := _BRACKETS.sub("", inner)) != inner:
        inner = plain
    return [name for name in _PARAMETER.findall(inner) if name not in ("self", "cls", "this")]
