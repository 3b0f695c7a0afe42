"""Fetch packages with pip and lay out their sources for a suite, in a cache folder.

Tests, documents and examples are left out of code; of notebook packages only notebooks are kept.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import nbformat

CACHE = Path(os.environ.get("CODEASSIST_BENCH_CACHE", "~/.cache/codeassist-bench")).expanduser()

# Weights may be tuned on the development corpora only; a claim needs the held-out ones.
DEVELOPMENT = {"scikit-learn": "1.9.1", "django": "6.1", "pandas": "3.1.1"}
HELD_OUT = {"networkx": "3.5", "sqlalchemy": "2.0.44", "sympy": "1.14.0"}
NOTEBOOKS = {
    "holoviews": "1.23.2",
    "hvplot": "0.12.2",
    "sktime": "1.2.0",
    "gpytorch": "1.15.2",
    "datashader": "0.19.1",
}
# Its source package holds its changelog; those of the others are not to be had, or not without a
# compiler.
CHANGELOG = ("sktime", "docs/source/changelog.rst")
_LEFT_OUT = {"tests", "test", "testing", "docs", "doc", "examples", "benchmarks", "_vendored"}


def code(package: str, version: str, blanked: bool = True) -> Path:
    """The Python sources of a wheel; docstrings emptied, line numbers kept."""
    folder = CACHE / "corpora" / f"{package}-{version}{'-blanked' if blanked else ''}"
    if folder.is_dir():
        return folder
    fresh = _fresh(folder)
    with zipfile.ZipFile(_download(package, version, "--only-binary=:all:")) as wheel:
        for name in wheel.namelist():
            if not name.endswith(".py") or _LEFT_OUT & set(Path(name).parts):
                continue
            text = wheel.read(name).decode("utf-8", "replace")
            target = fresh / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(blank_docstrings(text) if blanked else text, encoding="utf-8")
    return fresh.rename(folder)


def notebooks() -> Path:
    """All notebooks of the notebook packages, below a folder for each package."""
    folder = CACHE / "corpora" / "notebooks"
    if folder.is_dir():
        return folder
    fresh = _fresh(folder)
    for package, version in NOTEBOOKS.items():
        with tarfile.open(_download(package, version, "--no-binary=:all:")) as sdist:
            for member in sdist:
                if member.isfile() and member.name.endswith(".ipynb"):
                    stream = sdist.extractfile(member)
                    target = fresh / package / Path(*Path(member.name).parts[1:])
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(_without_outputs(stream.read()) if stream else b"")
    return fresh.rename(folder)


def changelog() -> Path:
    """The changelog of CHANGELOG's package, as a file."""
    package, path = CHANGELOG
    version = NOTEBOOKS[package]
    file = CACHE / "corpora" / f"{package}-{version}-{Path(path).name}"
    if not file.exists():
        with tarfile.open(_download(package, version, "--no-binary=:all:")) as sdist:
            stream = sdist.extractfile(f"{package}-{version}/{path}")
            file.write_bytes(stream.read() if stream else b"")
    return file


def blank_docstrings(text: str) -> str:
    """Empty every docstring; all other lines stay where they are."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return text
    lines = text.encode().split(b"\n")
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            doc = node.body[0] if node.body else None
            if (
                isinstance(doc, ast.Expr)
                and isinstance(doc.value, ast.Constant)
                and isinstance(doc.value.value, str)
            ):
                first, last = doc.lineno - 1, (doc.end_lineno or doc.lineno) - 1
                rest = lines[last][doc.end_col_offset :]
                lines[first] = lines[first][: doc.col_offset] + b'""' + rest
                lines[first + 1 : last + 1] = [b""] * (last - first)
    return b"\n".join(lines).decode()


def _without_outputs(data: bytes) -> bytes:
    notebook = nbformat.reads(data.decode("utf-8", "replace"), as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    return nbformat.writes(notebook).encode()


def _download(package: str, version: str, kind: str) -> Path:
    """The wheel or sdist of one version, fetched once."""
    folder = CACHE / "packages"
    suffix = "whl" if "only-binary" in kind else "tar.gz"
    pattern = f"{package.replace('-', '_')}-{version}*.{suffix}"
    if not list(folder.glob(pattern)):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", kind]
        if "only-binary" in kind:
            command += ["--python-version", "3.13"]  # only read, never run
        subprocess.run([*command, f"{package}=={version}", "--dest", str(folder)], check=True)
    return next(folder.glob(pattern))


def _fresh(folder: Path) -> Path:
    fresh = folder.with_name(folder.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    return fresh
