"""What parsers find in real sources, and that nothing makes them fail."""

from __future__ import annotations

import ast
import json
import warnings
from pathlib import Path

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codeassist_jupyter.index.parse import Document, Unit, decode, module_name, parse

SAMPLE = Path(__file__).parent.parent / "examples" / "sample_project"


def sample(path: str) -> Document:
    return parse(path, (SAMPLE / path).read_bytes())


def unit(document: Document, name: str) -> Unit:
    [found] = [unit for unit in document.units if unit.name == name]
    return found


def source(text: str, path: str = "pkg/mod.py") -> Document:
    return parse(path, text.encode())


def notebook(*cells: object, **more: object) -> bytes:
    return json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5, **more}).encode()


def code(text: str, **more: object) -> dict[str, object]:
    return {"cell_type": "code", "source": text, "outputs": [], **more}


def prose(text: str) -> dict[str, object]:
    return {"cell_type": "markdown", "source": text}


# Python


def test_symbols_of_a_python_module():
    document = sample("etl/clean.py")
    assert document.note == ""
    assert [(u.kind, u.name) for u in document.units] == [
        ("module", "etl.clean"),
        ("function", "normalize_names"),
        ("function", "_normalize_name"),
        ("function", "parse_date"),
        ("function", "parse_amount"),
        ("class", "OrderCleaner"),
        ("method", "OrderCleaner.__init__"),
        ("method", "OrderCleaner.clean"),
        ("function", "clean_orders"),
    ]
    names = unit(document, "normalize_names")
    assert names.signature == "def normalize_names(names: pd.Series) -> pd.Series"
    assert names.docstring.startswith("Strip, collapse inner blanks")
    assert unit(document, "parse_date").complexity == 3
    assert "MAX_REJECTED" in document.units[0].defines


def test_every_unit_is_exactly_its_lines():
    for path in ("etl/clean.py", "web/chart.ts", "README.md"):
        document = sample(path)
        lines = document.text.split("\n")
        for found in document.units:
            assert found.text == "\n".join(lines[found.start_line - 1 : found.end_line])


def test_imports_name_their_targets_from_the_root():
    document = source(
        "import numpy as np, a.b\nfrom . import x\nfrom ..up import y as z\nfrom .sub import *\n",
        "top/pkg/mod.py",
    )
    assert document.units[0].imports == (
        ("np", "numpy", 1),
        ("a.b", "a.b", 1),
        ("x", "top.pkg.x", 2),
        ("z", "top.up.y", 3),
        ("*", "top.pkg.sub.*", 4),
    )
    inside = source("from .mod import f\n", "top/pkg/__init__.py").units[0]
    assert (inside.name, inside.imports) == ("top.pkg", (("f", "top.pkg.mod.f", 1),))


def test_calls_have_names_and_first_lines():
    found = unit(source("def f(x):\n    g(x)\n    a.b.c(g(1))\n    h()().i()\n"), "f")
    assert dict(found.calls) == {"g": 2, "a.b.c": 3, ".i": 4, "": 4, "h": 4}


def test_uses_are_names_from_outside():
    found = unit(
        source(
            "def f(a, *b, c=LIMIT, **d):\n"
            "    local = [i for i in range(a)]\n"
            "    def inner(q): return q + outer_name + local\n"
            "    try: pass\n"
            "    except KeyError as e: print(e)\n"
            "    return {**d, 'x': np.pi}, (lambda w: w + b)\n"
        ),
        "f",
    )
    assert set(found.uses) == {"LIMIT", "outer_name", "np"}


def test_decorators_and_comments_above_belong_to_a_function():
    found = unit(
        source("x = 1\n\n# Why.\n# Because.\n@cache\n@retry(times=3)\ndef f(): ...\n"), "f"
    )
    assert (found.start_line, found.end_line) == (3, 7)
    assert found.decorators == ("cache", "retry(times=3)")


def test_definitions_under_conditions_are_found():
    text = (
        "if A:\n    def f(): ...\nelse:\n    try:\n        class C(Base):\n"
        "            def m(self): ...\n    except E:\n        pass\n"
    )
    document = source(text)
    assert [u.name for u in document.units] == ["pkg.mod", "f", "C", "C.m"]
    assert unit(document, "C").bases == ("Base",)


def test_a_signature_over_several_lines_is_one():
    text = (
        "async def f(\n    a: int,  # first\n    b: str = 'x:y',\n) -> None:  # noqa\n"
        "    # says\n    pass\n"
    )
    assert unit(source(text), "f").signature.endswith("b: str = 'x:y', ) -> None")


def test_other_peoples_escapes_warn_nobody():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        document = source("p = '\\d'\ndef f(): return 0x1for x in y\n")
    assert not caught
    assert len(document.units) >= 1


def test_broken_python_still_gives_its_symbols():
    document = source(
        'from .clean import x as y\nclass A(B):\n    """Doc A."""\n    def ok(self, a=1):\n'
        '        """Doc."""\n        y(self.foo())\n    def broken(self:\n        return 1\n'
        "def late(x): return x\n"
    )
    assert document.note == "syntax error in line 7"
    assert {"A", "A.ok", "late"} <= {u.name for u in document.units}
    assert unit(document, "A.ok").docstring == "Doc."
    assert ("y", 6) in unit(document, "A.ok").calls
    assert document.units[0].imports == (("y", "pkg.clean.x", 1),)


def test_deep_nesting_degrades():
    for text in ("(" * 5000 + ")" * 5000, "x = " + "-" * 50_000 + "1", "a" + ".b" * 20_000):
        document = parse("deep.py", ("\n" * 200 + text).encode())
        assert document.text.endswith(text)


def test_agrees_with_ast_on_a_large_library():
    import pandas

    root = Path(pandas.__file__).parent
    for path in sorted(root.glob("core/[a-i]*.py")):
        data = path.read_bytes()
        expected = {
            (node.name, node.end_lineno)
            for node in ast.walk(ast.parse(data))
            if isinstance(node, ast.ClassDef)
        }
        units = parse(path.relative_to(root).as_posix(), data).units
        classes = {(u.name.split(".")[-1], u.end_line) for u in units if u.kind == "class"}
        assert classes <= expected
        assert len(classes) >= 0.9 * len(expected)  # the rest is inside functions


# Other languages


def test_typescript():
    document = sample("web/chart.ts")
    assert [(u.kind, u.name) for u in document.units] == [
        ("module", "web.chart"),
        ("class", "MonthlyRevenue"),
        ("function", "groupByRegion"),
        ("class", "RevenueChart"),
        ("method", "RevenueChart.constructor"),
        ("method", "RevenueChart.draw"),
    ]
    group = unit(document, "groupByRegion")
    assert group.docstring == "Groups the report's rows by region, months in order."
    assert group.signature.startswith("export function groupByRegion(rows: MonthlyRevenue[])")
    assert document.units[0].imports == (("formatCurrency", "web.format.formatCurrency", 3),)
    assert {"groupByRegion", "formatCurrency"} <= dict(
        unit(document, "RevenueChart.draw").calls
    ).keys()
    assert unit(sample("web/format.ts"), "formatCurrency").kind == "function"


def test_tsx_and_commonjs():
    document = parse(
        "web/app.tsx",
        b'import React, {useState as us} from "./lib/react";\nimport * as d from "../d";\n'
        b"@Comp()\nexport default class A extends B<C> implements D {\n"
        b"  private x = () => 1;\n  async m(a: number) { if (a && b) { new Z(); } }\n}\n"
        b"export const Foo = (p: P): JSX.Element => { return <Bar x={1}/>; };\n",
    )
    assert {u.name for u in document.units} == {"web.app", "A", "A.x", "A.m", "Foo"}
    assert unit(document, "A").bases == ("B", "D")
    assert unit(document, "A").start_line == 3
    assert unit(document, "A.m").complexity == 3
    assert dict(unit(document, "Foo").calls) == {"Bar": 8}
    assert ("us", "web.lib.react.useState", 1) in document.units[0].imports
    assert ("d", "d", 2) in document.units[0].imports

    document = parse(
        "a/b.js", b'const {x: y} = require("./c");\nexports.z = function() { y(); };\n'
    )
    assert document.units[0].imports == (("y", "a.c.x", 1),)
    assert unit(document, "z").kind == "function"


def test_go():
    document = parse(
        "go/a.go",
        b'package main\nimport (\n\t"fmt"\n\tm "github.com/x/math"\n)\n// T is one.\n'
        b"type T struct { A int }\n// Run runs.\nfunc (t *T) Run(x int) error {\n"
        b"\tfmt.Println(m.Sin(1))\n\treturn nil\n}\n",
    )
    assert [(u.kind, u.name) for u in document.units] == [
        ("module", "go.a"),
        ("class", "T"),
        ("method", "T.Run"),
    ]
    run = unit(document, "T.Run")
    assert (run.start_line, run.docstring) == (8, "Run runs.")
    assert dict(run.calls) == {"fmt.Println": 10, "m.Sin": 10}
    assert document.units[0].imports == (("fmt", "fmt", 3), ("m", "github.com.x.math", 4))


@pytest.mark.parametrize("suffix", ["js", "ts", "tsx", "go"])
def test_broken_source_keeps_its_text(suffix):
    document = parse(f"x.{suffix}", b"function f( { ]]] class ++ 'unended\nfunc (((\n")
    assert document.note == "syntax error"
    assert "unended" in document.units[0].text


# Markdown and plain text


def test_markdown_sections_have_trails():
    document = sample("README.md")
    assert [(u.name, len(u.heading)) for u in document.units] == [
        ("Customer orders", 1),
        ("Run it", 2),
        ("The data", 2),
        ("Known problems", 3),
        ("Layout", 2),
    ]
    assert unit(document, "Known problems").heading == (
        "Customer orders",
        "The data",
        "Known problems",
    )


def test_markdown_headings_are_not_looked_for_in_code_quotes_or_front_matter():
    text = (
        "---\ntitle: x\n---\nintro\n\nTwo\nlines\n===\na\n```\n# no\n```\n> # no\n\n## Yes ##\nb\n"
    )
    document = parse("a.md", text.replace("\n", "\r\n").encode())
    assert [(u.name, u.start_line, u.end_line) for u in document.units] == [
        ("", 1, 4),
        ("Two lines", 6, 13),
        ("Yes", 15, 16),
    ]


def test_a_heading_without_text_is_part_of_the_trail_only():
    document = parse("a.md", b"# A\n\n## B\n\ntext\n\n# C\n")
    assert [(u.name, u.heading) for u in document.units] == [("B", ("A", "B")), ("C", ("C",))]


def test_data_files_are_known_by_their_beginning():
    document = parse("a.csv", b"id,name\n" + b"1,x\n" * 10_000)
    assert document.note == "only the beginning, it is data"
    assert document.units[0].text.startswith("id,name\n1,x\n")
    assert len(document.units[0].text) <= 4000


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xef\xbb\xbfa\r\nb\rc", "a\nb\nc"),
        ("größe\n".encode("utf-16"), "größe\n"),
        ("größe".encode("latin-1"), "größe"),
        ("# -*- coding: cp1251 -*-\nя".encode("cp1251"), "# -*- coding: cp1251 -*-\nя"),
        (b"# coding: no-such-codec\n\xff", "# coding: no-such-codec\nÿ"),
        (b"# coding: zip\n\xff", "# coding: zip\nÿ"),
        (b"a\0b", None),
    ],
)
def test_bytes_become_text(data, text):
    assert decode(data) == text


def test_what_is_no_source_is_left_out_with_a_reason():
    assert parse("a.py", b"x\0y").note == "binary"
    assert parse("a.js", b"var x=1;" * 1000).note == "minified"
    assert parse("a.js", b"var x=1;" * 1000).units == ()
    assert parse("prose.txt", b"word " * 1000).units != ()
    assert parse("empty.py", b"\n\n").units == ()


def test_module_names():
    assert module_name("etl/__init__.py") == "etl"
    assert module_name("web/index.ts") == "web"
    assert module_name("index.ts") == "index"
    assert module_name("a/b.test.ts") == "a.b.test"


# Notebooks


def test_cells_of_the_sample_notebook():
    document = sample("eda.ipynb")
    assert (document.language, document.note) == ("python", "")
    share = next(u for u in document.units if u.cell_id == "share")
    assert share.cell == 7
    assert share.heading == ("A first look at March", "Revenue")
    assert share.docstring.startswith("The share of each region")
    assert share.defines == ("report",)
    assert set(share.uses) == {"revenue_by_month", "orders"}
    assert "region" in share.output and "<table" not in share.output
    # "## Load" alone is in the trail of the cell below it
    assert [u.cell for u in document.units] == [0, 2, 3, 4, 5, 6, 7, 9]


def test_a_name_read_before_it_is_bound_is_used():
    document = parse(
        "n.ipynb",
        notebook(
            code("df = df.dropna()\nfor c in cols:\n    total += df[c]\n[q for q in df]\n"),
            code("import a.b as x, c.d\nwith open(p) as f:\n    (n := 1)\ndel gone\n"),
        ),
    )
    assert document.units[0].defines == ("df", "c", "total")
    assert document.units[0].uses == ("df", "cols", "total")
    assert document.units[1].defines == ("x", "c", "f", "n", "gone")
    assert document.units[1].uses == ("p",)


def test_magics_do_not_hide_the_python_around_them():
    document = parse(
        "n.ipynb",
        notebook(
            code(
                "%matplotlib inline\n!pip install x\nimport pandas as pd\n"
                "files = !ls\ndf = pd.x(files)"
            ),
            code("%%time\ndf = df.dropna()"),
            code("%%sql\nselect 1"),
            code("df?"),
            code("%%bash\nls | wc"),
        ),
    )
    first, timed, sql, _, bash = document.units
    assert first.defines == ("pd", "files", "df")
    assert dict(first.calls) == {"pd.x": 5}
    assert first.imports == (("pd", "pandas", 3),)
    assert (timed.language, timed.uses, timed.text) == (
        "python",
        ("df",),
        "%%time\ndf = df.dropna()",
    )
    assert (sql.language, bash.language) == ("sql", "bash")


def test_outputs_are_text_and_short():
    outputs = [
        {
            "output_type": "display_data",
            "data": {"image/png": "A" * 500_000, "text/plain": ["<Figure>"]},
        },
        {"output_type": "stream", "name": "stdout", "text": ["hello\n", "world"]},
        {"output_type": "error", "ename": "KeyError", "evalue": "'x'", "traceback": []},
        {
            "output_type": "execute_result",
            "data": {"text/html": "<b>no</b>", "text/plain": "z" * 9000},
        },
    ]
    [cell] = parse("n.ipynb", notebook(code("f()", outputs=outputs))).units
    assert cell.output.startswith("<Figure>\nhello\nworld\nKeyError: 'x'\nzzz")
    assert len(cell.output) <= 2000
    assert "AAA" not in cell.output


def test_source_that_looks_like_an_image_survives():
    text = 'x = {"image/png":\n     "abc"}\ny = "image/png"'
    [cell] = parse("n.ipynb", notebook(code(text))).units
    assert cell.text == text
    [cell] = parse("n.ipynb", notebook(code('{"image/png":'), 7, {}, code("  "))).units
    assert cell.text == '{"image/png":'


def test_a_notebook_of_format_3():
    old = nbformat.v3.new_notebook(
        worksheets=[
            nbformat.v3.new_worksheet(
                cells=[
                    nbformat.v3.new_heading_cell("Load", level=2),
                    nbformat.v3.new_text_cell("markdown", "Read it."),
                    nbformat.v3.new_code_cell(
                        "df = read()",
                        outputs=[nbformat.v3.new_output("pyout", output_text="42")],
                    ),
                ]
            )
        ]
    )
    document = parse("old.ipynb", nbformat.v3.writes_json(old).encode())
    last = document.units[-1]
    assert (last.text, last.heading, last.docstring) == ("df = read()", ("Load",), "Read it.")
    assert (last.output, last.cell) == ("42", 2)


@pytest.mark.parametrize(
    "data",
    [
        b'{"cells": [{"cell_type": "code", "source": "load_orders()',
        b"[]",
        b"null",
        b'{"cells": {"a": 1}}',
        b'{"worksheets": [3]}',
        b"[" * 100_000,
        b"not json, load_orders()",
    ],
)
def test_what_is_no_notebook_is_read_as_text(data):
    document = parse("n.ipynb", data)
    assert document.note == "not a valid notebook, read as text"
    assert ("load_orders" in document.text) == (b"load_orders" in data)


def test_a_notebook_of_another_language():
    data = notebook(code("x <- 1"), metadata={"kernelspec": {"language": "R"}})
    document = parse("r.ipynb", data)
    assert (document.language, document.units[0].language) == ("r", "r")


def test_five_thousand_cells_with_images():
    image = {"output_type": "display_data", "data": {"image/png": "iVBORw0KGgo" * 400 + "\n"}}
    cells = [code(f"x{i} = f(x{i - 1})", id=str(i), outputs=[image]) for i in range(5000)]
    document = parse("big.ipynb", notebook(*cells))
    assert [u.cell_id for u in document.units] == [str(i) for i in range(5000)]
    assert document.units[-1].uses == ("f", "x4998")


def test_half_of_a_surrogate_pair_is_replaced():
    [cell] = parse(
        "n.ipynb", b'{"cells": [{"cell_type": "code", "source": "x = \\"\\ud800\\""}]}'
    ).units
    assert cell.text == 'x = "?"'


# PDF


def pdf(*pages: str, trailer: str = "") -> bytes:
    """A small PDF with one line of text per page."""
    kids = " ".join(f"{4 + 2 * i} 0 R" for i in range(len(pages)))
    bodies = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for i, page in enumerate(pages):
        stream = f"BT /F1 12 Tf 72 700 Td ({page}) Tj ET"
        bodies.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents {5 + 2 * i} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>"
        )
        bodies.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(bodies, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode()
    start = len(out)
    out += f"xref\n0 {len(bodies) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{offset:010} 00000 n \n".encode() for offset in offsets)
    root = f"<< /Size {len(bodies) + 1} /Root 1 0 R {trailer} >>"
    return out + f"trailer\n{root}\nstartxref\n{start}\n%%EOF\n".encode()


def test_a_pdf_has_a_unit_per_page():
    document = parse("paper.pdf", pdf("Orders are paid late", "", "The end"))
    assert [(u.name, u.text.strip()) for u in document.units] == [
        ("page 1", "Orders are paid late"),
        ("page 3", "The end"),
    ]
    lines = document.text.split("\n")
    for found in document.units:
        assert found.text == "\n".join(lines[found.start_line - 1 : found.end_line])


def test_a_locked_a_damaged_and_an_empty_pdf_say_so():
    zeros = "00" * 32
    standard = f"/Filter /Standard /V 1 /R 2 /P -4 /O <{zeros}> /U <{zeros}>"
    locked = f"/Encrypt << {standard} >> /ID [<00> <00>]"
    assert parse("a.pdf", pdf("x", trailer=locked)).note == "encrypted PDF"
    assert parse("a.pdf", b"%PDF-1.4 cut off").note == "damaged PDF"
    assert parse("a.pdf", b"").note == "damaged PDF"
    assert parse("a.pdf", pdf("")).note == "PDF without text (scanned?)"
    assert parse("a.pdf", pdf("")).units == ()


# Nothing makes it fail

PATHS = st.sampled_from(
    ["a.py", "b/c.js", "d.ts", "e.tsx", "f.go", "g.md", "h.ipynb", "i.txt", "j.csv", "k.pdf", "l"]
)
FRAGMENTS = st.sampled_from(
    [
        *(
            "def f(",
            "class A:",
            "    ",
            "\n",
            "\r\n",
            "\t",
            '"""',
            "'",
            "#",
            "%%sql\n",
            "!ls\n",
            "x = !ls",
        ),
        *("```\n", "> ", "- ", "===\n", "---\n", "# T\n", "](", "<!--", "func ", "type T struct {"),
        *("=>", "{", "}", "(", ")", "import ", "from . import ", "async ", "match x:\n", "case _:"),
        *("lambda: ", "\ud7ff", "é", "\x0c", "\u2028", "\0", "\\", "f'{", "@", "*", "**", "del x"),
        *('{"cells": [', '{"cell_type": "code", "source": ["', '"image/png": "', '"]}', "]}", "?"),
    ]
)


def check(document: Document) -> None:
    document.text.encode()
    lines = document.text.split("\n")
    for found in document.units:
        assert 1 <= found.start_line <= found.end_line
        found.text.encode()
        if found.cell is None:
            assert found.text == "\n".join(lines[found.start_line - 1 : found.end_line])
    assert document.units or document.note or not document.text.strip()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(PATHS, st.binary(max_size=400))
def test_fuzz_bytes(path, data):
    check(parse(path, data))


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(PATHS, st.lists(FRAGMENTS, max_size=40).map("".join))
def test_fuzz_syntax(path, text):
    check(parse(path, text.encode()))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(FRAGMENTS, max_size=25).map("".join), st.booleans(), st.integers(0, 400))
def test_fuzz_cells(text, in_list, cut):
    data = notebook(
        code([text] if in_list else text, id=[text]), prose(text), {"source": {"a": text}}
    )
    check(parse("a.ipynb", data))
    check(parse("a.ipynb", data[:cut]))


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["cells", "worksheets", "source", "input", "outputs", "data", "text"]
                )
                | st.sampled_from(
                    ["cell_type", "metadata", "kernelspec", "language", "level", "id"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_fuzz_notebook_shapes(value):
    check(parse("a.ipynb", json.dumps(value).encode()))
    check(parse("a.ipynb", notebook(value, code("x = 1", outputs=value), metadata=value)))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 899), st.integers(0, 255), st.integers(0, 899))
def test_fuzz_damaged_pdf(at, byte, cut):
    data = bytearray(pdf("some text here", "and here"))
    data[at % len(data)] = byte
    check(parse("a.pdf", bytes(data)))
    check(parse("a.pdf", bytes(data[:cut])))


def test_questions_to_the_assistant_are_not_indexed() -> None:
    cells = [
        {"cell_type": "code", "source": "%%assist\nwhere are the dates parsed?", "id": "a"},
        {"cell_type": "code", "source": "x = 1", "id": "b"},
        {"cell_type": "code", "source": "%assist status", "id": "c"},
    ]
    data = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    assert [unit.text for unit in parse("a.ipynb", data.encode()).units] == ["x = 1"]
