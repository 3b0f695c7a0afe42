"""Search over a real index: ranking, open cells, presentation, the gate."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
import tiny_encoder

from codeassist_jupyter.index import build
from codeassist_jupyter.index.project import Index
from codeassist_jupyter.retrieval.search import search

FILES = {
    "io/loader.py": '''class Loader:
    def get(self, path):
        """Open one table."""
        return open(path)


class Cache:
    def get(self, key):
        """Look a key up."""
        if key not in self.kept:
            raise KeyError(f"nothing kept under {key!r}, call warm_up first")
        return self.kept[key]
''',
    "io/dates.py": '''def calendar_of(text):
    """Parse dates in any format."""
    return text


def get():
    return 1
''',
    "plots.py": '''def draw_histogram(column):
    """Show how values are distributed."""
    return column.plot()
''',
}


FAILED = nbformat.v4.new_output(
    "error", ename="QuotaError", evalue="the exchange answered with too many requests", traceback=[]
)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    folder = tmp_path_factory.mktemp("search")
    root = folder / "project"
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    cells = [
        nbformat.v4.new_markdown_cell("# Sales by region", id="head"),
        nbformat.v4.new_code_cell("sales.groupby('region')", id="group"),
        nbformat.v4.new_code_cell("rates.load()", id="load", outputs=[FAILED]),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), root / "eda.ipynb")
    index = Index.open(folder / "index", root, [tiny_encoder.make(folder / "tiny")])
    build.refresh(index)
    build.embed_pending(index)
    yield index
    index.close()


@pytest.fixture
def notebook(index: Index) -> Iterator[str]:
    """The name of an open notebook, closed after the test."""
    yield "eda.ipynb"
    index.overlay.drop("eda.ipynb")
    index.overlay.drop("Untitled")


def first(index: Index, query: str) -> tuple[str, str]:
    chunk = search(index, query).hits[0].chunk
    return chunk.path, chunk.name


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("Cache.get", ("io/loader.py", "Cache.get")),
        ("Loader.get()", ("io/loader.py", "Loader.get")),
        ("loader.get", ("io/loader.py", "Loader.get")),
        ("dates.get", ("io/dates.py", "get")),
        ("io.dates.get", ("io/dates.py", "get")),
        ("draw_histogram", ("plots.py", "draw_histogram")),
        ("where do we parse dates", ("io/dates.py", "calendar_of")),
        (
            "KeyError: \"nothing kept under 'spam', call warm_up first\"",
            ("io/loader.py", "Cache.get"),
        ),
    ],
)
def test_answer_stands_first(index: Index, query: str, answer: tuple[str, str]) -> None:
    assert first(index, query) == answer


def test_path_is_found(index: Index) -> None:
    result = search(index, "io/dates.py")
    assert result.query_class == "path"
    assert {hit.chunk.path for hit in result.hits[:2]} == {"io/dates.py"}


def test_meaning_is_found_without_a_common_word(index: Index) -> None:
    paths = [hit.chunk.path for hit in search(index, "ingest the day").hits]
    assert paths[0] == "io/dates.py"


def test_equal_queries_give_equal_lists(index: Index) -> None:
    assert search(index, "get a table") == search(index, "get a table")


@pytest.mark.parametrize(
    "query", ["", "   ", "::()", "the of and", "\x00", "a" * 100_000, "ü" * 50]
)
def test_odd_queries_are_answered(index: Index, query: str) -> None:
    assert search(index, query).confident is False


def test_gate_opens_for_what_is_there_only(index: Index) -> None:
    assert search(index, "show how values are distributed").confident
    assert search(index, "Cache.get").confident
    assert not search(index, "rotate the encryption keys of the vault").confident
    assert not search(index, "rotate_vault_keys").confident


def test_k_bounds_the_hits(index: Index) -> None:
    assert len(search(index, "get table key", k=2).hits) == 2


def test_a_cell_is_found_by_what_it_printed_or_raised(index: Index) -> None:
    found = search(index, "QuotaError: the exchange answered with too many requests")
    assert found.hits[0].chunk.cell_id == "load" and found.confident
    assert "QuotaError" not in found.hits[0].chunk.text


def test_open_cell_is_searchable_at_once(index: Index, notebook: str) -> None:
    index.put_cell(notebook, "new", "churn_rate = lost / total", cell=2)
    chunk = search(index, "churn_rate lost").hits[0].chunk
    assert (chunk.path, chunk.cell, chunk.cell_id) == (notebook, 2, "new")
    assert "churn_rate" in chunk.text


def test_open_cell_hides_its_saved_form(index: Index, notebook: str) -> None:
    index.put_cell(notebook, "group", "sales.pivot_table('region')", cell=1)
    texts = [h.chunk.text for h in search(index, "sales region").hits if h.chunk.cell == 1]
    assert texts == ["sales.pivot_table('region')"]
    index.put_cell(notebook, "group", "", cell=1)
    assert not [h for h in search(index, "sales region").hits if h.chunk.cell == 1]
    index.overlay.drop(notebook, "group")
    texts = [h.chunk.text for h in search(index, "sales region").hits if h.chunk.cell == 1]
    assert texts == ["sales.groupby('region')"]


def test_open_cell_competes_with_files_on_equal_terms(index: Index, notebook: str) -> None:
    index.put_cell("Untitled", "one", "value = 1", cell=0)
    assert first(index, "parse dates in any format") == ("io/dates.py", "calendar_of")


def test_open_cell_is_found_by_meaning(index: Index, notebook: str) -> None:
    index.put_cell("Untitled", "one", "x = 1", cell=0, heading="Tidy the labels")
    assert "Untitled" in [h.chunk.path for h in search(index, "normalize names").hits[:2]]


def test_edited_cell_replaces_itself(index: Index, notebook: str) -> None:
    for version in range(3):
        index.put_cell(notebook, "edit", f"zebra_count = {version}", cell=5)
    hits = [h for h in search(index, "zebra_count").hits if h.chunk.cell_id == "edit"]
    assert [h.chunk.text for h in hits] == ["zebra_count = 2"]


def test_search_while_cells_change(index: Index, notebook: str) -> None:
    failures: list[Exception] = []

    def edit() -> None:
        try:
            for n in range(30):
                index.put_cell("Untitled", f"c{n % 5}", f"parse = {n}", cell=n % 5)
        except Exception as exc:
            failures.append(exc)

    threads = [threading.Thread(target=edit) for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert search(index, "parse dates").hits
    assert failures == []
    assert len(index.overlay) == 5


def test_no_file_crowds_out_the_others(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    many = "\n\n".join(f"def parse_{n}(date):\n    return parse(date, {n})" for n in range(12))
    (root / "many.py").write_text(many)
    (root / "other.py").write_text("def other(date):\n    return day(parse(date), 1)\n")
    index = Index.open(tmp_path / "index", root)
    build.refresh(index)
    hits = search(index, "parse date", k=6).hits
    assert "other.py" in [hit.chunk.path for hit in hits]
    assert len(hits) == 6
    index.close()


def test_copied_code_is_shown_once(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    for name in ("a.py", "b.py"):
        (root / name).write_text("def parse_date(text):\n    return text\n")
    index = Index.open(tmp_path / "index", root)
    build.refresh(index)
    assert len(search(index, "parse_date").hits) == 1
    index.close()


def test_empty_index_answers_nothing(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    index = Index.open(tmp_path / "index", root, [tiny_encoder.make(tmp_path / "tiny")])
    build.refresh(index)
    build.embed_pending(index)
    result = search(index, "parse dates")
    assert (result.hits, result.confident) == ((), False)
    index.close()


def test_body_speaks_when_headers_do_not(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (root / "a.py").write_text("def step(x):\n    return x + 1\n")
    (root / "b.py").write_text("def step(x):\n    return tidy(label(x))\n")
    encoders = [tiny_encoder.make(tmp_path / name, name) for name in ("fast", "slow")]
    index = Index.open(tmp_path / "index", root, encoders)
    build.refresh(index)
    build.embed_pending(index)
    similar = index.find_like("normalize names", [], 10)
    by_path = {index.chunks([no])[no].path: score for no, score in similar.items()}
    assert by_path["b.py"] > by_path["a.py"]
    (root / "c.py").write_text("def step(y):\n    return tidy(label(y))\n")
    build.refresh(index)  # nobody has read it yet
    assert index.status().pending == {"fast": 1, "slow": 2}
    index.close()


@pytest.mark.parametrize(
    ("query", "name"), [("maximum number of columns", "max_col_num"), ("delete it", "remove_it")]
)
def test_words_are_found_in_the_form_they_have_in_code(
    tmp_path: Path, query: str, name: str
) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (root / "a.py").write_text(
        "def remove_it():\n    return 1\n\n\ndef max_col_num():\n    return 2\n"
    )
    index = Index.open(tmp_path / "index", root)
    build.refresh(index)
    assert first(index, query) == ("a.py", name)
    index.close()


def test_question_prefers_a_named_method_to_a_special_one(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (root / "a.py").write_text(
        "class Row:\n    def __eq__(self, other):\n        return same_cells(self, other)\n\n"
        "    def equal(self, other):\n        return same_cells(self, other)\n"
    )
    index = Index.open(tmp_path / "index", root)
    build.refresh(index)
    kinds = {index.roster.get(no).name: index.kind_of(no) for no in index.find_words("row", 9)}
    assert kinds["Row.__eq__"] == "special"
    assert kinds["Row.equal"] == "method"
    assert first(index, "same cells of the other row") == ("a.py", "Row.equal")
    index.close()
