"""Documentation of installed packages: read from files, kept, found, cited, removed."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import pytest
from front_end import FrontEnd

from codeassist_jupyter import config
from codeassist_jupyter.citations import place, sources
from codeassist_jupyter.cli import main
from codeassist_jupyter.errors import IndexFailed, UsageError
from codeassist_jupyter.host import packages as host_packages
from codeassist_jupyter.host.client import HostClient
from codeassist_jupyter.host.index_client import Imports, IndexClient
from codeassist_jupyter.host.packages import Packages
from codeassist_jupyter.index.packages.api import read_api
from codeassist_jupyter.index.packages.docs import Docs, build, verify
from codeassist_jupyter.kernel.imported import imports_of, locate
from codeassist_jupyter.retrieval.packages import find_docs
from codeassist_jupyter.types import Hit, Package

PANDAS = f"pandas {metadata.version('pandas')}"

# A package as real ones are: re-exports, a star, a stub for C code, a base class, circles.
FILES = {
    "__init__.py": """
from typing import Any
from tiny._impl.merge import merge, _hidden
from tiny._impl.frame import Frame
from tiny.fast import *
from tiny.compiled import speed
from tiny.nowhere import lost
import tiny.extra as extra

renamed = merge
""",
    "_impl/__init__.py": "from tiny import Frame\n",
    "_impl/merge.py": '''
from tiny._impl import Frame


@decorated
def merge(left, right, how="inner"):
    """Merge two tables on a common column.

    how : how the rows are matched
    """
    return left


def _hidden():
    """Nobody sees this."""
''',
    "_impl/frame.py": '''
class _Base:
    """The base."""

    def head(self, n=5):
        """Return the first n rows."""

    def _private(self):
        pass


class Frame(_Base):
    """A table in memory."""

    def __init__(self, rows):
        self.rows = rows

    def tail(self, n=5):
        """Return the last n rows."""

    bottom = tail


class Loop(Loop):
    pass
''',
    "fast.py": '''
__all__ = ["quick"]
__all__ += ["quicker"]

def quick():
    """Do it quickly."""

if True:
    def quicker():
        """Do it more quickly."""

def inner():
    """Not exported."""
''',
    "compiled.pyi": """
def speed(distance: float, time: float = ...) -> float: ...
way: Final[_Way]
unknown: Final[_Way]
""",
    "_add_newdocs.py": 'add_newdoc("tiny.compiled", "way", """\n    way(x)\n\n    Go.\n    """)\n',
    "extra.py": 'def unpack(archive):\n    """Unpack an archive."""\n',
    "_only_private.py": 'def invisible():\n    """Nobody imports me."""\n',
    "tests/test_merge.py": 'def test_merge():\n    """A test."""\n',
    "broken.py": "def half(:\n",
    "binary.py": "\0\0\0",
    "latin.py": '# coding: latin-1\ndef caf\xe9():\n    """Dr\xfccken."""\n',
}


@pytest.fixture
def tiny(tmp_path: Path) -> Package:
    """The package above, as installed."""
    return make(tmp_path / "site", "tiny", FILES)


def make(site: Path, name: str, files: dict[str, str], version: str = "1.2") -> Package:
    for path, text in files.items():
        (site / name / path).parent.mkdir(parents=True, exist_ok=True)
        (site / name / path).write_text(text, encoding="latin-1")
    info = site / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return Package(name, version, name, str(site / name))


def one(name: str) -> dict[str, str]:
    """The files of a package of one function."""
    return {"__init__.py": f'def only_in_{name}():\n    """Only here."""\n'}


@pytest.fixture
def docs(tiny: Package, tmp_path: Path) -> Docs:
    build(tmp_path / "docs", tiny, lambda: None)
    return Docs(tmp_path / "docs")


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


# What is public, and where it stands.


def names_of(package: Package) -> set[str]:
    return {name for symbol in read_api(package).symbols for name in symbol.names}


def test_public_names_are_found_where_they_are_imported_from(tiny: Package) -> None:
    top = {name.removeprefix("tiny.") for name in names_of(tiny)}
    assert top == {
        "merge",
        "renamed",
        "Frame",
        "Frame.__init__",
        "Frame.head",
        "Frame.tail",
        "Frame.bottom",
        "quick",
        "quicker",
        "speed",
        "fast.quick",
        "fast.quicker",
        "compiled.speed",
        "compiled.way",
        "extra.unpack",
        "latin.caf\xe9",
    }


def test_a_chunk_is_the_lines_of_signature_and_docstring(tiny: Package) -> None:
    (symbol,) = (s for s in read_api(tiny).symbols if "tiny.merge" in s.names)
    chunk = symbol.chunk
    lines = FILES["_impl/merge.py"].split("\n")[chunk.start_line - 1 : chunk.end_line]
    assert chunk.text == "\n".join(lines)
    assert chunk.text.startswith('def merge(left, right, how="inner"):')
    assert chunk.text.rstrip().endswith('"""')
    assert (chunk.path, chunk.name, chunk.package) == (
        "tiny/_impl/merge.py",
        "tiny.merge",
        "tiny 1.2",
    )
    assert chunk.header == "tiny.merge\ntiny.renamed\nMerge two tables on a common column."


def test_broken_files_are_left_out_and_said(tiny: Package) -> None:
    assert read_api(tiny).notes == ("broken.py has a syntax error",)


def test_a_core_that_the_package_exports_itself_is_private(tmp_path: Path) -> None:
    core = {"core/__init__.py": "", "core/work.py": "def work(): ...\ndef rest(): ...\n"}
    files = {"__init__.py": "from tiny.core.work import work\n"} | core
    assert names_of(make(tmp_path / "a", "tiny", files)) == {"tiny.work"}
    files = {"__init__.py": ""} | core
    open_core = {"tiny.core.work.work", "tiny.core.work.rest"}
    assert names_of(make(tmp_path / "b", "tiny", files)) == open_core


def test_a_long_docstring_is_cut_after_a_line(tmp_path: Path) -> None:
    text = 'def f():\n    """Head.\n' + "    more and more\n" * 1000 + '    """\n'
    (symbol,) = read_api(make(tmp_path, "tiny", {"__init__.py": text})).symbols
    assert 3000 < len(symbol.chunk.text) <= 4000
    assert verify(tmp_path, symbol.chunk) == "verified"


def test_a_module_of_one_file_and_links_out_of_the_package(tmp_path: Path) -> None:
    (tmp_path / "single.py").write_text('def alone():\n    """Alone."""\n')
    single = Package("single", "1", "single", str(tmp_path / "single.py"))
    assert names_of(single) == {"single.alone"}
    package = make(tmp_path / "site", "tiny", {"__init__.py": "from tiny.away import *\n"})
    (Path(package.path) / "away.py").symlink_to(tmp_path / "single.py")
    assert names_of(package) == set()


# Kept and found.


def test_names_are_found_by_their_ends_and_under_the_name_asked_for(docs: Docs) -> None:
    def found(name: str) -> list[str]:
        return [chunk.name for chunk in docs.find(name)]

    assert found("tiny.merge") == ["tiny.merge"]
    assert found("tiny.renamed") == ["tiny.renamed"]
    assert found("head") == ["tiny.Frame.head"]
    assert found("frame.HEAD") == ["tiny.Frame.head"]
    assert found("tiny._impl.frame.Frame.head") == ["tiny.Frame.head"]
    assert found("tiny.nothing.head") == []
    assert found("nothing") == []


def test_words_are_found_with_the_share_of_the_question(docs: Docs) -> None:
    hit, *_ = docs.find_words("merge tables on a common column", 5)
    assert hit.chunk.name == "tiny.merge"
    assert hit.score == pytest.approx(1.0)
    assert all(hit.score < 0.5 for hit in docs.find_words("rotate quickly the vault keys", 5))


def test_verify_reads_the_installed_file_again(docs: Docs, tiny: Package) -> None:
    (chunk,) = docs.find("tiny.extra.unpack")
    path, root = Path(tiny.path) / "extra.py", Path(tiny.path).parent
    assert verify(root, chunk) == "verified"
    path.write_text("import os\n" + FILES["extra.py"])
    assert verify(root, chunk) == "moved"
    path.write_text("def unpack(): ...")
    assert verify(root, chunk) == "changed"
    path.unlink()
    assert verify(root, chunk) == "gone"


def test_nothing_public_is_a_failure_that_leaves_nothing(tmp_path: Path) -> None:
    package = make(tmp_path / "site", "tiny", {"__init__.py": "def half(:\n"})
    with pytest.raises(IndexFailed, match="no Python source with public names"):
        build(tmp_path / "docs", package, lambda: None)
    assert not list(tmp_path.glob("docs*"))


@pytest.mark.parametrize("file", ["names.sqlite", "words/meta.json"])
def test_damaged_documentation_is_refused(docs: Docs, file: str) -> None:
    (docs.folder / file).write_bytes(b"not what it was" * 100)
    with pytest.raises(IndexFailed):
        Docs(docs.folder)


# When a package speaks up.


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> list[Docs]:
    """pandas, numpy and json as they are installed here."""
    home = tmp_path_factory.mktemp("real")
    for name in ("pandas", "numpy", "json"):
        package = locate(name)
        assert package is not None
        build(home / name, package, lambda: None)
    return [Docs(home / name) for name in ("pandas", "numpy", "json")]


NAMES = {"pd": "pandas", "np": "numpy", "json": "json", "df": "pandas.core.frame.DataFrame"}


@pytest.mark.parametrize(
    ("question", "spelled", "name"),
    [
        ("how do I use pandas.merge", True, "pandas.merge"),
        ("what is `pd.merge` for?", True, "pandas.merge"),
        ("df.merge with suffixes", True, "pandas.DataFrame.merge"),
        ("df.head()", True, "pandas.DataFrame.head"),
        ("does np.random.rand take a shape", True, "numpy.random.rand"),
        ("np.array copy", True, "numpy.array"),
        ("json.dumps indent", True, "json.dumps"),
        ("what does read_csv do with dates", False, "pandas.read_csv"),
        ("dataframe.groupby", False, "pandas.DataFrame.groupby"),
        ("compute the standard deviation along the specified axis", False, "pandas.Series.std"),
    ],
)
def test_a_question_about_a_package_finds_its_place(
    real: list[Docs], question: str, spelled: bool, name: str
) -> None:
    found = find_docs(real, question, NAMES)
    assert found.spelled == spelled
    assert found.hits[0].chunk.name == name
    assert len(found.hits) <= 2
    root = Path(next(d for d in real if str(d.package) == found.hits[0].chunk.package).package.path)
    assert verify(root.parent, found.hits[0].chunk) == "verified"


@pytest.mark.parametrize(
    "question",
    [
        "what does normalize_names do?",
        "rotate the encryption keys of the vault",
        "plot the monthly mean of temp as a line chart",
        "explain the last error",
        "what does this notebook do",
        "sum(sales) by region",
        "df.price",
        "customer.name",
        "total.total.total",
        "",
    ],
)
def test_other_questions_find_none(real: list[Docs], question: str) -> None:
    assert find_docs(real, question, NAMES).hits == ()


def test_without_imports_nothing_is_looked_up() -> None:
    assert find_docs([], "pandas.merge", NAMES).hits == ()


# In the host.


@pytest.fixture
def packages() -> Iterator[Packages]:
    packages = Packages(is_busy=lambda: False)
    yield packages
    packages.close()


def states(packages: Packages) -> dict[str, str]:
    return {item["name"]: item["state"] for item in packages.status()}


def tell(packages: Packages, *told: Package) -> None:
    packages.tell(told)
    until(lambda: not {"waiting", "reading"} & set(states(packages).values()))


def test_what_is_told_is_read_once_and_survives_the_host(packages: Packages, tiny: Package) -> None:
    tell(packages, tiny)
    (docs,) = packages.ready([tiny])
    status = packages.status()[0]
    assert status["state"] == "ready"
    assert status["symbols"] == docs.symbols == 11
    assert status["size"] == docs.size > 0
    assert status["note"] == "broken.py has a syntax error"
    written = (docs.folder / "names.sqlite").stat().st_mtime_ns
    again = Packages(is_busy=lambda: False)
    assert states(again) == {"tiny": "ready"}
    tell(again, tiny)
    again.close()
    assert (docs.folder / "names.sqlite").stat().st_mtime_ns == written


def test_what_cannot_be_read_is_listed_with_the_reason(packages: Packages, tmp_path: Path) -> None:
    broken = make(tmp_path, "broken", {"__init__.py": "def half(:\n"})
    gone = Package("gone", "1", "gone", str(tmp_path / "gone"))
    egg = Package("egg", "1", "egg", "", "it is in a zip file")
    tell(packages, broken, gone, egg)
    assert set(states(packages).values()) == {"left out"}
    notes = {item["name"]: item["note"] for item in packages.status()}
    assert notes["egg"] == "it is in a zip file"
    assert notes["broken"] == notes["gone"] == "it has no Python source with public names"
    assert packages.ready([broken, gone, egg]) == []


def test_a_removed_package_does_not_come_back(packages: Packages, tiny: Package) -> None:
    tell(packages, tiny)
    folder = packages.ready([tiny])[0].folder
    assert packages.remove("Tiny") == 1
    assert not folder.exists()
    tell(packages, tiny)
    assert packages.ready([tiny]) == []
    assert packages.status() == []
    assert packages.remove("tiny") == 1, "it is still told of"
    assert packages.remove("nobody") == 0


def test_only_so_many_are_kept_the_least_recently_used_out(
    packages: Packages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_packages, "MOST_PACKAGES", 2)
    told = [make(tmp_path / name, name, one(name)) for name in ("first", "second", "third")]
    tell(packages, told[0])
    tell(packages, told[1])
    for number, package in enumerate(told[:2]):
        os.utime(packages.ready([package])[0].folder, (1e9 - number, 1e9 - number))
    tell(packages, told[2])
    assert [bool(packages.ready([package])) for package in told] == [True, False, True]
    monkeypatch.setattr(host_packages, "MOST_BYTES", 1)
    os.utime(packages.ready([told[0]])[0].folder, (1e9, 1e9))
    fourth = make(tmp_path / "fourth", "fourth", one("fourth"))
    tell(packages, fourth)
    assert packages.ready(told) == []
    assert packages.ready([fourth]), "the one that is asked for stays"


def test_what_nobody_used_for_long_and_what_is_damaged_is_deleted(
    packages: Packages, tmp_path: Path
) -> None:
    told = [make(tmp_path / name, name, one(name)) for name in ("old", "bad", "good")]
    tell(packages, *told)
    old, bad, good = (packages.ready([package])[0].folder for package in told)
    long_ago = time.time() - host_packages.UNUSED_S - 1
    os.utime(old, (long_ago, long_ago))
    (bad / "names.sqlite").write_bytes(b"nonsense")
    shutil.copytree(good, good.with_name("half-1.part"))
    again = Packages(is_busy=lambda: False)
    assert states(again) == {"good": "ready"}
    assert list(good.parent.iterdir()) == [good]


def test_an_answer_that_runs_goes_first(tiny: Package) -> None:
    busy = threading.Event()
    busy.set()
    packages = Packages(busy.is_set)
    try:
        packages.tell([tiny])
        until(lambda: states(packages) == {"tiny": "reading"})
        busy.clear()
        until(lambda: states(packages) == {"tiny": "ready"})
    finally:
        packages.close()


@pytest.mark.parametrize("end", [Packages.close, lambda packages: packages.remove("tiny")])
def test_reading_ends_when_it_is_not_wanted_any_more(
    tiny: Package, end: Callable[[Packages], object]
) -> None:
    packages = Packages(lambda: True)
    packages.tell([tiny])
    until(lambda: states(packages) == {"tiny": "reading"})
    end(packages)
    packages.close()
    assert packages.ready([tiny]) == []
    assert not list((config.home() / "index" / "packages").glob("*"))


# Through the host's socket.


@pytest.fixture
def index(client: HostClient, tmp_path: Path) -> IndexClient:
    """A project with a module of its own that merges, and a host that answers for it."""
    root = tmp_path / "shop"
    root.mkdir()
    (root / "pyproject.toml").write_text("[project]\nname = 'shop'\n")
    text = 'def merge_orders(a, b):\n    """Merge the orders of two shops."""\n    return a\n'
    (root / "orders.py").write_text(text)
    return IndexClient(client, str(root))


def told(index: IndexClient, *packages: Package) -> Imports:
    """Tell the host of packages and wait until they are read."""
    index.tell_packages(packages)
    names = {package.name for package in packages}

    def ready() -> bool:
        found = {item["name"]: item["state"] for item in index.status()["packages"]}
        return all(found.get(name) == "ready" for name in names)

    until(ready)
    return Imports(packages, {"tiny": "tiny"})


def of_packages(hits: tuple[Hit, ...]) -> list[bool]:
    return [bool(hit.chunk.package) for hit in hits]


def test_the_project_is_not_drowned(index: IndexClient, tiny: Package) -> None:
    imports = told(index, tiny)
    found = index.search("what does merge_orders do", 4, 20, imports)
    assert of_packages(found.hits) == [False]
    found = index.search("tiny.merge or merge_orders", 4, 20, imports)
    assert of_packages(found.hits) == [True, False]
    found = index.search("merge_orders beside `quick`", 4, 20, imports)
    assert of_packages(found.hits) == [False, True]
    found = index.search("rotate the keys of the vault", 4, 20, imports)
    assert not found.confident
    assert not any(of_packages(index.search("tiny.merge", 4, 20).hits)), "it is not imported"


def test_a_place_of_a_package_is_cited_and_verified(index: IndexClient, tiny: Package) -> None:
    imports = told(index, tiny)
    hits = index.search("how does tiny.merge work", 4, 20, imports).hits
    assert place(sources(hits)[0]) == "tiny 1.2 · tiny.merge (tiny/_impl/merge.py:6–10)"
    assert index.verify([hits[0].chunk]) == ["verified"]
    (Path(tiny.path) / "_impl" / "merge.py").write_text("")
    assert index.verify([hits[0].chunk]) == ["changed"]


def test_damage_under_a_running_host_is_mended(index: IndexClient, tiny: Package) -> None:
    imports = told(index, tiny)
    folder = config.home() / "index" / "packages" / "tiny-1.2"
    (folder / "names.sqlite").write_bytes(b"nonsense")
    assert not any(of_packages(index.search("tiny.merge", 4, 20, imports).hits))
    until(lambda: any(of_packages(index.search("tiny.merge", 4, 20, imports).hits)))


def test_what_no_package_is_called_is_refused(index: IndexClient) -> None:
    with pytest.raises(UsageError, match="there is no documentation of nobody"):
        index.remove_package("nobody")
    with pytest.raises(UsageError, match="the request is not valid"):
        index.tell_packages([Package("../../etc", "1", "x", "/etc")])


def test_the_command_line_lists_and_removes(
    index: IndexClient, tiny: Package, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    told(index, tiny)
    assert main(["index", str(tmp_path / "shop")]) == 0
    assert "package  tiny 1.2: 11 names, 0." in capsys.readouterr().out
    assert main(["index", "--remove-package", "tiny"]) == 0
    assert main(["index", str(tmp_path / "shop")]) == 0
    assert "package  tiny" not in capsys.readouterr().out
    assert main(["index", "--remove-package", "nobody"]) != 0


# In the kernel.


def test_imports_are_read_around_magics_and_mistakes() -> None:
    source = """%matplotlib inline
import pandas as pd, numpy
from pandas import (merge,
    concat as glue)
x = !ls
if x:
    import matplotlib.pyplot as plt; import os.path
from . import sibling
from json import *
import 3
half = (
"""
    assert imports_of(source) == {
        "pd": "pandas",
        "numpy": "numpy",
        "merge": "pandas.merge",
        "glue": "pandas.concat",
        "plt": "matplotlib.pyplot",
        "os": "os",
        "*": "json.*",
    }


def test_packages_are_located_without_importing_them() -> None:
    for name in ("pandas", "PIL", "json", "textwrap"):
        loaded = name in sys.modules
        package = locate(name)
        assert package is not None
        assert Path(package.path).exists()
        assert (name in sys.modules) == loaded
    pillow, stdlib = locate("PIL"), locate("textwrap")
    assert pillow is not None and stdlib is not None
    assert str(pillow) == f"pillow {metadata.version('pillow')}"
    assert str(stdlib) == f"Python {sys.version.split()[0]}"


def test_what_is_no_installed_package_is_not_located(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "own_module.py").write_text("x = 1\n")
    (tmp_path / "textwrap.py").write_text("x = 1\n")
    (tmp_path / "data").mkdir()
    for name in ("own_module", "textwrap", "data", "sys", "nobody_has_this", "codeassist_jupyter"):
        assert locate(name) is None, name


def test_namespaces_and_zips_are_located_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = make(tmp_path, "wide", {"part/__init__.py": ""})
    monkeypatch.syspath_prepend(str(tmp_path))
    assert locate("wide") == Package("wide", "1.2", "wide", "", "it is a namespace package")
    (tmp_path / "wide" / "__init__.py").write_text("")
    sys.path_importer_cache.pop(str(tmp_path), None)
    assert locate("wide") == package
    (tmp_path / "wide-1.2.dist-info" / "METADATA").write_bytes(b"")
    assert locate("wide") is None


def test_a_path_that_no_request_can_carry_is_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "caf\udce9"
    make(site, "tiny", {"__init__.py": ""})
    monkeypatch.syspath_prepend(str(site))
    found = locate("tiny")
    assert found == Package("tiny", "1.2", "tiny", "", "its path is not readable text")


@pytest.fixture(scope="module")
def notebook(echo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontEnd]:
    root = tmp_path_factory.mktemp("analysis")
    (root / "pyproject.toml").write_text("[project]\nname = 'analysis'\n")
    front_end = FrontEnd(root, CODEASSIST_HOME=str(echo_home), CODEASSIST_ENGINE="echo")
    front_end.run("%load_ext codeassist_jupyter")
    yield front_end
    front_end.close()


def test_a_notebook_cites_the_installed_version(
    notebook: FrontEnd, echo: Callable[[list[dict[str, object]]], None]
) -> None:
    notebook.run("import pandas as pd\ndf = pd.DataFrame({'a': [1]})")
    until(lambda: f"package  {PANDAS}: 2" in notebook.run("%assist index").printed)
    echo([{"match": "merge", "answer": "It joins tables [1]."}])
    shown = notebook.run("%%assist -o answer\nhow do I use pandas.merge")
    assert shown.status == "ok", shown.error
    assert f"[1] {PANDAS} · pandas.merge (pandas/core/reshape/merge.py:" in shown.plain
    assert "(changed)" not in shown.plain and "(gone)" not in shown.plain
    assert "](" not in shown.markdown, "there is no link out of the project"
    assert notebook.value("answer.sources[0].package") == repr(PANDAS)
    shown = notebook.run("%%assist\nwhat does df.merge do")
    assert f"{PANDAS} · pandas.DataFrame.merge (pandas/core/frame.py:" in shown.plain


def test_a_notebook_removes_a_package_for_good(
    notebook: FrontEnd, echo: Callable[[list[dict[str, object]]], None]
) -> None:
    notebook.run("import pandas as pd")
    until(lambda: f"package  {PANDAS}: 2" in notebook.run("%assist index").printed)
    assert "pandas was removed" in notebook.run("%assist index remove pandas").printed
    notebook.run("import pandas")
    assert "pandas" not in notebook.run("%assist index").printed
    notebook.run("%%assist -o answer\nhow do I use pandas.merge")
    assert notebook.value("answer.sources") == "()"
    assert "unknown: index these" in notebook.run("%assist index these").error
