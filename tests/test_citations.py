"""Sources of an answer: in the prompt, in its prose, and in the list below it."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from codeassist_jupyter import citations
from codeassist_jupyter.citations import Cited
from codeassist_jupyter.types import Chunk, Hit, Source


def hit(text: str = "x = 1", path: str = "etl/clean.py", name: str = "clean") -> Hit:
    return Hit(Chunk("id", path, "function", name, "python", 4, 9, "header", text), 1.0)


def rendered(*found: Cited) -> str:
    return MarkdownIt("commonmark").render(citations.listing(found))


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("It strips names [1].", {1}),
        ("It strips names[1] and dates [2][3], see [12].", {1, 2, 3, 12}),
        ("**Bold [2]** and *more [3]*\n\n- a point [4]\n\n| a [5] |", {2, 3, 4, 5}),
        ("See [1].\n\n[1]: etl/clean.py", {1}),
        ("Take `xs[1]` or ``ys[2]``, not the last.", set()),
        ("```python\nxs[1]\n```\n", set()),
        ("~~~\nxs[1]\n~~~\nbut [2]", {2}),
        ("Cut off:\n```python\nxs[1]\nmore = [3]", set()),
        ("````\n```\nxs[1]\n```\nxs[2]\n````\nafter [3]", {3}),
        ("1. First:\n   ```python\n   xs[1]\n   ```\n   as in [2]", {2}),
        ("A link [1](http://example.com) and an image ![2](x.png)", set()),
        ("A long one [123] and none []", set()),
        ("", set()),
    ],
)
def test_prose_cites_and_code_does_not(text: str, numbers: set[int]) -> None:
    assert citations.cited(text) == numbers


def test_notes_take_whole_lines_of_the_room_that_sources_leave() -> None:
    notes = [("map", "x" * 29 + "\n" + "y" * 29), ("near", "z" * 29), ("far", "")]
    hits = [hit("h" * 30)]
    assert citations.beside(notes, hits, 40) == (
        ("map", "x" * 29 + "\n" + "y" * 29),
        ("near", "z" * 29),
    )
    assert citations.beside(notes, hits, 29) == (("map", "x" * 29),)
    assert citations.beside(notes, hits, 5) == ()
    assert citations.beside(notes, [], 10) == (("map", "x" * 29),)


def test_the_best_that_fit_are_selected_and_always_one() -> None:
    hits = [hit("a" * 300), hit("b" * 300), hit("c" * 300)]
    assert citations.select(hits, 250) == tuple(hits[:2])
    assert citations.select(hits, 0) == (hits[0],)
    assert citations.select([], 100) == ()


def test_the_number_in_the_prompt_is_the_number_of_the_source() -> None:
    hits = [hit("one"), hit("two " * 1000, name="")]
    assert [source.id for source in citations.sources(hits)] == [1, 2]
    (first, one), (second, two) = citations.attachments(hits)
    assert (first, one) == ("source 1 etl/clean.py:4–9 · clean", "one")
    assert second == "source 2 etl/clean.py:4–9"
    assert len(two) < 1000


def test_places_are_named_as_people_count() -> None:
    assert citations.place(Source(1, "a.py", 41, 68, None, "f")) == "a.py:41–68 · f"
    assert citations.place(Source(1, "eda.ipynb", 1, 3, 11)) == "eda.ipynb · cell 12"
    assert citations.place(Source(1, "a.txt")) == "a.txt"


def test_a_place_is_one_short_line_without_control_characters() -> None:
    source = Source(1, "a\x1b[31m\nb.py", 1, 2, None, "name " * 1000)
    place = citations.place(source)
    assert place.startswith("a b.py:1–2 · name name")
    assert len(place) <= 200


def test_the_list_links_to_files_and_marks_what_is_not_verified() -> None:
    source = Source(1, "etl/my data (1).py", 1, 2, None, "f")
    html = rendered(Cited(source, "verified", "../etl/my data (1).py"))
    assert '<a href="../etl/my%20data%20%281%29.py">etl/my data (1).py:1–2 · f</a>' in html
    assert "verified" not in html
    html = rendered(Cited(source, "moved", "x.py"), Cited(source, "gone", ""))
    assert "(moved)" in html and "(gone)" in html
    assert html.count("<a ") == 1
    assert str(Cited(source, "changed", "")) == "[1] etl/my data (1).py:1–2 · f (changed)"


@pytest.mark.parametrize(
    "name",
    [
        "](http://evil.example) [x",
        "![x](http://evil.example/p.png)",
        "<img src=x onerror=alert(1)>",
        "x\n\n[a]: http://evil.example\n\n# Title",
        "`code` **bold** &lt;b&gt; a|b",
        "<http://evil.example>",
    ],
)
def test_names_from_files_bring_no_markup_of_their_own(name: str) -> None:
    html = rendered(Cited(Source(1, "a.py", 1, 2, None, name), "verified", "a.py"))
    assert html.startswith('<p>[1] <a href="a.py">a.py:1–2 · ')
    assert html.count("<") == 4, html  # p and a


@pytest.mark.parametrize("link", ["javascript:alert(1)", 'a" onclick="x', "a) [b](c", "ü.py"])
def test_a_link_stays_a_path(link: str) -> None:
    html = rendered(Cited(Source(1, "a.py", 1, 2), "verified", link))
    assert html.count("<a ") == 1
    for bad in ("javascript:", "onclick=", ">b<"):
        assert bad not in html
