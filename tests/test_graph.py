"""Relations between the symbols, files and cells of real projects."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codeassist_jupyter.index.discover import Found, walk
from codeassist_jupyter.index.graph import Edge, edges, rank, resolve
from codeassist_jupyter.index.parse import Document, parse

SAMPLE = Path(__file__).parent.parent / "examples" / "sample_project"


def project(files: dict[str, str]) -> list[Edge]:
    return edges([parse(path, text.encode()) for path, text in files.items()])


def to(found: list[Edge], target: str, kind: str) -> set[str]:
    return {edge.source for edge in found if (edge.target, edge.kind) == (target, kind)}


def notebook(*sources: str) -> str:
    cells = [
        {"cell_type": "code", "source": text, "id": f"c{i}"} for i, text in enumerate(sources, 1)
    ]
    return json.dumps({"cells": cells})


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    found = [item.path for item in walk(SAMPLE) if isinstance(item, Found)]
    return [parse(path, (SAMPLE / path).read_bytes()) for path in found]


def test_callers_of_a_function_across_files_and_cells(documents):
    assert to(edges(documents), "etl.clean.normalize_names", "calls") == {
        "etl.clean.OrderCleaner.clean",
        "eda.ipynb#spellings",
        "tests.test_clean.test_one_customer_has_one_spelling",
    }


def test_definitions_have_their_place(documents):
    found = edges(documents)
    assert Edge("etl.clean", "etl.clean.parse_date", "defines", "etl/clean.py", 32) in found
    assert Edge("etl.clean", "etl.clean.MAX_REJECTED", "defines", "etl/clean.py", 14) in found
    assert (
        Edge("web.chart.RevenueChart", "web.chart.RevenueChart.draw", "defines", "web/chart.ts", 28)
        in found
    )


def test_inheritance_and_imports(documents):
    found = edges(documents)
    assert to(found, "etl.errors.ExportError", "inherits") == {
        "etl.errors.MissingColumns",
        "etl.errors.TooManyRejects",
    }
    assert to(found, "web.format.formatCurrency", "imports") == {"web.chart"}
    assert to(found, "web.format.formatCurrency", "calls") == {"web.chart.RevenueChart.draw"}
    assert "etl.load.read_export" in to(found, "pandas.read_csv", "calls")


def test_constants_are_used(documents):
    assert to(edges(documents), "etl.clean.DATE_FORMATS", "uses") == {"etl.clean.parse_date"}


def test_a_cell_reads_what_another_defined(documents):
    found = edges(documents)
    assert to(found, "eda.ipynb:orders", "defines") == {"eda.ipynb#clean"}
    assert to(found, "eda.ipynb:orders", "uses") == {"eda.ipynb#share", "eda.ipynb#customers"}
    assert to(found, "eda.ipynb#clean", "reads") == {"eda.ipynb#share", "eda.ipynb#customers"}


def test_a_cell_reads_from_the_last_definition_above_it():
    found = project(
        {"n.ipynb": notebook("df = 1", "df = df + 1", "df", "later()", "def later(): ...")}
    )
    assert {(e.source, e.target) for e in found if e.kind == "reads"} == {
        ("n.ipynb#c2", "n.ipynb#c1"),
        ("n.ipynb#c3", "n.ipynb#c2"),
        ("n.ipynb#c4", "n.ipynb#c5"),
    }
    assert to(found, "n.ipynb:later", "calls") == {"n.ipynb#c4"}


def test_methods_are_found_through_self_a_name_or_being_the_only_one():
    found = project(
        {
            "a.py": "class A:\n    def run(self): self.step()\n    def step(self): ...\n"
            "    def append(self): ...\nclass B(A):\n    def go(self): self.run()\n",
            "b.py": "from a import A\ndef f(x):\n    x.step()\n    x.append()\n    x.unknown()\n"
            "    A.run(x)\n",
        }
    )
    assert to(found, "a.A.step", "calls") == {"a.A.run", "b.f"}
    assert to(found, "a.A.run", "calls") == {"a.B.go", "b.f"}
    assert to(found, ".unknown", "calls") == {"b.f"}
    assert not to(found, "a.A.append", "calls")  # every list has one


def test_a_method_that_two_classes_have_is_left_open():
    found = project(
        {
            "a.py": "class A:\n    def go(self): ...\nclass B:\n    def go(self): ...\n"
            "def f(x): x.go()\n"
        }
    )
    assert to(found, ".go", "calls") == {"a.f"}


def test_names_are_followed_through_reexports_and_below_src():
    found = project(
        {
            "src/pkg/__init__.py": "from .core import work\n",
            "src/pkg/core.py": "def work(): ...\n",
            "tests/test_x.py": "import pkg\nfrom pkg import work\nfrom pkg.core import work as w\n"
            "def test(): work()\ndef test2(): pkg.work()\ndef test3(): w()\n",
        }
    )
    callers = {"tests.test_x.test", "tests.test_x.test2", "tests.test_x.test3"}
    assert to(found, "src.pkg.core.work", "calls") == callers


def test_a_library_is_not_mistaken_for_a_module_of_that_name():
    found = project(
        {
            "pkg/compat/numpy.py": "def f(): ...\n",
            "pkg/compat/__init__.py": "x = 1\n",
            "pkg/a.py": "import numpy as np\ndef g(): np.f()\n",
        }
    )
    assert to(found, "numpy", "imports") == {"pkg.a"}
    assert to(found, "numpy.f", "calls") == {"pkg.a.g"}


def test_circles_of_imports_end():
    found = project({"a.py": "from b import x\ndef f(): x()\n", "b.py": "from a import x\n"})
    assert len(to(found, "a.x", "calls") | to(found, "b.x", "calls")) == 1


def test_go_packages_are_folders():
    found = project(
        {
            "m/a.go": "package m\nfunc A() { B() }\ntype T struct{}\nfunc (t *T) Run() {}\n",
            "m/b.go": "package m\nfunc B() {}\n",
        }
    )
    assert Edge("m", "m.B", "defines", "m/b.go", 2) in found
    assert Edge("m.T", "m.T.Run", "defines", "m/a.go", 4) in found
    assert to(found, "m.B", "calls") == {"m.A"}


def test_edges_of_single_files_resolve_to_the_same(documents):
    apart = [edge for document in documents for edge in edges([document])]
    assert set(resolve(apart)) == set(edges(documents))


def test_text_has_no_edges(documents):
    assert edges([d for d in documents if d.language in ("markdown", "text")]) == []
    assert edges([]) == []


def test_rank_favours_what_much_depends_on(documents):
    scores = rank(edges(documents))
    assert sum(scores.values()) == pytest.approx(1)
    assert scores["etl.clean.normalize_names"] > scores["etl.clean.clean_orders"]
    assert "pandas.read_csv" not in scores
    assert rank([]) == {}
