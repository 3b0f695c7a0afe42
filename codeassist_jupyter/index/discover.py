"""Which files of a project may and should be indexed, and why not the others.

Looks at names, sizes and ignore files; of the files themselves it opens only the text half of a
notebook pair. Whoever reads a found file later asks `security.may_read` again: files are replaced.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import translate
from pathlib import Path

from pathspec import GitIgnoreSpec

from .. import config
from ..security.access import EXAMPLES, SECRET_FILES, SECRET_FOLDERS

MAX_BYTES = 1_000_000
# Notebooks are large because of their images, which are never kept.
MAX_BYTES_OF = {".ipynb": 256_000_000, ".pdf": 64_000_000}
MAX_FILES = 100_000

IGNORE_FILES = (".gitignore", ".codeassistignore")
_FOLDERS = frozenset(
    (
        *("node_modules", "bower_components", "site-packages", "__pycache__", "__pypackages__"),
        *("build", "dist", "htmlcov", "target"),
        *("venv", "virtualenv"),
    )
)
_LOCKFILES = frozenset(
    (
        *("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock"),
        *("poetry.lock", "uv.lock", "pdm.lock", "pipfile.lock", "pixi.lock", "conda-lock.yml"),
        *("cargo.lock", "go.sum", "composer.lock", "gemfile.lock", "flake.lock"),
    )
)
_GENERATED = re.compile(r"\.(min|bundle|chunk)\.(js|mjs|css)$|\.(js|css|mjs)\.map$")
_BINARY = frozenset(
    (
        *(".png", ".jpg", ".jpeg", ".gif", ".bmp", ".ico", ".webp", ".tif", ".tiff", ".svg"),
        *(".mp3", ".mp4", ".wav", ".ogg", ".flac", ".avi", ".mov", ".mkv", ".webm"),
        *(".zip", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar", ".tar", ".tgz", ".whl", ".jar"),
        *(".pyc", ".pyo", ".so", ".o", ".a", ".dll", ".dylib", ".exe", ".bin", ".wasm", ".class"),
        *(".parquet", ".feather", ".arrow", ".orc", ".avro", ".npy", ".npz", ".h5", ".hdf5"),
        *(".pkl", ".pickle", ".joblib", ".pt", ".pth", ".onnx", ".gguf", ".safetensors", ".ckpt"),
        *(".db", ".sqlite", ".sqlite3", ".duckdb", ".lance", ".mdb", ".sas7bdat", ".dta", ".rds"),
        *(".xls", ".xlsx", ".doc", ".docx", ".ppt", ".pptx", ".odt", ".ods", ".epub"),
        *(".ttf", ".otf", ".woff", ".woff2", ".eot"),
    )
)
# The names that security.may_read refuses, as one expression: it is asked of every file.
_SECRET = re.compile("|".join(map(translate, SECRET_FILES)))
_EXAMPLE = re.compile("|".join(map(translate, EXAMPLES)))
_PAIRED = frozenset((".py", ".md", ".rmd", ".qmd", ".r", ".jl"))


@dataclass(frozen=True, slots=True)
class Found:
    """A file to index; `path` is relative to the root, with forward slashes."""

    path: str
    size: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file or folder that is left out, and why; a folder's path ends with a slash."""

    path: str
    reason: str


class _Rules:
    """The ignore files that hold in one folder: its own, then those of the folders above."""

    def __init__(self, prefix: str, spec: GitIgnoreSpec, outer: _Rules | None) -> None:
        self._skip = len(prefix)
        self._spec = spec
        self._outer = outer
        # One expression that finds most paths innocent, so that few are tested one by one.
        regexes = (getattr(pattern, "regex", None) for pattern in spec.patterns)
        sources = [re.sub(r"\(\?P<\w+>", "(?:", r.pattern) for r in regexes if r is not None]
        self._any = re.compile("|".join(f"(?:{source})" for source in sources) or r"(?!)")

    def ignore(self, path: str) -> bool:
        """Tell whether a path is ignored; that of a folder ends with a slash."""
        rules: _Rules | None = self
        while rules is not None:
            inner = path[rules._skip :]
            if rules._any.search(inner):
                verdict = rules._spec.check_file(inner).include
                if verdict is not None:
                    return verdict
            rules = rules._outer
        return False


def find_root(start: Path) -> Path:
    """The project that `start` (a file or folder) belongs to: git, pyproject, else its folder.

    A home folder is no project, even if it is under version control.
    """
    start = start.expanduser().resolve()
    folder = start if start.is_dir() else start.parent
    too_high = {Path.home().resolve(), *Path.home().resolve().parents}
    candidates = [path for path in (folder, *folder.parents) if path not in too_high]
    for candidate in candidates:  # the nearest: a project within a repository is one of its own
        if any((candidate / mark).exists() for mark in (".git", "pyproject.toml")):
            return candidate
    return folder


def walk(root: Path) -> Iterator[Found | Skipped]:
    """Everything below `root`, files of a folder before its folders, each in order of names."""
    rules = _read_rules([root / ".git/info/exclude"], "", None)
    folders = [(root, "", rules)]
    own = config.home().resolve()
    count = 0
    while folders:
        folder, prefix, rules = folders.pop()
        if folder == own:  # our index, log and settings
            continue
        try:
            with os.scandir(folder) as entries:
                inside = sorted(entries, key=lambda entry: entry.name)
        except OSError as exc:
            yield Skipped(prefix or "./", f"unreadable: {exc.strerror}")
            continue
        names = {entry.name for entry in inside}
        if prefix and "pyvenv.cfg" in names:
            yield Skipped(prefix, "virtual environment")
            continue
        ignores = [folder / name for name in IGNORE_FILES if name in names]
        rules = _read_rules(ignores, prefix, rules) if ignores else rules
        below: list[tuple[Path, str, _Rules | None]] = []
        for entry in inside:
            item = _judge(entry, prefix, rules, names)
            if item is None:
                below.append((Path(entry.path), f"{prefix}{entry.name}/", rules))
                continue
            if isinstance(item, Found):
                count += 1
                if count > MAX_FILES:
                    yield Skipped("./", f"only the first {MAX_FILES:,} files are indexed")
                    return
            yield item
        folders += reversed(below)


def _read_rules(files: list[Path], prefix: str, outer: _Rules | None) -> _Rules | None:
    lines: list[str] = []
    for file in files:
        try:
            lines += file.read_bytes().decode("utf-8", "replace").splitlines()
        except OSError:
            continue
    patterns = [line for line in lines if _is_pattern(line)]
    return _Rules(prefix, GitIgnoreSpec.from_lines(patterns), outer) if patterns else outer


def _is_pattern(line: str) -> bool:
    """Git passes over a line that it cannot read; pathspec would raise."""
    if not line.strip() or line.startswith("#"):
        return False
    try:
        GitIgnoreSpec.from_lines([line])
    except (ValueError, re.error):
        return False
    return True


def _judge(
    entry: os.DirEntry[str], prefix: str, rules: _Rules | None, names: set[str]
) -> Found | Skipped | None:
    """What becomes of one entry; None for a folder to look into."""
    path = prefix + entry.name
    try:
        path.encode()
        info = entry.stat(follow_symlinks=False)
    except UnicodeEncodeError:
        return Skipped(path.encode("utf-8", "replace").decode(), "name is not UTF-8")
    except OSError as exc:
        return Skipped(path, f"unreadable: {exc.strerror}")
    if stat.S_ISLNK(info.st_mode):
        return Skipped(path, "symbolic link")
    if stat.S_ISDIR(info.st_mode):
        reason = folder_reason(entry.name)
        if not reason and rules and rules.ignore(f"{path}/"):
            reason = "ignored by an ignore file"
        return Skipped(f"{path}/", reason) if reason else None
    reason = _file_reason(entry, info, names)
    if not reason and rules and rules.ignore(path):
        reason = "ignored by an ignore file"
    if reason:
        return Skipped(path, reason)
    return Found(path, info.st_size, info.st_mtime_ns, info.st_ino)


def folder_reason(name: str) -> str:
    """Why a folder of this name is never looked into; "" if it is."""
    lower = name.lower()
    if lower in SECRET_FOLDERS and lower != ".git":
        return "may hold secrets"
    if lower in _FOLDERS or lower.endswith(".egg-info"):
        return "dependencies, caches or build products"
    # .github and .gitlab hold workflows that people ask about.
    if lower.startswith(".") and lower not in (".github", ".gitlab"):
        return "hidden folder"
    return ""


def _file_reason(entry: os.DirEntry[str], info: os.stat_result, names: set[str]) -> str:
    lower = entry.name.lower()
    suffix = os.path.splitext(lower)[1]  # noqa: PTH122 - a Path per file would cost most of the time
    if not stat.S_ISREG(info.st_mode):
        return "not a regular file"
    if _SECRET.match(lower) and not _EXAMPLE.match(lower):
        return "may hold secrets"
    if suffix in _BINARY:
        return "binary"
    if lower in _LOCKFILES:
        return "lock file"
    if _GENERATED.search(lower):
        return "generated"
    if info.st_size == 0:
        return "empty"
    limit = MAX_BYTES_OF.get(suffix, MAX_BYTES)
    if info.st_size > limit:
        return f"larger than {limit // 1_000_000} MB"
    notebook = entry.name[: -len(suffix)] + ".ipynb" if suffix else ""
    if suffix in _PAIRED and notebook in names and _is_jupytext(entry.path):
        return f"the same cells as {notebook}"
    return ""


def _is_jupytext(path: str) -> bool:
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            head = file.read(2048)
    except OSError:
        return False
    return b"jupytext:" in head or re.search(rb"^# %%", head, re.M) is not None
