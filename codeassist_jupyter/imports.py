"""Adds the imports that a model forgot, where the name leaves no doubt. Pure; runs nothing."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Container, Iterator

_MODULES = (
    *("asyncio", "collections", "csv", "functools", "glob", "gzip", "io", "itertools", "json"),
    *("logging", "math", "operator", "os", "random", "re", "shutil", "statistics", "string"),
    *("subprocess", "sys", "tempfile", "textwrap", "time", "warnings", "zipfile"),
)

# What a name means in nearly every notebook.
_MEANINGS = {
    **{name: f"import {name}" for name in _MODULES},
    "np": "import numpy as np",
    "pd": "import pandas as pd",
    "pl": "import polars as pl",
    "plt": "import matplotlib.pyplot as plt",
    "sns": "import seaborn as sns",
    "Path": "from pathlib import Path",
    "Counter": "from collections import Counter",
    "defaultdict": "from collections import defaultdict",
    "dataclass": "from dataclasses import dataclass",
    "timedelta": "from datetime import timedelta",
    "StringIO": "from io import StringIO",
}


def complete(code: str, known: Container[str]) -> str:
    """`code` with the imports it lacks put first; `known` are the names the kernel has.

    Code that does not parse is returned as it is.
    """
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError):  # magics, cut off, NUL
        return code
    bound = set(_bound(tree))
    used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id not in bound}
    lacking = sorted(
        _MEANINGS[name]
        for name in used
        if name in _MEANINGS and name not in known and not hasattr(builtins, name)
    )
    return "\n".join([*lacking, code])


def _bound(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                yield (alias.asname or alias.name).split(".")[0]
        elif isinstance(node, ast.MatchAs | ast.MatchStar) and node.name:
            yield node.name
