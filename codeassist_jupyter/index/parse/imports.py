"""Import statements as (local name, dotted target from the project root, line)."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from posixpath import dirname, join, normpath

from .document import module_name

Import = tuple[str, str, int]

_JS_IMPORT = re.compile(r"""^import\s+(?:type\s+)?(?:(.*?)\s*from\s*)?["']([^"']+)["']""", re.S)
_JS_REQUIRE = re.compile(
    r"""(?:const|let|var)\s+([\w$]+|\{[^{}]*\})\s*=\s*require\(\s*["']([^"']+)["']\s*\)"""
)


def python_package(path: str) -> list[str]:
    """The package whose modules `from . import x` in this file means."""
    names = module_name(path).split(".")
    return names if path.endswith("__init__.py") else names[:-1]


def from_ast(node: ast.Import | ast.ImportFrom, package: Sequence[str]) -> list[Import]:
    """What a Python import binds; relative ones start from `package`."""
    if isinstance(node, ast.Import):
        return [(a.asname or a.name, a.name, node.lineno) for a in node.names]
    base = list(package[: max(0, len(package) - node.level + 1)]) if node.level else []
    base += [node.module] if node.module else []
    return [(a.asname or a.name, ".".join([*base, a.name]), node.lineno) for a in node.names]


def python_imports(path: str, statement: str, line: int) -> list[Import]:
    """What one statement of a module that does not parse as a whole binds."""
    try:
        nodes = ast.parse(statement).body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return []
    package = python_package(path)
    return [
        (local, target, line)
        for node in nodes
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for local, target, _ in from_ast(node, package)
    ]


def js_imports(path: str, statement: str, line: int) -> list[Import]:
    """What an `import … from "…"` binds; one without names binds its module."""
    found = _JS_IMPORT.match(statement)
    if not found:
        return []
    module = _js_module(path, found[2])
    return _js_names(found[1] or "", module, line)


def js_require(path: str, text: str) -> list[Import]:
    """What the `const x = require("…")` in a whole file bind."""
    imports: list[Import] = []
    for found in _JS_REQUIRE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        names = found[1].replace(":", " as ") if found[1][0] == "{" else f"* as {found[1]}"
        imports += _js_names(names, _js_module(path, found[2]), line)
    return imports


def go_import(spec: str, line: int) -> list[Import]:
    """What one line of a Go import block binds."""
    found = re.match(r"""([\w.]+\s+)?["`]([^"`]+)["`]""", spec)
    if not found:
        return []
    return [((found[1] or found[2].rsplit("/", 1)[-1]).strip(), found[2].replace("/", "."), line)]


def _js_module(path: str, source: str) -> str:
    if source.startswith("."):
        source = normpath(join(dirname(path), source))
    return module_name(re.sub(r"\.(js|jsx|mjs|cjs|ts|tsx)$", "", source) + ".js")


def _js_names(clause: str, module: str, line: int) -> list[Import]:
    imports: list[Import] = []
    braces = re.search(r"\{(.*)\}", clause, re.S)
    for part in (braces[1] if braces else "").split(","):
        words = part.replace(" as ", " ").split()
        words = words[1:] if len(words) > 1 and words[0] == "type" else words
        if words:
            imports.append((words[-1], f"{module}.{words[0]}", line))
    for part in re.sub(r"\{.*\}", "", clause, flags=re.S).split(","):
        words = part.split()
        if words and words[0] == "*":
            imports.append((words[-1], module, line))
        elif words:  # the default export: usually the symbol of that name
            imports.append((words[0], f"{module}.{words[0]}", line))
    return imports or [(module, module, line)]
