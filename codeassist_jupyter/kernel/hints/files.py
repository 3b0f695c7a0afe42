"""Errors of files and of what is read from them: the path that was meant, the byte, the place."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

from .. import exceptions
from ..describe import brief
from ..peek import instance_dict
from .closest import closest, edits
from .scene import Hint, Scene

_MOST = 3000  # entries of folders that are looked at
_DEPTH = 3
_SIGNATURES = {
    b"\x1f\x8b": ("gzip-compressed", ""),
    b"PK\x03\x04": ("a zip or Excel file", ""),
    b"\xff\xfe": ("UTF-16", "utf-16"),
    b"\xfe\xff": ("UTF-16", "utf-16"),
    b"PAR1": ("a Parquet file", ""),
    b"%PDF": ("a PDF", ""),
    b"\x89PNG": ("a PNG image", ""),
}


def missing(scene: Scene) -> Hint | None:
    """A file that is not there: the one with the closest name, or the same name elsewhere."""
    name = exceptions.field(scene.error, OSError, "filename")
    if type(name) is not str or not name or len(name) > 500 or "://" in name:
        return None
    path = Path(name)
    parent = path.parent
    if not parent.is_dir():
        return _missing_folder(scene, name, parent)
    files = [entry.name for entry in _entries(parent)]
    meant = closest(path.name, files) or _other_suffix(path.name, files)
    if meant is not None:
        return _found(scene, name, _joined(name, path.name, meant))
    return _elsewhere(scene, name, path)


def _joined(name: str, last: str, meant: str) -> str:
    return name[: len(name) - len(last)] + meant


def _other_suffix(last: str, files: list[str]) -> str | None:
    """The only file that is called the same but for its ending."""
    stem = Path(last).stem
    alike = [f for f in files if Path(f).stem == stem and f != last]
    return alike[0] if len(alike) == 1 and Path(last).suffix == "" else None


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return [entry for entry, _ in zip(found, range(_MOST), strict=False)]
    except OSError:
        return []


def _found(scene: Scene, name: str, meant: str) -> Hint:
    constants = [
        n
        for n in ast.walk(scene.cell_tree or ast.Module([], []))
        if isinstance(n, ast.Constant) and n.value == name
    ]
    mended = scene.rewritten((constants[0], repr(meant))) if len(constants) == 1 else ()
    return Hint(f"no file {name!r}; there is {meant!r}", mended, "file")


def _elsewhere(scene: Scene, name: str, path: Path) -> Hint | None:
    """The same file name in a folder nearby, or where the working folder is."""
    if path.is_absolute():
        return None
    here = Path.cwd()
    left = [_MOST]
    found = list(_named(here, path.name, _DEPTH, left))
    above = here.parent / name
    if not found and above.is_file():
        found = [above]
    if len(found) != 1:
        return Hint(f"no file {name!r} in the working folder {str(here)!r}", (), "file")
    return _found(scene, name, os.path.relpath(found[0], here))


def _named(folder: Path, name: str, depth: int, left: list[int]) -> Iterator[Path]:
    """Yield files of this name below a folder, as far as the count of entries allows."""
    entries = _entries(folder)
    left[0] -= len(entries)
    for entry in entries:
        if entry.name == name and entry.is_file():
            yield folder / name
    for entry in entries:
        hidden = entry.name.startswith((".", "__")) or entry.name == "node_modules"
        if depth and left[0] > 0 and not hidden and entry.is_dir(follow_symlinks=False):
            yield from _named(folder / entry.name, name, depth - 1, left)


def _missing_folder(scene: Scene, name: str, parent: Path) -> Hint | None:
    above, last = parent.parent, Path(name).name
    folders = [entry.name for entry in _entries(above) if entry.is_dir()]
    near = [f for f in folders if edits(f.lower(), parent.name.lower(), 1) <= 1]
    holding = [above / f / last for f in near if (above / f / last).is_file()]
    if len(holding) == 1:
        return _found(scene, name, str(holding[0]))
    return Hint(
        f"there is no folder {str(parent)!r} (the working folder is {str(Path.cwd())!r})",
        (),
        "file",
    )


def no_folder_to_save(scene: Scene) -> Hint | None:
    """pandas, asked to write into a folder that is not there."""
    told = re.search(r"non-existent directory: '([^']+)'", scene.message)
    if told is None:
        return None
    line = f"from pathlib import Path\n\nPath({told[1]!r}).mkdir(parents=True, exist_ok=True)"
    return Hint(f"the folder {told[1]!r} has to be made first", scene.prepended(line), "file")


def wrong_kind(scene: Scene) -> Hint | None:
    """A folder where a file was wanted, or no right to it."""
    name = exceptions.field(scene.error, OSError, "filename")
    if type(name) is not str:
        return None
    if "IsADirectoryError" in scene.kinds:
        inside = [entry.name for entry in _entries(Path(name)) if entry.is_file()][:5]
        holds = f"; it holds {', '.join(inside)}" if inside else ""
        return Hint(f"{name!r} is a folder{holds}", (), "file")
    if "PermissionError" in scene.kinds and Path(name).exists():
        what = "folder" if Path(name).is_dir() else "file"
        return Hint(f"the {what} {name!r} is there, but you may not use it so", (), "file")
    return None


def encoding(scene: Scene) -> Hint | None:
    """The byte that is not UTF-8, and the encoding in which the text is letters."""
    data = exceptions.field(scene.error, UnicodeDecodeError, "object")
    start = exceptions.field(scene.error, UnicodeDecodeError, "start")
    used = exceptions.field(scene.error, UnicodeDecodeError, "encoding")
    if type(data) is not bytes or type(start) is not int or type(used) is not str:
        return None
    if not 0 <= start < len(data):
        return None
    for signature, (what, name) in _SIGNATURES.items():
        if data.startswith(signature):
            mended = _encoded(scene, name) if name else ()
            return Hint(f"the data is {what}, not {used} text", mended, "encoding")
    near = data[max(start - 20, 0) : start + 20]
    place = f"byte 0x{data[start]:02x} at {start} is not {used}"
    try:
        text = " ".join(near.decode("cp1252").split())
    except UnicodeDecodeError:
        return Hint(place, (), "encoding")
    letter = bytes([data[start]]).decode("cp1252")
    if not (letter.isalpha() or letter in "€£°–—’‘“”…«»§©®") or not text.isprintable():
        return Hint(place, (), "encoding")
    return Hint(
        f"{place}; in cp1252 (Windows) it reads {brief(text)}",
        _encoded(scene, "cp1252"),
        "encoding",
    )


_READERS = re.compile(r"(^|\.)(open|read_csv|read_table|read_text|read_json)$")


def _encoded(scene: Scene, name: str) -> tuple[str, ...]:
    """The cell with the encoding given to what reads the file."""
    tree = scene.cell_tree
    calls = [
        n
        for n in (ast.walk(tree) if tree is not None else ())
        if isinstance(n, ast.Call) and _READERS.search(ast.unparse(n.func))
    ]
    if len(calls) != 1 or any(k.arg in ("encoding", None) for k in calls[0].keywords):
        return ()
    text = ast.get_source_segment(scene.source, calls[0]) or ""
    if not text.endswith(")"):
        return ()
    inner = text[:-1].rstrip().rstrip(",")
    given = bool(calls[0].args or calls[0].keywords)
    return scene.rewritten((calls[0], f'{inner}{", " if given else ""}encoding="{name}")'))


def json_place(scene: Scene) -> Hint | None:
    """Where a text stops being JSON, and what it is instead."""
    facts = instance_dict(scene.error)
    text, position = facts.get("doc"), facts.get("pos")
    if type(text) is not str or type(position) is not int:
        return None
    if not text.strip():
        return Hint("the text is empty, which is no JSON", (), "json")
    begin = text.lstrip()[:200].lower()
    if begin.startswith(("<!doctype", "<html", "<?xml")):
        return Hint(f"the text is {'XML' if begin[1] == '?' else 'HTML'}, not JSON", (), "json")
    near = f"{text[max(position - 25, 0) : position]}▸{text[position : position + 25]}"
    reason = _reason(text, position, scene.message)
    line, column = text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)
    return Hint(f"at line {line}, column {column}{reason}: {brief(near)}", (), "json")


def _reason(text: str, position: int, message: str) -> str:
    if text.startswith("\ufeff"):
        return ", a byte order mark: decode with utf-8-sig"
    if text[position : position + 1] == "'":
        return ", single quotes: this is Python's form (`ast.literal_eval`), not JSON"
    if message.startswith("Extra data") and text[position : position + 1] in "{[":
        return ", a second value begins: JSON lines are read line by line"
    before = text[:position].rstrip()
    if before.endswith(",") and text[position : position + 1] in "}]":
        return ", a comma before the end"
    return ""
