"""The development suites: questions with the lines that answer them, made from real packages.

A docstring → function, B changelog → symbol, D message → raise, E sentence → notebook cell, F name
→ definition. Every suite is a function of its corpus and the seed; `digest` freezes it.
"""

from __future__ import annotations

import ast
import hashlib
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import nbformat

from codeassist_jupyter.index.tokens import code_tokens

SEED = 0
_SENTENCE_WORDS = range(5, 31)
# Of a changelog what users see, without its authors; not what says nothing of the code.
_CHANGE = re.compile(r"^ *[*-] +\[(?:ENH|BUG)\] *(.+?)(?: *\((?:#\d+|:pr:).*)?$", re.M)
_CHORES = re.compile(
    r"\b(?:tests?|testing|doc\w*|typos?|examples?|deprecat\w*|refactor\w*|CI)\b", re.I
)
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Span:
    """Lines of a file, or a cell of a notebook, that answer a question."""

    path: str
    start: int
    end: int
    cell: int | None = None


@dataclass(frozen=True)
class Question:
    text: str
    gold: tuple[Span, ...]


def digest(questions: list[Question]) -> str:
    data = json.dumps([asdict(q) for q in questions], sort_keys=True)
    return hashlib.sha256(data.encode()).hexdigest()[:16]


def overlap(question: Question, root: Path) -> float:
    """The share of a question's words that stand in its answer."""
    span = question.gold[0]
    lines = (root / span.path).read_text(encoding="utf-8").split("\n")[span.start - 1 : span.end]
    words = set(code_tokens(question.text))
    return len(words & set(code_tokens("\n".join(lines)))) / (len(words) or 1)


def sample(questions: list[Question], most: int) -> list[Question]:
    return random.Random(SEED).sample(questions, min(most, len(questions)))


def docstrings(original: Path) -> list[Question]:
    """A: the first sentence of a docstring that does not give the name away."""
    found: dict[str, list[Span]] = defaultdict(list)
    for path, tree in _trees(original):
        for node in ast.walk(tree):
            if not isinstance(node, _Function):
                continue
            sentence = _first_sentence(ast.get_docstring(node) or "")
            if len(sentence.split()) not in _SENTENCE_WORDS:
                continue
            spoken = node.name.strip("_").lower()
            if spoken not in sentence.lower().replace(" ", "_"):
                found[sentence].append(_span(path, node))
    return [Question(text, tuple(gold)) for text, gold in found.items() if len(gold) == 1]


def changes(changelog: Path, original: Path) -> list[Question]:
    """B: an entry of a changelog, without the one name of the code that it spells, to that code."""
    spans: dict[str, list[Span]] = defaultdict(list)
    for path, tree in _trees(original):
        for _, node in _definitions(tree, ""):
            spans[node.name].append(_span(path, node))
    found: dict[str, list[Span]] = {}
    for entry in _CHANGE.findall(changelog.read_text(encoding="utf-8")):
        spelled = spans.keys() & set(re.findall(r"``(?:\w+\.)*(\w+)(?:\(\))?``", entry))
        if len(spelled) != 1 or _CHORES.search(entry):  # an entry of two names tells of two things
            continue
        (name,) = spelled
        words = re.sub(rf"``(?:\w+\.)*{name}(?:\(\))?``(?:'s)?|``|\(#\d+\)", " ", entry).split()
        text = " ".join(words)
        if len(words) in _SENTENCE_WORDS and name.lower() not in text.lower():
            found[text] = spans[name]
    return [Question(text, tuple(gold)) for text, gold in found.items() if len(gold) <= 2]


def messages(original: Path) -> list[Question]:
    """D: what a raised error says, its blanks filled in, to the line that raises it."""
    found: dict[str, list[Span]] = defaultdict(list)
    for path, tree in _trees(original):
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)):
                continue
            text = _filled(node.exc.args[0]) if node.exc.args else ""
            name = ast.unparse(node.exc.func).split(".")[-1]
            if len(text.split()) >= 5 and name.endswith(("Error", "Exception", "Warning")):
                found[f"{name}: {text}"].append(Span(path, node.lineno, node.end_lineno or 0))
    return [Question(text, tuple(gold)) for text, gold in found.items()]


def names(original: Path) -> list[Question]:
    """F: names of functions and classes, and `Class.method` where many classes have the method."""
    bare: dict[str, list[Span]] = defaultdict(list)
    dotted: dict[str, list[Span]] = defaultdict(list)
    for path, tree in _trees(original):
        for scope, node in _definitions(tree, ""):
            bare[node.name].append(_span(path, node))
            if scope:
                dotted[f"{scope.rpartition('.')[2]}.{node.name}"].append(_span(path, node))
    namesakes = Counter(name.rpartition(".")[2] for name in dotted)
    trapped = {n: gold for n, gold in dotted.items() if namesakes[n.rpartition(".")[2]] > 1}
    plain = {n: gold for n, gold in bare.items() if len(gold) <= 3 and len(n) > 3}
    return [Question(n, tuple(g)) for n, g in [*plain.items(), *trapped.items()] if len(g) <= 3]


def cells(root: Path, stripped: Path) -> list[Question]:
    """E: the first sentence of a markdown cell to the code cell below it.

    Writes the notebooks to `stripped` without the sentences that were taken.
    """
    found: dict[str, list[Span]] = defaultdict(list)
    by_source: dict[str, list[Span]] = defaultdict(list)
    answers: dict[str, set[str]] = defaultdict(set)
    for file in sorted(root.rglob("*.ipynb")):
        path = file.relative_to(root).as_posix()
        notebook = nbformat.read(file, as_version=4)
        code = [(i, c) for i, c in enumerate(notebook.cells) if c.cell_type == "code"]
        for i, cell in code:
            by_source[cell.source.strip()].append(Span(path, 1, 10**6, i))
        for (i, cell), below in zip(enumerate(notebook.cells), notebook.cells[1:], strict=False):
            if cell.cell_type != "markdown" or below.cell_type != "code" or not below.source:
                continue
            sentence = _prose_sentence(cell.source)
            if len(sentence.split()) in _SENTENCE_WORDS:
                answers[sentence].add(below.source.strip())
                found[sentence].append(Span(path, 1, 10**6, i + 1))
                cell.source = cell.source.replace(sentence, "", 1)
        target = stripped / path
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, target)
    # A cell that was copied into another notebook answers as well.
    return [
        Question(text, tuple(span for source in answers[text] for span in by_source[source]))
        for text, gold in found.items()
        if len(gold) == 1
    ]


def _trees(root: Path) -> Iterator[tuple[str, ast.Module]]:
    for file in sorted(root.rglob("*.py")):
        try:
            tree = ast.parse(file.read_text(encoding="utf-8", errors="replace"))
        except (SyntaxError, ValueError):
            continue
        yield file.relative_to(root).as_posix(), tree


def _definitions(tree: ast.AST, scope: str) -> Iterator[tuple[str, _Function | ast.ClassDef]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, _Function | ast.ClassDef):
            yield scope, node
        if isinstance(node, ast.ClassDef):
            yield from _definitions(node, f"{scope}.{node.name}".strip("."))
        elif isinstance(node, ast.If | ast.Try | ast.With):
            yield from _definitions(node, scope)


def _span(path: str, node: _Function | ast.ClassDef) -> Span:
    return Span(path, node.lineno, node.end_lineno or node.lineno)


def _first_sentence(docstring: str) -> str:
    paragraph = " ".join(docstring.strip().split("\n\n")[0].split())
    return re.split(r"(?<=[.!?])\s", paragraph)[0].strip()


def _prose_sentence(source: str) -> str:
    """The first sentence of a markdown cell, as it stands in the text; headings do not count."""
    for line in source.splitlines():
        if line.strip() and not re.match(r"\s*(#|[-*|>]|\d+\.|```|<|!\[|:|\$)", line):
            return re.split(r"(?<=[.!?:])\s", line.strip())[0]
    return ""


def _filled(node: ast.expr) -> str:
    """The text of a message, with a value in the place of each blank."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        values = iter(["'spam'", "42", "'eggs'", "7", "[1, 2]", "None"] * 4)
        return re.sub(r"%(?:\(\w+\))?[srdif]|\{[^{}]*\}", lambda _: next(values), node.value)
    if isinstance(node, ast.JoinedStr):
        values = iter(["'spam'", "42", "'eggs'", "7", "[1, 2]", "None"] * 4)
        parts = (_filled(v) if isinstance(v, ast.Constant) else next(values) for v in node.values)
        return "".join(parts)
    if isinstance(node, ast.BinOp):
        right = _filled(node.right) if isinstance(node.op, ast.Add) else ""
        return _filled(node.left) + right
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return _filled(node.func.value)
    if isinstance(node, ast.Call) and node.args:
        return _filled(node.args[0])  # _("translated")
    return ""
