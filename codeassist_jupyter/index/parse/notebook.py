"""Notebooks: one unit per cell, with the headings above it and a little of its text output.

Tolerates nbformat 1 to 4 and missing fields. Images and HTML are dropped before the JSON is read.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

from .document import LONG_UNIT, Document, Unit
from .markdown import headings
from .python import Facts, cuts, gather, parse_ast

OUTPUT_CHARS = 2000  # of text output kept per cell

# A rich output: a key of MIME type and its value, a string or a list of strings. The key's quote
# is never escaped, so that this cannot match inside a cell's source. Possessive: linear time.
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_RICH = re.compile(
    rb'(?<!\\)("(?:image/|audio/|video/|application/|text/html|text/latex)[^"\\\n]{0,80}"\s*:\s*)'
    rb"(?:" + _STRING + rb"|\[\s*" + _STRING + rb"(?:\s*,\s*" + _STRING + rb")*+\s*\])",
    re.S,
)
_MAGIC = re.compile(r"^\s*[%!?]|\?\s*$|=\s*[%!]", re.M)
# Questions to us: a saved question would match itself best of all.
_QUESTIONS = ("%%assist", "%assist")
_CELL_MAGIC = re.compile(r"\s*%%(\w+)([^\n]*)\n?")
_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
# What IPython's transformer puts in place of magics.
_SHELL = frozenset(("get_ipython", ".run_line_magic", ".run_cell_magic", ".system", ".getoutput"))
# Cell magics whose body is not Python of this kernel; others (%%time, %%capture) leave it Python.
_LANGUAGES = {
    "bash": "bash",
    "sh": "bash",
    "script": "text",
    "sql": "sql",
    "html": "html",
    "HTML": "html",
    "javascript": "javascript",
    "js": "javascript",
    "latex": "latex",
    "markdown": "markdown",
    "svg": "text",
    "R": "r",
    "julia": "julia",
    "perl": "perl",
    "ruby": "ruby",
    "cython": "cython",
    "writefile": "text",
    "file": "text",
    "assist": "text",
}


class _Place(NamedTuple):
    """Where a cell stands: what every unit of a notebook says."""

    heading: tuple[str, ...]
    cell: int
    cell_id: str | None


def parse_notebook(path: str, data: bytes) -> Document | None:
    """All cells that have something in them; None if the bytes are no notebook."""
    try:
        notebook = json.loads(_RICH.sub(rb'\1""', data))
        cells = list(_cells(notebook))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    language = _language(notebook)
    units: list[Unit] = []
    trail: list[tuple[int, str]] = []
    prose = ""  # of the Markdown cell just above
    for index, cell in enumerate(cells):
        source = clean(_joined(cell.get("source", cell.get("input", ""))))
        kind = cell.get("cell_type")
        if not source.strip() or source.lstrip().startswith(_QUESTIONS):
            continue
        if kind == "heading":  # nbformat 3
            source, kind = "#" * _level(cell) + " " + source, "markdown"
        titles = headings(source) if kind == "markdown" else []
        for _, level, title in titles:
            trail = [(deep, name) for deep, name in trail if deep < level] + [(level, title)]
        cell_id = cell.get("id") if isinstance(cell.get("id"), str) else None
        place = _Place(tuple(name for _, name in trail), index, cell_id)
        if kind == "markdown":
            prose = _without_headings(source, titles)
            # A heading alone is searched as part of the cells below it.
            if prose or index + 1 == len(cells):
                units.append(_plain_cell(source, "markdown", place))
        elif kind == "code":
            units.append(_code_cell(source, cell, language, prose, place))
            prose = ""
        else:
            units.append(_plain_cell(source, "text", place))
    text = "\n\n".join(unit.text for unit in units)
    return Document(path, language, text, tuple(units))


def clean(text: str) -> str:
    """Uniform line ends, and no half of a surrogate pair: JSON can say what UTF-8 cannot."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _cells(notebook: Any) -> Iterator[dict[str, Any]]:
    """The cells of any nbformat; raises TypeError or AttributeError for anything else."""
    if "worksheets" in notebook:  # nbformat 1 to 3
        sheets = [sheet.get("cells", []) for sheet in notebook["worksheets"]]
        found = [cell for sheet in sheets for cell in sheet]
    elif isinstance(notebook.get("cells"), list):
        found = notebook["cells"]
    else:
        raise TypeError("no cells")
    yield from (cell if isinstance(cell, dict) else {} for cell in found)


def _language(notebook: dict[str, Any]) -> str:
    metadata = notebook.get("metadata")
    for key, name in (("language_info", "name"), ("kernelspec", "language")):
        info = metadata.get(key) if isinstance(metadata, dict) else None
        if isinstance(info, dict) and isinstance(info.get(name), str):
            return str(info[name]).lower()
    return "python"


def _level(cell: dict[str, Any]) -> int:
    level = cell.get("level")
    return min(6, max(1, level)) if isinstance(level, int) else 1


def _joined(value: Any) -> str:
    if isinstance(value, list):
        return "".join(part for part in value if isinstance(part, str))
    return value if isinstance(value, str) else ""


def _without_headings(source: str, titles: list[tuple[int, int, str]]) -> str:
    lines = source.split("\n")
    for line, _, _ in titles:
        lines[line - 1] = ""
    return "\n".join(lines).strip().strip("=-").strip()


def _plain_cell(source: str, language: str, place: _Place) -> Unit:
    return Unit(
        kind="cell",
        name=place.heading[-1] if language == "markdown" and place.heading else "",
        start_line=1,
        end_line=source.count("\n") + 1,
        text=source,
        language=language,
        **place._asdict(),
    )


def _code_cell(source: str, cell: dict[str, Any], language: str, prose: str, place: _Place) -> Unit:
    magic = _CELL_MAGIC.match(source)
    if magic and magic[1] in _LANGUAGES:
        language = _LANGUAGES[magic[1]]
    facts, tree = Facts(), None
    if language in ("python", "ipython"):
        language = "python"
        tree = _tree(source, magic)
    found: list[Any] = []
    if tree is not None:
        try:
            gather(tree.body, facts, None, ())
            found = list(cuts(tree.body)) if len(source) > LONG_UNIT else []
        except RecursionError:
            facts = Facts()
    symbols = [node.name for node in tree.body if isinstance(node, _NAMED)] if tree else []
    return Unit(
        kind="cell",
        name=" ".join(symbols),
        start_line=1,
        end_line=source.count("\n") + 1,
        text=source,
        docstring=prose,
        imports=tuple(facts.imports),
        calls=tuple(call for call in facts.calls.items() if call[0] not in _SHELL),
        complexity=facts.branches + 1,
        defines=tuple(facts.defines),
        uses=tuple(name for name in facts.uses(local=False) if name not in _SHELL),
        language=language,
        output=_output(cell.get("outputs")),
        cuts=tuple(found),
        **place._asdict(),
    )


def _tree(source: str, magic: re.Match[str] | None) -> ast.Module | None:
    """The syntax tree of a cell, magics replaced by calls; lines stay where they are.

    None if it is not Python. Line numbers are right unless a magic spans several lines.
    """
    if magic:  # %%time and the like: the body counts, one line further down
        source = "\n" * magic[0].count("\n") + source[magic.end() :]
    try:
        return parse_ast(source)
    except SyntaxError:
        if not _MAGIC.search(source):
            return None
    # Here and nowhere else outside kernel/: only IPython knows its own syntax.
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of lines that end in an unusual way
            return parse_ast(str(TransformerManager().transform_cell(source)))
    except (SyntaxError, ValueError, RecursionError):
        return None


def _output(outputs: Any) -> str:
    """Text that a cell printed or showed, and the name and value of its error."""
    parts: list[str] = []
    room = OUTPUT_CHARS
    for output in outputs if isinstance(outputs, list) else ():
        if room <= 0 or not isinstance(output, dict):
            continue
        data = output.get("data", output)
        data = data if isinstance(data, dict) else {}
        if output.get("output_type") in ("error", "pyerr"):
            part = f"{output.get('ename', '')}: {output.get('evalue', '')}"
        elif output.get("output_type") == "stream":
            part = _joined(output.get("text"))
        else:  # nbformat 3 has "text" where 4 has "text/plain"
            part = _joined(data.get("text/plain", data.get("text")))
        part = clean(part[:room])
        parts.append(part)
        room -= len(part) + 1
    return "\n".join(parts).strip()
