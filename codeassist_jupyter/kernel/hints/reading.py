"""Tables and JSON that were read in another form than the file has.

Reads no more than the first 64 kB of a regular file, and only one that the failed cell names.
"""

from __future__ import annotations

import ast
import json
import os
import re
from pathlib import Path

from ..peek import instance_dict, loaded
from .closest import closest
from .rewrites import with_argument
from .scene import Hint, Scene

_HEAD = 64_000
_SEPARATORS = {";": '";"', "\t": r'"\t"', "|": '"|"'}


def _reader(scene: Scene, *names: str) -> ast.Call | None:
    """The only call in the cell of a function that reads files."""
    tree = scene.cell_tree
    calls = [n for n in (ast.walk(tree) if tree is not None else ()) if isinstance(n, ast.Call)]
    found = [c for c in calls if ast.unparse(c.func).split(".")[-1] in names and c.args]
    return found[0] if len(found) == 1 else None


def _head(scene: Scene, call: ast.Call) -> list[str]:
    """The first lines of the file that a call names; [] where it cannot be read as text."""
    try:
        name = scene.value(call.args[0])
    except LookupError:
        return []
    if type(name) not in (str, type(Path())) or (type(name) is str and "://" in name):
        return []
    try:
        path = Path(name)
        if not path.is_file():
            return []
        with path.open("rb") as file:
            data = file.read(_HEAD)
            is_whole = len(data) == os.fstat(file.fileno()).st_size
        lines = data.decode("utf-8-sig").splitlines()
    except (OSError, ValueError):
        return []
    return lines if is_whole else lines[:-1]


def _given(call: ast.Call) -> dict[str | None, ast.expr]:
    return {keyword.arg: keyword.value for keyword in call.keywords}


def _with(scene: Scene, call: ast.Call, argument: str) -> tuple[str, ...]:
    text = ast.get_source_segment(scene.source, call) or ""
    return scene.rewritten((call, with_argument(text, argument))) if text else ()


def separator(scene: Scene) -> Hint | None:
    """A table of one column, whose name holds the names of all."""
    label = scene.arguments[0] if len(scene.arguments) == 1 else None
    kind = loaded("pandas", "DataFrame")
    frames = [v for v in scene.library_values("self", "obj") if type(v) is kind]
    if type(label) is not str or not frames:
        return None
    names = frames[-1].columns[:2].tolist()
    if len(names) != 1 or type(names[0]) is not str:
        return None
    call = _reader(scene, "read_csv")
    free = call if call and not {"sep", "delimiter", "comment", None} & set(_given(call)) else None
    if names[0].startswith("#") and free is not None:
        return _comments(scene, free, label)
    found = [s for s in _SEPARATORS if s in names[0]]
    parts = [part.strip(" \"'") for part in names[0].split(found[0])] if len(found) == 1 else []
    if label not in parts:
        return None
    spelt = _SEPARATORS[found[0]]
    edits = _with(scene, free, f"sep={spelt}") if free is not None else ()
    return Hint(f"the table has one column {names[0]!r}: read it with `sep={spelt}`", edits, "read")


def _comments(scene: Scene, call: ast.Call, label: str) -> Hint | None:
    """Lines of comments before the header."""
    lines = [line for line in _head(scene, call) if not line.startswith("#")]
    if label and (not lines or label not in [part.strip(' "') for part in lines[0].split(",")]):
        return None
    text = 'the file begins with comments: `comment="#"` leaves them out'
    return Hint(text, _with(scene, call, 'comment="#"'), "read")


def tokens(scene: Scene) -> Hint | None:
    """Rows of more fields than the first line, which is a comment."""
    call = _reader(scene, "read_csv")
    if "Error tokenizing data" not in scene.message or call is None:
        return None
    lines = _head(scene, call)
    if not lines or not lines[0].startswith("#") or {"comment", "sep", None} & set(_given(call)):
        return None
    counts = {line.count(",") for line in lines[:200] if line.strip() and not line.startswith("#")}
    return _comments(scene, call, "") if len(counts) == 1 else None


def header(scene: Scene) -> Hint | None:
    """A column that `read_csv` was to find and that the file's first line does not have."""
    told = re.search(
        r"(?:Missing column provided to 'parse_dates'|columns expected but not found): "
        r"\[?'([^',]+)'\]?$|^Index (.+) invalid$",
        scene.message,
    )
    call = _reader(scene, "read_csv", "read_table")
    if told is None or call is None or {"names", "header", "skiprows", None} & set(_given(call)):
        return None
    lines, name = _head(scene, call), told[1] or told[2]
    sep = _given(call).get("sep") or _given(call).get("delimiter") or ast.Constant(",")
    if not lines or not isinstance(sep, ast.Constant) or type(sep.value) is not str:
        return None
    known = [part.strip('"') for part in lines[0].split(sep.value or ",")][:2000]
    meant = closest(name, known) if name not in known else None
    if meant is None:
        return None
    constants = [n for n in ast.walk(call) if isinstance(n, ast.Constant) and n.value == name]
    edits = scene.rewritten(*((n, repr(meant)) for n in constants)) if constants else ()
    return Hint(f"the file has no column {name!r}; the closest is {meant!r}", edits, "read")


def json_lines(scene: Scene) -> Hint | None:
    """A JSON value in each line, read as if it were one value."""
    text = instance_dict(scene.error).get("doc")
    if type(text) is not str or not scene.message.startswith("Extra data"):
        return None
    if len(text) > 1_000_000 or not _are_json([t for t in text.splitlines() if t.strip()]):
        return None
    call = _reader(scene, "load", "loads")
    if call is None or len(call.args) != 1 or call.keywords:
        return None
    function = ast.unparse(call.func)
    given = ast.get_source_segment(scene.source, call.args[0]) or ast.unparse(call.args[0])
    if function.endswith("loads"):
        lines = f"{given}.splitlines()"
    elif "." in function:
        lines, function = given, f"{function}s"
    else:
        return None
    new = f"[{function}(line) for line in {lines} if line.strip()]"
    return Hint(
        "a second value begins: each line holds one of its own",
        scene.rewritten((call, new)),
        "json",
    )


def frame_of_json_lines(scene: Scene) -> Hint | None:
    """The same, by pandas."""
    call = _reader(scene, "read_json")
    if "Trailing data" not in scene.message or call is None or "lines" in _given(call):
        return None
    lines = [line for line in _head(scene, call) if line.strip()]
    if len(lines) < 2 or not _are_json(lines):
        return None
    text = "each line holds a JSON value of its own: `lines=True`"
    return Hint(text, _with(scene, call, "lines=True"), "json")


def _are_json(lines: list[str]) -> bool:
    try:
        return all(type(json.loads(line)) in (dict, list) for line in lines) and len(lines) > 1
    except (ValueError, RecursionError):
        return False


def byte_order_mark(scene: Scene) -> Hint | None:
    """A text that begins with a byte order mark."""
    call = _reader(scene, "open")
    if "Unexpected UTF-8 BOM" not in scene.message or call is None:
        return None
    encoding = _given(call).get("encoding")
    if encoding is None:
        edits = _with(scene, call, 'encoding="utf-8-sig"')
    elif isinstance(encoding, ast.Constant):
        edits = scene.rewritten((encoding, '"utf-8-sig"'))
    else:
        edits = ()
    return Hint("the file begins with a byte order mark: decode with utf-8-sig", edits, "encoding")


def spaced_column(scene: Scene) -> Hint | None:
    """`query` with a column whose name has spaces and no back-ticks."""
    call = scene.node if isinstance(scene.node, ast.Call) else None
    frames = [v for v in scene.library_values("self") if type(v) is loaded("pandas", "DataFrame")]
    if call is None or not frames or not call.args or not isinstance(call.args[0], ast.Constant):
        return None
    query = call.args[0].value
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if name not in ("query", "eval") or type(query) is not str or "`" in query:
        return None
    labels = [c for c in frames[0].columns[:500].tolist() if type(c) is str and " " in c.strip()]
    used = [c for c in labels if re.search(rf"(?<!\w){re.escape(c)}(?!\w)", query)]
    if not used or any(a != b and a in b for a in used for b in used):
        return None
    for label in used:
        query = re.sub(rf"(?<!\w){re.escape(label)}(?!\w)", f"`{label}`", query)
    text = f"a column with a space wants back-ticks in `{name}`: {', '.join(map(repr, used[:3]))}"
    return Hint(text, scene.replaced((call.args[0], repr(query))), "key")


def level(scene: Scene) -> Hint | None:
    """A label that is the name of the index, not of a column."""
    node = scene.node
    label = scene.arguments[0] if len(scene.arguments) == 1 else None
    if not isinstance(node, ast.Subscript) or not isinstance(node.ctx, ast.Load):
        return None
    if type(label) is not str or not isinstance(node.slice, ast.Constant | ast.List):
        return None
    try:
        frame = scene.value(node.value)
    except LookupError:
        return None
    if type(frame) is not loaded("pandas", "DataFrame"):
        return None
    names = [n for n in list(frame.index.names) if type(n) is str]
    labels = [c for c in frame.columns.tolist() if type(c) is str]
    if names.count(label) != 1 or set(names) & set(labels):
        return None
    new = f"{scene.text(node.value)}.reset_index()"
    text = f"{label!r} is the index of `{ast.unparse(node.value)}`; `reset_index()` makes a column"
    return Hint(f"{text} of it", scene.replaced((node.value, new)), "key")
