"""Manifest, text index and vectors: what they keep, and what they refuse."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from codeassist_jupyter.errors import IndexBusy, IndexFailed
from codeassist_jupyter.index.graph import Edge
from codeassist_jupyter.index.lexical import Lexical
from codeassist_jupyter.index.roster import Roster
from codeassist_jupyter.index.store import Entry, File, Manifest, entry_of
from codeassist_jupyter.index.vectors import Vectors
from codeassist_jupyter.types import Chunk


def chunk(name: str, text: str, path: str = "etl/clean.py", line: int = 1) -> Chunk:
    return Chunk(f"id-{name}", path, "function", name, "python", line, line + 2, name, text)


def rows(manifest: Manifest, *chunks: Chunk) -> list[tuple[Entry, Chunk]]:
    numbers = manifest.new_numbers(len(chunks))
    return [(entry_of(no, chunk), chunk) for no, chunk in zip(numbers, chunks, strict=True)]


def file(path: str) -> File:
    return File(path, 10, 20, 30, "digest", "python", 3)


def test_manifest_gives_back_what_was_finished(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path / "meta.duckdb")
    edge = Edge("etl.clean.a", "etl.clean.b", "calls", "etl/clean.py", 3)
    given = rows(manifest, chunk("a", "def a(): 'ü'"), chunk("b", "def b(): ..."))
    manifest.begin([file("etl/clean.py")])
    manifest.finish([file("etl/clean.py")], given, [edge])
    manifest.set_skipped([("big.bin", "too large")])
    manifest.close()

    manifest = Manifest(tmp_path / "meta.duckdb")
    assert manifest.entries() == [entry for entry, _ in given]
    assert manifest.chunks([given[1][0].no, 999]) == {given[1][0].no: given[1][1]}
    assert manifest.files() == {"etl/clean.py": file("etl/clean.py")}
    assert manifest.edges("etl.clean.b") == [edge]
    assert manifest.skipped() == [("big.bin", "too large")]
    assert manifest.totals() == (1, 3, 2)
    assert manifest.new_numbers(1)[0] > given[1][0].no
    manifest.close()


def test_file_that_was_begun_only_is_interrupted(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path / "meta.duckdb")
    manifest.begin([file("a.py")])
    assert manifest.files() == {}
    assert manifest.interrupted() == ["a.py"]
    manifest.remove(["a.py"])
    assert manifest.interrupted() == []
    manifest.close()


def test_generation_grows_with_what_is_live(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path / "meta.duckdb")
    before = manifest.generation
    manifest.finish([file("a.py")], [], [])
    assert manifest.generation > before
    generation = manifest.generation
    manifest.close()
    manifest = Manifest(tmp_path / "meta.duckdb")
    assert manifest.generation == generation
    manifest.close()


def test_manifest_of_another_process_is_busy(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path / "meta.duckdb")
    code = (
        "import sys; from pathlib import Path\n"
        "from codeassist_jupyter.errors import IndexBusy\n"
        "from codeassist_jupyter.index.store import Manifest\n"
        "try: Manifest(Path(sys.argv[1]))\n"
        "except IndexBusy: sys.exit(42)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "meta.duckdb")], check=False)
    manifest.close()
    assert done.returncode == 42


def test_damaged_manifest_is_refused(tmp_path: Path) -> None:
    (tmp_path / "meta.duckdb").write_bytes(b"not a database" * 1000)
    with pytest.raises(IndexFailed):
        Manifest(tmp_path / "meta.duckdb")


def test_name_counts_more_than_body(tmp_path: Path) -> None:
    lexical = Lexical(tmp_path)
    lexical.change((), {1: chunk("other", "calls parse_dates twice"), 2: chunk("parse_dates", "")})
    scores = lexical.search("parse dates", 10)
    assert scores[2] > scores[1] > 0
    lexical.close()


def test_change_deletes_and_adds_at_once_and_lasts(tmp_path: Path) -> None:
    lexical = Lexical(tmp_path)
    lexical.change((), {1: chunk("alpha", "first"), 2: chunk("beta", "second")})
    lexical.change([1], {3: chunk("gamma", "third")})
    lexical.close()
    lexical = Lexical(tmp_path)
    assert lexical.size == 2
    assert lexical.search("first", 10) == {}
    assert set(lexical.search("second third", 10)) == {2, 3}
    lexical.change((), {}, ["etl/clean.py"])
    assert lexical.size == 0
    lexical.close()


def test_files_of_a_killed_commit_are_not_in_the_way(tmp_path: Path) -> None:
    lexical = Lexical(tmp_path)
    lexical.change((), {n: chunk(f"f{n}", "first") for n in range(3)})
    lexical.close()
    committed = (tmp_path / "meta.json").read_bytes()
    lexical = Lexical(tmp_path)
    lexical.change([1], {})
    lexical.close()
    (tmp_path / "meta.json").write_bytes(committed)  # the last step of a commit
    lexical = Lexical(tmp_path)
    lexical.change([1], {})
    assert lexical.search("first", 10).keys() == {0, 2}
    lexical.close()


def test_failed_change_leaves_nothing_behind() -> None:
    lexical = Lexical()
    with pytest.raises((AttributeError, TypeError)):
        lexical.change((), {1: chunk("alpha", "first"), 2: None})  # type: ignore[dict-item]
    lexical.change((), {3: chunk("beta", "second")})
    assert lexical.search("first second", 10).keys() == {3}
    lexical.close()


def test_second_writer_of_the_text_index_is_busy(tmp_path: Path) -> None:
    lexical = Lexical(tmp_path)
    with pytest.raises(IndexBusy):
        Lexical(tmp_path)
    lexical.close()


def test_damaged_text_index_is_refused(tmp_path: Path) -> None:
    Lexical(tmp_path).close()
    (tmp_path / "meta.json").write_text("{")
    with pytest.raises(IndexFailed):
        Lexical(tmp_path)


def test_small_index_borrows_rarity_from_the_large_one() -> None:
    large, small = Lexical(), Lexical()
    large.change((), {n: chunk(f"f{n}", "value " * 3) for n in range(200)})
    small.change((), {900: chunk("g", "value"), 901: chunk("h", "rare")})
    alone = small.search("value rare", 10)
    assert alone[900] == pytest.approx(alone[901])
    scores = small.search("value rare", 10, like=large)
    assert scores[901] > 100 * scores[900]
    large.close()
    small.close()


def test_coverage_weighs_words_by_rarity() -> None:
    lexical = Lexical()
    lexical.change((), {n: chunk(f"f{n}", "value") for n in range(50)})
    assert lexical.coverage("value zebra", "a zebra") > 0.9
    assert lexical.coverage("value zebra", "a value") < 0.1
    assert lexical.coverage("", "text") == 0.0
    lexical.close()


def test_hostile_query_is_only_words() -> None:
    lexical = Lexical()
    lexical.change((), {1: chunk("alpha", "first AND (second")})
    assert set(lexical.search('body:"(+first*^9 OR [a TO b]', 10)) == {1}
    assert lexical.search("::: ()", 10) == {}
    lexical.close()


def unit_vectors(count: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, 8)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_vectors_last_and_only_wanted_ones_are_read(tmp_path: Path) -> None:
    given = unit_vectors(5)
    keys = ["a", "b", "c", "d", "e"]
    vectors = Vectors(tmp_path, "v", 8)
    vectors.load(set())
    vectors.add(keys, given)
    vectors = Vectors(tmp_path, "v", 8)
    vectors.load({"b", "d"})
    assert len(vectors) == 2
    scores = vectors.scores(given[3])
    assert vectors.key_at(int(scores.argmax())) == "d"
    assert scores.max() == pytest.approx(1.0, abs=1e-2)  # half precision on disk


def test_vectors_of_open_cells_stay_in_memory(tmp_path: Path) -> None:
    vectors = Vectors(tmp_path, "v", 8)
    vectors.load(set())
    vectors.add(["a"], unit_vectors(1), durable=False)
    assert "a" in vectors
    again = Vectors(tmp_path, "v", 8)
    again.load({"a"})
    assert "a" not in again


def test_many_small_writes_are_merged(tmp_path: Path) -> None:
    vectors = Vectors(tmp_path, "v", 8)
    vectors.load(set())
    for n in range(70):
        vectors.add([f"k{n}"], unit_vectors(1, n))
    before = len(list((tmp_path / "v.lance" / "data").iterdir()))
    vectors.tidy()
    vectors.load({f"k{n}" for n in range(70)})
    assert len(vectors) == 70
    assert before == 70


def test_damaged_vectors_are_refused_and_can_be_dropped(tmp_path: Path) -> None:
    vectors = Vectors(tmp_path, "v", 8)
    vectors.load(set())
    vectors.add(["a"], unit_vectors(1))
    for manifest in (tmp_path / "v.lance" / "_versions").iterdir():
        manifest.write_bytes(b"damaged")
    vectors = Vectors(tmp_path, "v", 8)
    with pytest.raises(IndexFailed):
        vectors.load({"a"})
    vectors.drop()
    vectors.load({"a"})
    assert len(vectors) == 0


def entry(no: int, name: str, path: str = "a.py", key: str = "k") -> Entry:
    return Entry(no, path, "method", name, "python", 1, 2, None, None, key, "d")


def test_roster_finds_symbols_by_any_dotted_end() -> None:
    roster = Roster([entry(1, "Loader.get"), entry(2, "Cache.get"), entry(3, "get")])
    assert roster.named("GET") == (1, 2, 3)
    assert roster.named("cache.get") == (2,)
    roster.remove([2])
    assert roster.named("cache.get") == ()
    assert roster.named("get") == (1, 3)


def test_roster_forgets_texts_that_nobody_has() -> None:
    roster = Roster([entry(1, "a", key="x"), entry(2, "b", key="x"), entry(3, "c", key="y")])
    roster.remove([1, 3, 99])
    assert roster.texts() == {"x"}
    assert [e.no for e in roster.of_path("a.py")] == [2]


@pytest.mark.parametrize("half", [False, True])
def test_some_rows_score_as_all_do(half: bool) -> None:
    vectors = Vectors(None, "v", 8, half)
    given = unit_vectors(6)
    vectors.add(["a", "b"], given[:2])
    vectors.add(["c", "d", "e"], given[2:5])
    scores = vectors.scores(given[5])
    assert vectors.scores(given[5], [4, 1]) == pytest.approx(scores[[4, 1]])
    assert vectors.average(given[5]) == pytest.approx(scores.mean(), abs=1e-3)
    assert scores == pytest.approx(given[:5] @ given[5], abs=1e-2)
