"""What stands around the hits of a question: relatives, and the map of the project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from codeassist_jupyter.index import build
from codeassist_jupyter.index.around import Around, asks_for_overview
from codeassist_jupyter.index.project import Index
from codeassist_jupyter.types import Chunk

SAMPLE = Path(__file__).parent.parent / "examples" / "sample_project"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    index = Index.open(tmp_path_factory.mktemp("index"), SAMPLE)
    build.refresh(index)
    yield index
    index.close()


def chunk_of(index: Index, name: str) -> Chunk:
    numbers = index.find_symbol(name)
    return index.chunks(numbers)[numbers[0]]


def test_callers_callees_and_bases_of_a_hit(index: Index) -> None:
    around = Around(index)
    lines = around.related([chunk_of(index, "OrderCleaner.clean")]).split("\n")
    assert (
        "etl/clean.py:17 def normalize_names(names: pd.Series) -> pd.Series"
        "  (called by OrderCleaner.clean)"
    ) in lines
    assert "etl/errors.py:16 class TooManyRejects(ExportError)  (called by OrderCleaner.clean)" in (
        lines
    )
    (base,) = around.related([chunk_of(index, "TooManyRejects")]).split("\n")[:1]
    assert base == "etl/errors.py:4 class ExportError(Exception)  (base of TooManyRejects)"
    method = around.related([chunk_of(index, "normalize_names")])
    assert "  in OrderCleaner  (calls normalize_names)" in method


def test_hits_themselves_and_tests_are_not_relatives(index: Index) -> None:
    names = ("OrderCleaner.clean", "normalize_names")
    related = Around(index).related([chunk_of(index, name) for name in names])
    assert "def normalize_names" not in related
    assert "test" not in related
    prose = [chunk for chunk in index.chunks([1, 2, 3]).values() if chunk.kind == "section"]
    assert Around(index).related(prose) == ""


def test_map_begins_with_the_readme_and_names_what_is_central(index: Index) -> None:
    about, *lines = Around(index).overview().split("\n")
    assert about.startswith("README.md: # Customer orders")
    places = [line.split(":")[0] for line in lines]
    assert places == sorted(places)
    assert {"etl/clean.py", "etl/errors.py", "etl/load.py", "web/chart.ts"} <= set(places)
    assert not [place for place in places if "test" in place]
    assert "etl/errors.py:4 class ExportError(Exception)" in lines
    assert len(about) + sum(map(len, lines)) <= 1200


def test_empty_project_has_no_map(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    index = Index.open(tmp_path / "index", tmp_path / "project")
    build.refresh(index)
    assert Around(index).overview() == ""
    index.close()


@pytest.mark.parametrize(
    "question",
    [
        "what does this project do?",
        "What is the structure of this repository",
        "give me an overview of the project",
        "explain this codebase",
        "How is the package organised?",
        "where should I add a new exporter class?",
        "where do we put tests",
    ],
)
def test_questions_about_the_project_as_a_whole(question: str) -> None:
    assert asks_for_overview(question)


@pytest.mark.parametrize(
    "question",
    [
        "what is the mean of the project column",
        "summarize the project budget by month",
        "what does this function do",
        "where should I add plt.show()",
        "where do I put the legend",
        "how do I add a new column to df",
        "describe the package sizes in df",
    ],
)
def test_other_questions_get_no_map(question: str) -> None:
    assert not asks_for_overview(question)
