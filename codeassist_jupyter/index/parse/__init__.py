"""From the bytes of a file to a Document: symbols, cells, sections, plain text.

Knows nothing of chunks, stores or the file system.
"""

from __future__ import annotations

import codecs
import re
from pathlib import PurePosixPath

from .document import Document, Unit, module_name, text_unit

__all__ = ["Document", "Unit", "decode", "module_name", "parse"]

LANGUAGES = {
    ".py": "python",
    ".pyi": "python",
    ".pyw": "python",
    ".js": "javascript",
    ".jsx": "javascript",
    ".mjs": "javascript",
    ".cjs": "javascript",
    ".ts": "typescript",
    ".mts": "typescript",
    ".cts": "typescript",
    ".tsx": "tsx",
    ".go": "go",
    ".md": "markdown",
    ".markdown": "markdown",
    ".ipynb": "notebook",
    ".pdf": "pdf",
}
# Of data only the beginning says what it is: names of columns, shape of a record.
_DATA = frozenset((".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".geojson", ".xml", ".log"))
_DATA_CHARS = 4000
_PROSE = frozenset(("", ".txt", ".rst", ".tex"))  # may have a paragraph per line
_MEAN_LINE = 500  # characters; code with longer lines was written by a machine
_COOKIE = re.compile(rb"\A(?:[^\n]*\n)?[ \t\f]*#[^\n]*?coding[:=][ \t]*([-\w.]+)")


def parse(path: str, data: bytes) -> Document:
    """Parse one file; `path` is relative to the project root.

    Raises nothing: broken syntax becomes plain text, and what is no text a document without
    units whose note says why.
    """
    suffix = PurePosixPath(path).suffix.lower()
    language = LANGUAGES.get(suffix, "text")
    if language == "pdf":
        from .pdf import parse_pdf

        return parse_pdf(path, data)
    if language == "notebook":
        return _parse_notebook(path, data)
    text = decode(data)
    if text is None:
        return Document(path, language, "", (), "binary")
    if suffix in _DATA:
        return _parse_data(path, suffix, text)
    if language == "markdown":
        from .markdown import parse_markdown

        return Document(path, language, text, parse_markdown(text))
    if suffix not in _PROSE and len(text) > _MEAN_LINE * (text.count("\n") + 1):
        return Document(path, language, text, (), "minified")
    if language == "text" or not text.strip():
        return Document(path, language, text, text_unit(text))
    return _parse_code(path, language, text)


def decode(data: bytes) -> str | None:
    """The text of a file with \\n line ends; None if it is binary.

    UTF-8, else what its byte order mark or coding line says, else Latin-1, which takes anything.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = data.decode("utf-16", "replace")
    elif b"\0" in data[:8192]:
        return None
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = _decode_legacy(data)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text


def _decode_legacy(data: bytes) -> str:
    cookie = _COOKIE.match(data[:400])
    try:
        text = data.decode(cookie[1].decode("ascii") if cookie else "latin-1")
        return text.encode("utf-8", "replace").decode("utf-8")  # some codecs give half surrogates
    except (LookupError, UnicodeError):
        return data.decode("latin-1")


def _parse_code(path: str, language: str, text: str) -> Document:
    note = ""
    if language == "python":
        from .python import parse_python

        try:
            return Document(path, language, text, parse_python(path, text))
        except SyntaxError as exc:
            note = f"syntax error in line {exc.lineno}" if exc.lineno else "syntax error"
    from .treesitter import parse_tree

    units, whole = parse_tree(path, language, text)
    return Document(path, language, text, units, "" if whole else note or "syntax error")


def _parse_notebook(path: str, data: bytes) -> Document:
    from .notebook import parse_notebook

    document = parse_notebook(path, data)
    if document is not None:
        return document
    # Half-written, or no notebook at all: what can be read of it, without the encoded images.
    lines = (decode(data) or "").split("\n")
    text = "\n".join(line for line in lines if len(line) <= _MEAN_LINE)
    return Document(path, "text", text, text_unit(text), "not a valid notebook, read as text")


def _parse_data(path: str, suffix: str, text: str) -> Document:
    head = text[:_DATA_CHARS]
    if len(head) < len(text):
        head = head[: head.rfind("\n") + 1] or head
    note = "only the beginning, it is data" if len(head) < len(text) else ""
    return Document(path, suffix[1:], text, text_unit(head), note)
