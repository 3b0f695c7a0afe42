"""Chunks of real and hostile documents: complete, exact, stable, of bearable size."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codeassist_jupyter.index.chunk import LONGEST, body_words, chunk
from codeassist_jupyter.index.parse import Document, parse
from codeassist_jupyter.types import Chunk

SAMPLE = Path(__file__).parent.parent / "examples" / "sample_project"


def chunks(path: str, text: str | bytes) -> list[Chunk]:
    return chunk(parse(path, text.encode() if isinstance(text, str) else text))


def sample(path: str) -> list[Chunk]:
    return chunks(path, (SAMPLE / path).read_bytes())


def named(found: list[Chunk], name: str) -> Chunk:
    [one] = [c for c in found if c.name == name]
    return one


def solid(text: str) -> int:
    return len("".join(text.split()))


def check(document: Document) -> list[Chunk]:
    """Hold the promises that every document's chunks keep."""
    found = chunk(document)
    assert len({c.id for c in found}) == len(found)
    lines = document.text.split("\n")
    for c in found:
        assert c.path == document.path and c.text.strip() and c.header.strip()
        assert 1 <= c.start_line <= c.end_line
        if c.cell is not None:
            continue
        span = "\n".join(lines[c.start_line - 1 : c.end_line])
        assert c.text == span if c.start_line < c.end_line else c.text in span
    assert [c.id for c in chunk(document)] == [c.id for c in found]
    return found


def test_a_chunk_per_symbol_and_the_rest_of_its_class_and_module():
    assert [(c.kind, c.name, c.start_line, c.end_line) for c in sample("etl/errors.py")] == [
        ("module", "etl.errors", 1, 1),
        ("class", "ExportError", 4, 5),
        ("class", "MissingColumns", 8, 9),
        ("method", "MissingColumns.__init__", 11, 13),
        ("class", "TooManyRejects", 16, 17),
    ]


@pytest.mark.parametrize("path", ["etl/clean.py", "web/chart.ts", "README.md", "etl/pipeline.py"])
def test_chunks_cover_every_line_that_says_something(path):
    document = parse(path, (SAMPLE / path).read_bytes())
    covered = {n for c in check(document) for n in range(c.start_line, c.end_line + 1)}
    lost = [
        line
        for number, line in enumerate(document.text.split("\n"), 1)
        if number not in covered and line.strip(" })];")
    ]
    assert lost == []


def test_headers_say_where_what_and_why():
    found = sample("etl/clean.py")
    assert named(found, "normalize_names").header == (
        "etl clean\nnormalize names names\n"
        "Strip, collapse inner blanks and capitalise, so that one customer has one spelling."
    )
    assert named(found, "OrderCleaner.clean").header.startswith(
        "etl clean\norder cleaner clean orders\n"
    )
    assert named(found, "etl.clean").header.startswith(
        "etl clean\nDATE_FORMATS MAX_REJECTED\nMakes the"
    )
    draw = named(sample("web/chart.ts"), "RevenueChart.constructor")
    assert draw.header == "web chart\nrevenue chart constructor canvas"


def test_parameters_leave_types_and_defaults_out():
    head = "def f(self, a: dict[str, int] = g(1, 2), *args: T, k=(3, 4), **kw) -> X:"
    text = f"@cache\n{head}\n    ...\n"
    assert chunks("m.py", text)[0].header == "m\nf a args k kw\ncache"
    go = "package m\nfunc (t *T) Run(ctx Context, n int) error { return nil }\n"
    assert named(chunks("m.go", go), "T.Run").header == "m\nt run ctx n"


def test_cells_have_their_trail_names_and_the_prose_above():
    found = sample("eda.ipynb")
    share = next(c for c in found if c.cell_id == "share")
    assert (share.kind, share.language, share.cell) == ("cell", "python", 7)
    assert share.header == (
        "eda\nA first look at March > Revenue\nreport revenue_by_month orders\n"
        "The share of each region in the month's revenue; cancelled orders are left out."
    )
    assert (share.start_line, share.end_line) == (1, 3)
    prose = next(c for c in found if c.cell_id == "intro")
    assert prose.header.endswith(
        "\nOne month of orders, to see what the cleaning has to cope with."
    )


def test_sections_have_their_trail_and_first_words():
    layout = named(sample("README.md"), "Known problems")
    assert layout.header.startswith(
        "readme\nCustomer orders > The data > Known problems\n- Names come with stray blanks"
    )


def long_function(statements: int) -> str:
    body = "".join(
        f"    if value_{i} is None:\n        # about {i}\n"
        f"        raise ValueError('number {i} is bad')\n"
        for i in range(statements)
    )
    return f"x = 1\n\n\ndef long(a, b):\n    '''Says.'''\n{body}    return a\n"


def test_a_long_function_is_cut_between_statements():
    found = check(parse("m.py", long_function(100).encode()))
    parts = [c for c in found if c.name == "long"]
    assert len(parts) > 3
    assert parts[0].header == "m\nlong a b\nSays."
    for part in parts[1:]:
        assert part.header == "m\nlong"
        assert part.text.lstrip().startswith(("if value_", "return"))
        assert solid(part.text) <= LONGEST
    message = [c for c in parts if "'number 77 is bad'" in c.text]
    assert len(message) == 1
    assert message[0].end_line - message[0].start_line < 100


def test_a_short_function_stays_whole():
    found = chunks("m.py", long_function(20))
    assert len([c for c in found if c.name == "long"]) == 1


@pytest.mark.parametrize("path", ["m.ts", "m.go"])
def test_long_functions_of_other_languages_are_cut_between_statements(path):
    head = "package m\nfunc Long() {" if path == "m.go" else "export function Long() {"
    body = "".join(f"  if (a{i} > 1) {{\n    call{i}(1);\n  }}\n" for i in range(200))
    parts = [c for c in chunks(path, f"{head}\n{body}}}\n") if c.name == "Long"]
    assert len(parts) > 2
    assert all(part.text.startswith("  if (a") for part in parts[1:])


def test_a_long_table_without_statements_is_cut_too():
    rows = "".join(f"    'key {i}': 'value of the key {i}',\n" for i in range(500))
    found = check(parse("m.py", f"TABLE = {{\n{rows}}}\n".encode()))
    assert len(found) > 5
    assert all(solid(c.text) <= LONGEST for c in found)


def test_long_prose_is_cut_between_paragraphs_and_then_sentences():
    paragraph = "One sentence follows another, and each says little. " * 12
    document = parse("a.md", f"# T\n\n{(paragraph + chr(10) * 2) * 8}".encode())
    found = check(document)
    assert len(found) > 2
    assert all(c.text.startswith(("# T", "One sentence")) for c in found)
    assert all(c.text.rstrip().endswith("little.") for c in found)

    one_line = check(parse("a.txt", (paragraph * 20).encode()))
    assert len(one_line) > 3
    assert {(c.start_line, c.end_line) for c in one_line} == {(1, 1)}
    assert all(c.text.rstrip().endswith("little.") for c in one_line)


def test_a_long_line_without_sentences_is_cut_anyway():
    found = check(parse("a.txt", b"x" * 50_000))
    assert max(len(c.text) for c in found) <= 4000
    assert sum(len(c.text) for c in found) == 50_000


def test_ids_stay_when_other_things_change():
    before = {c.name: c.id for c in sample("etl/clean.py")}
    text = (
        (SAMPLE / "etl/clean.py")
        .read_text()
        .replace("def parse_amount", "def other(): ...\n\n\ndef parse_amount")
    )
    after = {c.name: c.id for c in chunks("etl/clean.py", "# one more line\n" + text)}
    assert before.items() <= after.items()
    assert not set(before.values()) & {c.id for c in chunks("elsewhere.py", text)}


def test_namesakes_and_copied_cells_have_ids_of_their_own():
    text = "if A:\n    def f(): return 1\nelse:\n    def f(): return 2\n"
    assert len({c.id for c in chunks("m.py", text) if c.name == "f"}) == 2
    cell = {"cell_type": "code", "source": "x = 1", "outputs": []}
    for one in (cell, cell | {"id": "same"}):
        document = parse("n.ipynb", json.dumps({"cells": [one, one]}).encode())
        first, second = check(document)
        assert first.id != second.id


def test_a_cell_keeps_its_id_when_it_moves_and_is_edited():
    def ids(*cells: tuple[str, str]) -> dict[str | None, str]:
        found = [{"cell_type": "code", "source": text, "id": key} for key, text in cells]
        return {c.cell_id: c.id for c in chunks("n.ipynb", json.dumps({"cells": found}))}

    before = ids(("a", "x = 1"), ("b", "y = 2"))
    assert before == ids(("b", "y = 3"), ("a", "x = 1"))


def test_a_large_library_keeps_the_promises():
    import pandas

    root = Path(pandas.__file__).parent
    for path in sorted(root.glob("core/[f-m]*.py")):
        found = check(parse(path.relative_to(root).as_posix(), path.read_bytes()))
        assert all(solid(c.text) <= LONGEST for c in found)


PIECES = st.sampled_from(
    [
        *(
            "def f():\n",
            "class A:\n",
            "    def m(self):\n",
            "        return 1\n",
            "    x = 1\n",
            "\n",
        ),
        *(
            "# comment\n",
            "@d\n",
            "if x:\n",
            "else:\n",
            "'''doc'''\n",
            "x = [\n",
            "]\n",
            "\t\n",
            "\r",
        ),
        *(
            "# T\n",
            "text. More text! ",
            "z" * 3000,
            "a b. " * 900,
            "    y = 2\n" * 150,
            "}\n",
            "é\n",
        ),
        *(
            "func F() {\n",
            "type T struct {\n",
            "function g() {\n",
            "export class B {\n",
            "\x0c",
            "\u2028",
        ),
    ]
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(["a.py", "b.ts", "c.go", "d.md", "e.txt", "f.ipynb", "g.js"]),
    st.lists(PIECES, max_size=30).map("".join),
)
def test_fuzz_promises(path, text):
    if path.endswith(".ipynb"):
        cells = [{"cell_type": kind, "source": text} for kind in ("code", "markdown", "raw")]
        text = json.dumps({"cells": cells})
    for c in check(parse(path, text.encode())):
        assert len(c.header) < 2000


def test_body_is_read_as_its_first_words_each_once() -> None:
    assert body_words("def loadTable(path):\n    return load_table(path, x)") == "load table path"
    assert body_words("") == ""
    assert (
        len(body_words(" ".join(f"word{chr(97 + n % 26)}{'x' * n}" for n in range(300))).split())
        == 100
    )
