"""Refreshing an index: what changed, what stays, and what survives a kill."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
import tiny_encoder

from codeassist_jupyter.errors import IndexBusy
from codeassist_jupyter.index import build
from codeassist_jupyter.index.project import Index
from codeassist_jupyter.retrieval.search import search

CLEAN = '''"""Tidy tables."""


def normalize_names(table):
    """Strip and lower the column names."""
    return table.rename(columns=str.lower)


def drop_empty(table):
    """Remove rows without any value."""
    return table.dropna(how="all")
'''


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "etl").mkdir(parents=True)
    (root / "etl" / "clean.py").write_text(CLEAN)
    (root / "notes.md").write_text("# Dates\n\nHow we parse dates.\n\n# Charts\n\nHow we draw.\n")
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("# Load the sales", id="head"),
            nbformat.v4.new_code_cell("sales = ingest('sales.csv')", id="load"),
            nbformat.v4.new_code_cell("sales.groupby('region').sum()", id="group"),
        ]
    )
    nbformat.write(notebook, root / "eda.ipynb")
    return root


@pytest.fixture
def index(tmp_path: Path, root: Path) -> Iterator[Index]:
    index = Index.open(tmp_path / "index", root, [tiny_encoder.make(tmp_path / "tiny")])
    yield index
    index.close()


def names(index: Index, query: str) -> list[str]:
    return [hit.chunk.name for hit in search(index, query).hits]


def numbers(index: Index, path: str) -> dict[str, int]:
    return {entry.name: entry.no for entry in index.roster.of_path(path)}


def test_first_refresh_finds_functions_cells_and_sections(index: Index) -> None:
    report = build.refresh(index)
    assert (report.found, report.changed, report.cancelled) == (3, 3, False)
    assert names(index, "lower the column names")[0] == "normalize_names"
    cell = search(index, "group sales by region").hits[0].chunk
    assert (cell.path, cell.cell, cell.cell_id) == ("eda.ipynb", 2, "group")
    assert search(index, "how we parse dates").hits[0].chunk.path == "notes.md"


def test_second_refresh_reads_nothing(index: Index) -> None:
    build.refresh(index)
    assert build.refresh(index).changed == 0


def test_touched_file_is_read_but_not_written(index: Index, root: Path) -> None:
    build.refresh(index)
    os.utime(root / "notes.md", ns=(1, 1))
    generation = index.manifest.generation
    assert build.refresh(index).changed == 0
    assert index.manifest.files()["notes.md"].mtime_ns == 1
    assert index.manifest.generation == generation


def test_edit_add_rename_and_delete(index: Index, root: Path) -> None:
    build.refresh(index)
    before = numbers(index, "etl/clean.py")
    text = CLEAN.replace("dropna(how=", "dropna(axis=0, how=").replace('"""Tidy', '\n"""Tidy')
    (root / "etl" / "clean.py").write_text(text)
    (root / "new.py").write_text("def quantum_leap():\n    return 42\n")
    (root / "notes.md").rename(root / "guide.md")
    (root / "eda.ipynb").unlink()
    report = build.refresh(index)
    assert (report.changed, report.removed) == (3, 2)

    after = numbers(index, "etl/clean.py")
    assert after["normalize_names"] == before["normalize_names"]  # moved down by a line only
    assert after["drop_empty"] != before["drop_empty"]
    (hit, *_) = search(index, "normalize_names").hits
    assert hit.chunk.start_line == 5
    assert names(index, "quantum_leap") == ["quantum_leap"]
    assert search(index, "parse dates").hits[0].chunk.path == "guide.md"
    assert not [h for h in search(index, "sales region").hits if h.chunk.path == "eda.ipynb"]


def test_edit_of_one_unit_embeds_one_text(index: Index, root: Path) -> None:
    build.refresh(index)
    assert build.embed_pending(index) == len(index.roster.texts())
    assert build.embed_pending(index) == 0
    (root / "etl" / "clean.py").write_text(CLEAN.replace("def drop_empty(", "def drop_blank("))
    build.refresh(index)
    assert build.embed_pending(index) == 1


def test_vectors_survive_reopening_and_a_branch_switch(
    index: Index, tmp_path: Path, root: Path
) -> None:
    build.refresh(index)
    build.embed_pending(index)
    (root / "etl" / "clean.py").rename(tmp_path / "aside.py")
    build.refresh(index)
    (tmp_path / "aside.py").rename(root / "etl" / "clean.py")
    build.refresh(index)
    assert build.embed_pending(index) == 0
    index.close()
    again = Index.open(index.folder, root, [index.tiers[0].encoder])
    assert build.embed_pending(again) == 0
    assert again.status().pending == {"tiny": 0}
    again.close()


def test_two_encoders_fill_up_one_after_the_other(tmp_path: Path, root: Path) -> None:
    encoders = [tiny_encoder.make(tmp_path / name, name) for name in ("fast", "slow")]
    index = Index.open(tmp_path / "index", root, encoders)
    build.refresh(index)
    stop = threading.Event()
    seen: list[str] = []

    def watch(done: int, total: int, name: str) -> None:
        seen.append(name)
        stop.set()

    build.embed_pending(index, watch, stop)
    assert seen == ["fast"]
    pending = index.status().pending
    assert pending["fast"] == 0 < pending["slow"]
    build.embed_pending(index, watch)
    assert index.status().pending == {"fast": 0, "slow": 0}
    index.close()


def test_new_cell_is_found_by_meaning_before_the_slow_encoder_reads_it(
    tmp_path: Path, root: Path
) -> None:
    encoders = [tiny_encoder.make(tmp_path / name, name) for name in ("fast", "slow")]
    index = Index.open(tmp_path / "index", root, encoders)
    build.refresh(index)
    build.embed_pending(index)
    (root / "notes.md").unlink()  # its vectors stay behind, and must not stand for the cell's
    build.refresh(index)
    index.put_cell("eda.ipynb", "new", "x = 1", cell=3, heading="Draw a chart")
    assert search(index, "plot figure").hits[0].chunk.cell_id == "new"
    index.close()


def test_cancelled_refresh_keeps_finished_batches(
    index: Index, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "_BATCH_FILES", 1)
    cancel = threading.Event()
    report = build.refresh(index, lambda done, total, path: cancel.set(), cancel)
    assert report.cancelled
    assert report.changed == 1
    assert index.status().age_s is None
    assert build.refresh(index).changed == 2


def test_file_that_vanishes_is_skipped_with_its_reason(index: Index, root: Path) -> None:
    (root / "ghost.py").write_text("def ghost(): ...\n")
    build.refresh(index)
    (root / "ghost.py").write_text("def ghost(): return 1\n")

    def vanish(done: int, total: int, path: str) -> None:
        (root / "zz.py").unlink(missing_ok=True)

    (root / "zz.py").write_text("x = 1\n")
    report = build.refresh(index, vanish)
    assert report.changed == 1
    assert ("zz.py", "cannot be read: No such file or directory") in index.status().skipped


def test_status_tells_what_is_there(index: Index, root: Path) -> None:
    build.refresh(index)
    status = index.status()
    assert (status.files, status.root) == (3, str(root))
    assert status.chunks == len(index.roster) > 3
    assert status.lines > 10
    assert status.size > 1000
    assert status.age_s is not None
    assert status.pending == {"tiny": len(index.roster.texts())}


def test_open_index_is_busy_for_others(index: Index, root: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from codeassist_jupyter.errors import IndexBusy\n"
        "from codeassist_jupyter.index.project import Index\n"
        "try: Index.open(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        "except IndexBusy: sys.exit(42)\n"
    )
    command = [sys.executable, "-c", code, str(index.folder), str(root)]
    assert subprocess.run(command, check=False).returncode == 42
    assert issubclass(IndexBusy, Exception)
    build.refresh(index)  # and it did no harm


@pytest.mark.parametrize("damage", ["meta.duckdb", "tantivy/meta.json", "version", "documents"])
def test_damaged_index_is_rebuilt_with_a_message(tmp_path: Path, root: Path, damage: str) -> None:
    folder = tmp_path / "index"
    index = Index.open(folder, root)
    build.refresh(index)
    chunks = len(index.roster)
    if damage == "version":
        index.manifest.set_meta(version="0")
    if damage == "documents":
        index.lexical.change([index.roster.of_path("notes.md")[0].no], {})
    index.close()
    if (folder / damage).exists():
        (folder / damage).write_bytes(b"damaged" * 2000)
    index = Index.open(folder, root)
    assert "built anew" in index.message
    assert len(index.roster) == 0
    build.refresh(index)
    assert len(index.roster) == chunks
    index.close()


def test_damaged_vectors_are_computed_anew(index: Index, root: Path) -> None:
    build.refresh(index)
    build.embed_pending(index)
    index.close()
    for manifest in (index.folder / "vectors-tiny.lance" / "_versions").iterdir():
        manifest.write_bytes(b"damaged")
    again = Index.open(index.folder, root, [index.tiers[0].encoder])
    assert build.embed_pending(again) == len(again.roster.texts())
    assert "computed anew" in again.message
    again.close()


_FILL_THE_DISK = """
import resource, signal, sys
from pathlib import Path
import tiny_encoder
from codeassist_jupyter.errors import IndexFailed
from codeassist_jupyter.index import build
from codeassist_jupyter.index.project import Index
folder, root, limit = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
index = Index.open(folder, root, [tiny_encoder.make(folder.with_name("tiny"))])
build.refresh(index)
build.embed_pending(index)
for n in range(20):
    functions = (f"def work_{n}_{k}():\\n    return {n * k}\\n" for k in range(60))
    (root / f"m{n}.py").write_text("\\n".join(functions))
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
try:
    build.refresh(index)
    build.embed_pending(index)
except IndexFailed as exc:
    assert "the disk is full" in exc.message, exc.message
    assert "Free some space" in exc.hint
    print("full")
assert index.find_symbol("normalize_names")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
build.refresh(index)
build.embed_pending(index)
assert len(index.roster) == index.lexical.size
index.close()
"""


@pytest.mark.parametrize("limit", [5_000, 60_000])
def test_a_full_disk_is_told_and_room_is_all_it_takes(
    tmp_path: Path, root: Path, limit: int
) -> None:
    folder = tmp_path / "index"
    done = subprocess.run(
        [sys.executable, "-c", _FILL_THE_DISK, str(folder), str(root), str(limit)],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "full\n"
    index = Index.open(folder, root, [tiny_encoder.make(tmp_path / "tiny")])
    assert index.message == "", "nothing had to be thrown away"
    assert build.refresh(index).changed == 0
    assert build.embed_pending(index) == 0
    for name in ("normalize_names", "work_0_0", "work_19_59"):
        assert names(index, name).count(name) == 1
    index.close()


_REFRESH_FOREVER = """
import sys
from pathlib import Path
from codeassist_jupyter.index import build
from codeassist_jupyter.index.project import Index
folder, root = map(Path, sys.argv[1:3])
index = Index.open(folder, root)
print("open", index.message, flush=True)
build._BATCH_FILES = 2
turn = 0
while True:
    turn += 1
    for n in range(8):
        (root / f"m{n}.py").write_text(f"def work_{n}():\\n    return {turn}\\n")
    build.refresh(index)
    print("durable", turn, flush=True)
"""


def test_kill_during_refresh_loses_and_doubles_nothing(tmp_path: Path) -> None:
    root, folder = tmp_path / "project", tmp_path / "index"
    root.mkdir()
    chance = random.Random(1)
    for _ in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", _REFRESH_FOREVER, str(folder), str(root)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "open"  # nothing had to be rebuilt
        process.stdout.readline()
        time.sleep(chance.uniform(0.0, 0.15))
        process.send_signal(signal.SIGKILL)
        process.stdout.close()
        process.wait()
    index = Index.open(folder, root)
    assert index.message == ""
    build.refresh(index)
    found = sorted((e.path, e.name) for e in map(index.roster.get, range(10**4)) if e)
    assert found == [(f"m{n}.py", f"work_{n}") for n in range(8)]
    for n in range(8):
        turn = (root / f"m{n}.py").read_text().split()[-1]
        (hit,) = search(index, f"work_{n}").hits[:1]
        assert hit.chunk.text.split()[-1] == turn
    assert index.lexical.size == 8
    index.close()
