"""The index behind the host's socket: progress, search, open cells, graph, verify, recovery."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
import tiny_encoder

from codeassist_jupyter import config
from codeassist_jupyter.errors import CodeAssistError, UsageError
from codeassist_jupyter.host import launcher
from codeassist_jupyter.host.client import HostClient
from codeassist_jupyter.host.index_client import Found, IndexClient
from codeassist_jupyter.host.projects import Project, Projects, folder_of, open_encoders
from codeassist_jupyter.models import catalogue
from codeassist_jupyter.project import Project as AskingProject
from codeassist_jupyter.retrieval.search import search
from codeassist_jupyter.types import Chunk, Context

CLEAN = '''"""Uniform names."""

from etl.load import read_table


def normalize_names(table):
    """Strip blanks around every customer name."""
    return table.strip()


class Cleaner:
    def clean(self, path):
        return normalize_names(read_table(path))
'''
LOAD = '''def read_table(path):
    """Open one export of the shop."""
    return open(path)
'''


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data folder of a host without any model; shared, as starting one takes time."""
    home = tmp_path_factory.mktemp("index-home")
    yield home
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CODEASSIST_HOME", str(home))
        launcher.stop_host(patience_s=10.0)
        shutil.rmtree(config.runtime_dir(), ignore_errors=True)


@pytest.fixture
def client(
    home: Path, codeassist_home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[HostClient]:
    monkeypatch.setenv("CODEASSIST_HOME", str(home))
    monkeypatch.setenv("CODEASSIST_MODELS_DIR", str(home / "models"))
    monkeypatch.setenv("CODEASSIST_STALL_TIMEOUT_S", "20")
    client = HostClient(config.load())
    yield client
    client.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small project: two modules and a notebook."""
    root = tmp_path / "shop"
    (root / "etl").mkdir(parents=True)
    (root / "pyproject.toml").write_text("[project]\nname = 'shop'\n")
    (root / "etl" / "clean.py").write_text(CLEAN)
    (root / "etl" / "load.py").write_text(LOAD)
    (root / "logo.png").write_bytes(b"\x89PNG")
    save(root / "eda.ipynb", "orders = read_table('orders.csv')", "orders.groupby('region').sum()")
    return root


@pytest.fixture
def index(client: HostClient, root: Path) -> IndexClient:
    return IndexClient(client, str(root))


def save(path: Path, *sources: str) -> None:
    """Write a notebook whose cells are called c0, c1 …, as Jupyter does: by rename."""
    cells = [nbformat.v4.new_code_cell(text, id=f"c{n}") for n, text in enumerate(sources)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path.with_suffix(".part"))
    path.with_suffix(".part").replace(path)


def texts(found: Found) -> list[str]:
    return [hit.chunk.text for hit in found.hits]


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def chunk_of(index: IndexClient, query: str) -> Chunk:
    return index.search(query, wait_s=20).hits[0].chunk


def test_progress_ends_with_the_status(index: IndexClient, root: Path) -> None:
    *progress, last = index.refresh()
    assert progress
    assert all(set(item) == {"stage", "done", "total"} for item in progress)
    status = last["status"]
    assert status["root"] == str(root)
    assert (status["files"], status["failure"], status["message"]) == (4, "", "")
    assert ["logo.png", "binary"] in status["skipped"]
    assert status["size"] > 0
    assert status["age_s"] is not None
    assert index.status()["files"] == 4


def test_search_waits_for_the_first_build_and_words_alone_work(index: IndexClient) -> None:
    found = index.search("normalize_names", wait_s=20)
    assert found.confident
    assert found.hits[0].chunk.path == "etl/clean.py"
    assert found.hits[0].chunk.name == "normalize_names"
    assert index.search("strip blanks around every customer name").confident
    assert not index.search("rotate the encryption keys of the vault").confident
    assert index.status()["pending"] == {}, "there is no encoder"


def test_a_file_or_subfolder_of_a_project_means_the_project(
    client: HostClient, index: IndexClient, root: Path
) -> None:
    for start in (root / "etl", root / "etl" / "clean.py"):
        found = IndexClient(client, str(start)).search("normalize_names", wait_s=20)
        assert found.root == str(root)
        assert found.hits[0].chunk.path == "etl/clean.py"


def test_a_saved_file_is_found_and_a_deleted_one_is_not(index: IndexClient, root: Path) -> None:
    assert index.search("normalize_names", wait_s=20).confident
    (root / "etl" / "export.py").write_text("def write_parquet(table):\n    return table\n")
    until(lambda: index.search("write_parquet").confident)
    (root / "etl" / "export.py").unlink()
    until(lambda: not index.search("write_parquet").confident)


def test_refresh_reads_what_is_on_disk_when_it_is_asked(index: IndexClient, root: Path) -> None:
    list(index.refresh())
    for n in range(5):
        (root / "new.py").write_text(f"def brand_new_{n}():\n    pass\n")
        list(index.refresh())
        assert index.search(f"brand_new_{n}").confident


def test_an_open_cell_is_searchable_at_once_and_hides_its_saved_form(
    index: IndexClient, root: Path
) -> None:
    assert "orders.groupby('region').sum()" in texts(index.search("orders region", wait_s=20))
    index.put_cells(str(root / "eda.ipynb"), [{"id": "c1", "source": "orders.pivot('region')"}])
    found = texts(index.search("orders region"))
    assert "orders.pivot('region')" in found
    assert "orders.groupby('region').sum()" not in found
    assert index.status()["open_cells"] == 1
    index.put_cells("Untitled.ipynb", [{"id": "x", "source": "churn_rate = 1", "cell": 3}])
    chunk = chunk_of(index, "churn_rate")
    assert (chunk.path, chunk.cell, chunk.cell_id) == ("Untitled.ipynb", 3, "x")


def test_a_linked_path_to_the_notebook_means_the_notebook(
    index: IndexClient, root: Path, tmp_path: Path
) -> None:
    list(index.refresh())
    (tmp_path / "link").symlink_to(root)
    index.put_cells(str(tmp_path / "link" / "eda.ipynb"), [{"id": "c1", "source": "orders.x()"}])
    assert "orders.groupby('region').sum()" not in texts(index.search("orders region"))


def test_a_save_takes_the_place_of_the_open_cells(index: IndexClient, root: Path) -> None:
    list(index.refresh())
    path = str(root / "eda.ipynb")
    index.put_cells(path, [{"id": "c1", "source": "orders.pivot('region')"}])
    time.sleep(0.02)  # the clock of file times is coarse
    save(root / "eda.ipynb", "orders = 1", "orders.melt('region')")
    list(index.refresh())
    assert "orders.melt('region')" in texts(index.search("orders region"))
    assert index.status()["open_cells"] == 0


def test_a_kernel_that_begins_anew_replaces_its_cells(index: IndexClient) -> None:
    index.put_cells("a.ipynb", [{"id": "1", "source": "alpha_one = 1"}])
    index.put_cells("b.ipynb", [{"id": "1", "source": "beta_one = 1"}])
    index.put_cells("a.ipynb", [{"id": "2", "source": "alpha_two = 2"}], whole=True)
    assert not index.search("alpha_one").confident
    assert index.search("alpha_two").confident
    assert index.search("beta_one").confident


def test_graph_names_definition_callers_callees_and_uses(index: IndexClient) -> None:
    graph = index.graph("normalize_names", wait_s=20)
    (definition,) = graph["definitions"]
    assert definition["target"] == "etl.clean.normalize_names"
    assert (definition["path"], definition["line"]) == ("etl/clean.py", 6)
    assert [edge["source"] for edge in graph["callers"]] == ["etl.clean.Cleaner.clean"]
    callees = {edge["target"] for edge in index.graph("clean")["callees"]}
    assert {"etl.clean.normalize_names", "etl.load.read_table"} <= callees
    assert [edge["source"] for edge in index.graph("read_table")["uses"]] == ["etl.clean"]
    nothing = index.graph("no_such_name")
    assert not any(nothing[key] for key in ("definitions", "callers", "callees", "uses"))


def test_what_stands_around_the_hits_comes_when_asked_for(index: IndexClient, root: Path) -> None:
    found = index.search("normalize_names", wait_s=20, around=True)
    assert found.related == "etl/load.py:1 def read_table(path)  (called by Cleaner.clean)"
    assert found.overview == ""
    assert index.search("normalize_names").related == ""
    (root / "etl" / "load.py").write_text(LOAD.replace("(path):", "(path, sep):"))
    list(index.refresh())
    assert "def read_table(path, sep)" in index.search("normalize_names", around=True).related


def test_sources_come_with_notes_and_a_strange_question_with_nothing(
    client: HostClient, index: IndexClient, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(index.refresh())
    monkeypatch.chdir(root)
    sure = AskingProject(client).retrieve("strip blanks around every customer name")
    assert sure.hits
    assert [label for label, _ in sure.attachments] == ["near the sources, in the same project"]
    whole = AskingProject(client).retrieve("What does this project do?")
    (overview,) = [text for label, text in whole.attachments if "map" in label]
    assert "etl/load.py:1 def read_table(path)" in overview
    strange = AskingProject(client).retrieve("rotate the encryption keys of the vault")
    assert strange == Context()


def test_verify_reads_a_file_again(index: IndexClient, root: Path) -> None:
    chunk = chunk_of(index, "normalize_names")
    path = root / "etl" / "clean.py"
    assert index.verify([chunk]) == ["verified"]
    path.write_text("# a new first line\n" + CLEAN)
    assert index.verify([chunk]) == ["moved"]
    path.write_text(CLEAN.replace("table.strip()", "table.lower()"))
    assert index.verify([chunk]) == ["changed"]
    path.unlink()
    assert index.verify([chunk, chunk]) == ["gone", "gone"]


def test_verify_reads_a_cell_again_saved_or_open(index: IndexClient, root: Path) -> None:
    chunk = chunk_of(index, "orders groupby region")
    assert (chunk.path, chunk.cell, chunk.cell_id) == ("eda.ipynb", 1, "c1")
    assert index.verify([chunk]) == ["verified"]
    path = str(root / "eda.ipynb")
    index.put_cells(path, [{"id": "c1", "source": "orders.head()"}])
    assert index.verify([chunk]) == ["changed"]
    index.put_cells(path, [{"id": "c1", "source": chunk.text}])
    assert index.verify([chunk]) == ["verified"]
    index.put_cells(path, [], whole=True)
    save(root / "eda.ipynb", "orders = read_table('orders.csv')", "one = 1", chunk.text)
    assert index.verify([chunk]) == ["moved"]
    save(root / "eda.ipynb", "orders = read_table('orders.csv')", "orders.tail()")
    assert index.verify([chunk]) == ["changed"]


def test_an_unsaved_cell_can_be_cited(index: IndexClient) -> None:
    index.put_cells("kernel-1.ipynb", [{"id": "x", "source": "forecast_horizon = 12"}])
    assert index.verify([chunk_of(index, "forecast_horizon")]) == ["verified"]


def test_a_part_of_one_long_line_is_verified(index: IndexClient, root: Path) -> None:
    sentences = (f"Sentence {n} says something about zebras." for n in range(300))
    (root / "long.md").write_text(" ".join(sentences))
    list(index.refresh())
    chunk = chunk_of(index, "sentence 250 zebras")
    assert len(chunk.text) < 6000
    assert index.verify([chunk]) == ["verified"]


@pytest.mark.parametrize("path", ["../outside.py", "/etc/passwd", ".env", "etl", "\0", "x" * 999])
def test_verify_reads_nothing_that_may_not_be_read(
    index: IndexClient, root: Path, path: str
) -> None:
    for name in ("../outside.py", ".env"):
        (root / name).write_text("secret = 1")
    chunk = Chunk("", path, "text", "", "", 1, 1, "", "secret = 1")
    assert index.verify([chunk]) == ["gone"]


@pytest.mark.parametrize(
    "start", ["relative", "/no/such/folder", "~nobody-here/x", "/" + "x" * 3000]
)
def test_an_unknown_folder_is_a_mistake_of_the_user(client: HostClient, start: str) -> None:
    index = IndexClient(client, start)
    for ask in (lambda: index.search("x"), index.status, lambda: list(index.refresh())):
        with pytest.raises(UsageError, match="there is no folder"):
            ask()


def test_the_whole_disk_is_no_project(client: HostClient) -> None:
    with pytest.raises(UsageError, match="is no project"):
        IndexClient(client, "/").status()


def test_text_that_no_transport_carries_is_searched_and_stored(index: IndexClient) -> None:
    assert not index.search("\ud800 \0 zzz").confident
    index.put_cells("a.ipynb", [{"id": "1", "source": "walrus = '\ud800\0'"}])
    assert index.search("walrus").confident
    assert index.graph("\ud800")["definitions"] == []


def test_eight_kernels_edit_and_search_one_project_at_once(index: IndexClient, root: Path) -> None:
    kernels, turns = 8, 3
    list(index.refresh())

    def edit(number: int) -> None:
        client = HostClient(config.load())
        mine = IndexClient(client, str(root))
        for n in range(turns):
            cell = {"id": "again", "source": f"kernel_{number}_turn_{n} = {n}"}
            mine.put_cells(f"kernel-{number}.ipynb", [cell, cell | {"id": f"c{n}"}])
            path = root / f"module_{number}_{n}.py"
            path.write_text(f"def written_by_{number}_in_{n}():\n    pass\n")
            (root / f"module_{number}.py").write_text(f"def latest_of_{number}():\n    {n}\n")
            list(mine.refresh())
            assert places(mine, f"written_by_{number}_in_{n}") == [path.name]
            assert mine.search(f"kernel_{number}_turn_{n}").confident
        client.close()

    at_once(kernels, edit)
    status = index.status()
    assert (status["failure"], status["message"]) == ("", "")
    assert status["files"] == 4 + kernels * (turns + 1)
    assert status["open_cells"] == kernels * (turns + 1)
    for number in range(kernels):
        for n in range(turns):
            name = f"written_by_{number}_in_{n}"
            assert places(index, name) == [f"module_{number}_{n}.py"]
        assert places(index, f"latest_of_{number}") == [f"module_{number}.py"]
        last = chunk_of(index, f"latest_of_{number}")
        assert last.text.split()[-1] == str(turns - 1)
        cells = texts(index.search(f"kernel_{number}_turn_{turns - 1}", 100))
        assert cells.count(f"kernel_{number}_turn_{turns - 1} = {turns - 1}") == 1
        assert f"kernel_{number}_turn_0 = 0" in cells


def places(index: IndexClient, name: str) -> list[str]:
    """Where the symbol of exactly this name is found."""
    return [hit.chunk.path for hit in index.search(name).hits if hit.chunk.name == name]


def at_once(count: int, work: Callable[[int], None]) -> None:
    """Let `count` threads work at the same time; raises what the first of them raised."""
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(work, range(count)))


def test_only_some_projects_stay_open_and_all_can_be_asked_at_once(
    client: HostClient, tmp_path: Path
) -> None:
    roots = many(tmp_path, 6)

    def ask(number: int) -> None:
        mine = HostClient(config.load())
        for turn in range(8):
            n = (number + turn) % len(roots)
            found = IndexClient(mine, str(roots[n])).search(f"only_in_{n}", wait_s=20)
            assert found.confident
            assert found.root == str(roots[n])
        mine.close()

    at_once(len(roots), ask)


def test_a_damaged_index_is_built_anew_and_says_so(
    client: HostClient, index: IndexClient, root: Path
) -> None:
    list(index.refresh())
    client.shutdown()
    (folder_of(root) / "meta.duckdb").write_bytes(b"not a database at all" * 1000)
    assert index.search("normalize_names", wait_s=20).confident
    assert "built anew" in index.status()["message"]


def test_a_host_killed_while_indexing_leaves_nothing_broken(
    client: HostClient, index: IndexClient, root: Path
) -> None:
    for n in range(600):
        body = "\n".join(f"    value_{n}_{k} = {k}" for k in range(20))
        (root / f"m{n}.py").write_text(f"def module_{n}():\n{body}\n")
    health = client.health()
    assert health is not None
    with pytest.raises(CodeAssistError):
        for progress in index.refresh():
            if progress.get("done", 0) > 0:
                os.kill(health["pid"], signal.SIGKILL)
    *_, last = index.refresh()
    assert last["status"]["files"] == 604
    assert last["status"]["message"] == "", "nothing had to be thrown away"
    for n in (0, 599):
        found = index.search(f"module_{n}")
        assert [hit.chunk.path for hit in found.hits].count(f"m{n}.py") == 1


def test_requests_are_judged(client: HostClient, root: Path) -> None:
    for path, body in (
        ("/v1/search", {"query": "x", "k": 0}),
        ("/v1/search", {"query": ""}),
        ("/v1/search", {"query": "x", "colour": "red"}),
        ("/v1/index/cells", {"path": "a", "cells": [{"id": "", "source": "x"}]}),
        ("/v1/graph", {"name": ""}),
    ):
        with pytest.raises(UsageError, match="the request is not valid"):
            client.post(path, {"start": str(root), **body})


# In this process: what needs an encoder, or a clock of its own.


@pytest.fixture
def projects() -> Iterator[Projects]:
    projects = Projects(is_busy=lambda: False)
    yield projects
    projects.close()


def test_encoders_read_after_the_words_and_give_way_to_answers(tmp_path: Path, root: Path) -> None:
    busy = threading.Event()
    busy.set()
    project = Project(root, [tiny_encoder.make(tmp_path / "tiny")], busy.is_set)
    try:
        until(lambda: project.stage == "embedding")
        (root / "later.py").write_text("def came_later():\n    pass\n")
        until(lambda: bool(project.index.find_symbol("came_later")))
        assert project.index.status().pending["tiny"] > 0, "it was read though the encoder waits"
        busy.clear()
        until(lambda: project.index.status().pending == {"tiny": 0})
    finally:
        project.close()


def test_closing_interrupts_whatever_goes_on(tmp_path: Path, root: Path) -> None:
    project = Project(root, [tiny_encoder.make(tmp_path / "tiny")], lambda: True)
    until(lambda: project.stage == "embedding")
    project.close()
    assert list(project.progress(0.01)) == []


def test_a_failure_is_told_and_does_not_end_the_watch(
    projects: Projects, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with projects.use(str(root)) as project:
        list(project.progress(0.05))
        shutil.move(root, root.with_name("away"))
        list(project.progress(0.05))
        shutil.move(root.with_name("away"), root)
        (root / "new.py").write_text("def still_watched():\n    pass\n")
        list(project.progress(0.05))
        assert project.failure == ""
        assert project.index.find_symbol("still_watched")


def test_a_data_folder_that_cannot_be_written_is_named(
    projects: Projects, root: Path, codeassist_home: Path
) -> None:
    (codeassist_home / "index").write_text("a file where a folder should be")
    for _ in range(2):
        with pytest.raises(CodeAssistError, match="cannot be kept in"), projects.use(str(root)):
            pass
    (codeassist_home / "index").unlink()
    with projects.use(str(root)) as project:
        assert project.root == root


def test_encoders_that_are_fetched_later_are_taken_up(
    projects: Projects, root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CODEASSIST_MODELS_DIR", str(tmp_path / "none"))
    with projects.use(str(root)) as old:
        assert old.index.tiers == ()
        projects._encoders = (tiny_encoder.make(tmp_path / "tiny"),)
        with projects.use(str(root)) as project:
            assert project is old, "it is not closed under its users"
    with projects.use(str(root)) as project:
        assert [tier.encoder.name for tier in project.index.tiers] == ["tiny"]
        with projects.use(str(root)) as again:
            assert again is project


def many(folder: Path, count: int) -> list[Path]:
    """Projects p0, p1 … that define only_in_0, only_in_1 …"""
    roots = [folder / f"p{n}" for n in range(count)]
    for n, root in enumerate(roots):
        root.mkdir()
        (root / "a.py").write_text(f"def only_in_{n}():\n    pass\n")
    return roots


def test_a_project_in_use_stays_open(projects: Projects, tmp_path: Path) -> None:
    first, *others = many(tmp_path, 7)
    with projects.use(str(first)) as project:
        list(project.progress(0.05))
        for root in others:
            with projects.use(str(root)) as other:
                list(other.progress(0.05))
        assert search(project.index, "only_in_0").confident
        with projects.use(str(first)) as again:
            assert again is project


def test_nobody_waits_for_a_project_that_closes_slowly(tmp_path: Path) -> None:
    slow, *others = many(tmp_path, 7)
    stuck, gate = threading.Event(), threading.Event()

    def is_busy() -> bool:
        if threading.current_thread().name == f"index-{slow.name}":
            stuck.set()
            gate.wait()
        return False

    projects = Projects(is_busy)
    projects._encoders = (tiny_encoder.make(tmp_path / "tiny"),)
    reopened: list[bool] = []

    def reopen() -> None:
        with projects.use(str(slow)) as project:
            list(project.progress(0.05))
            reopened.append(search(project.index, "only_in_0").confident)

    try:
        with projects.use(str(slow)):
            stuck.wait()
        for root in (*others, *others):
            with projects.use(str(root)) as project:
                list(project.progress(0.05))
        waiting = threading.Thread(target=reopen)
        waiting.start()
        assert reopened == []
        gate.set()
        waiting.join()
        assert reopened == [True]
    finally:
        gate.set()
        projects.close()


def test_a_damaged_encoder_leaves_the_words(tmp_path: Path) -> None:
    model = catalogue.find(catalogue.ENCODER)
    for file in model.files:
        path = tmp_path / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.truncate(path, file.size)
    encoders, problems = open_encoders(config.load({"models_dir": str(tmp_path)}))
    assert encoders == []
    assert [catalogue.ENCODER in problem for problem in problems] == [True]
    missing = {"models_dir": str(tmp_path / "none"), "encoder": "no/such-encoder"}
    assert len(open_encoders(config.load(missing))[1]) == 1


def test_our_own_data_is_not_indexed_and_does_not_wake_us(
    projects: Projects, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / ".cache").mkdir()
    monkeypatch.setenv("CODEASSIST_HOME", str(root / "data"))
    with projects.use(str(root)) as project:
        list(project.progress(0.05))
        time.sleep(0.7)  # whatever our own writes have set off shows by now
        before = project._rounds_begun
        for n in range(2):
            (root / "data" / "host.log").write_text(f"our own {n}")
            (root / ".cache" / "x.py").write_text(f"x = {n}")
            time.sleep(0.4)
        assert project._rounds_begun == before
        assert set(project.index.manifest.files()) == {
            "pyproject.toml",
            "eda.ipynb",
            "etl/clean.py",
            "etl/load.py",
        }
