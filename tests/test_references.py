"""`{name}` in a question: what is replaced, what stays, and what is found without a call."""

from __future__ import annotations

import sys
import types
from typing import Any

import hostile
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeassist_jupyter.kernel.references import Reference, expand, numbered, resolve

KNOWN = {"df", "x", "n", "In", "xs", "d", "user"}


def known(expression: str) -> str | None:
    name = expression.split(".")[0].split("[")[0]
    return f"<{expression} with {{x}}>" if name in KNOWN else None


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("plot {df}", "plot `df`"),
        ("{ df.temp } by {df['a b']}", "`df.temp` by `df['a b']`"),
        ('({df["x"]}), {xs[0]} and {xs[-1].y}.', '(`df["x"]`), `xs[0]` and `xs[-1].y`.'),
        ("why {In[3]}?", "why `In[3]`?"),
        ('{df}\n{df} "{x}"', '`df`\n`df` "`x`"'),
        ("use { and {x}", "use { and `x`"),
        ("an } and {x}", "an } and `x`"),
    ],
)
def test_references_become_names(question: str, text: str) -> None:
    assert expand(question, known).text == text


@pytest.mark.parametrize(
    "question",
    [
        "{nope} {nope.x}",
        "{} { } {1} {'x'} {x!r} {x:>3} {x, n} {x()} {x + n} {x[n]} {x[0:1]} {-x} {x for}",
        '{"a": 1} {"a": {x}} {x: 1}',
        "{'a': {x}, 'b': [{x}]}",
        "{\n  {x}\n}",
        "f'{x}' f\"{x} {n}\" rf'{x}' F'{{x}}'",
        "'{x}'.format(x=1)",
        "`{x}` ``{x} ` `` ```{x}```",
        "```python\n{x}\n```",
        "~~~\n{x}\n```\n{x}\n~~~",
        "```\n{x}",
        "\\frac{x}{n} x_{n} x^{n} $\\mathrm{x}$ \\sum_{n}",
        "${x} \\{x} a{x} [a-z]{n} \\d{n} (ab){n}",
        "{{{x}}} {{nope}} {{ x + n }} {{x} {x}}",
        "{{ nope.name }}",
        "{x\n}",
    ],
)
def test_braces_that_are_no_reference_stay_as_typed(question: str) -> None:
    expanded = expand(question, known)
    assert expanded.text == question
    assert expanded.references == ()


def test_double_braces_are_the_text_of_a_reference() -> None:
    assert (
        expand("write {{x}} and {{ df.a }} and {x}", known).text == "write {x} and { df.a } and `x`"
    )
    assert expand("{{x}}", known).references == ()
    assert expand("a template {{ page.title }}", known).text == "a template {{ page.title }}"


def test_each_reference_is_described_once_in_the_order_of_the_question() -> None:
    asked = []

    def describe(expression: str) -> str | None:
        asked.append(expression)
        return known(expression)

    expanded = expand("{x} {nope} {df} {x} {nope} { x }", describe)
    assert expanded.references == (Reference("x", "<x with {x}>"), Reference("df", "<df with {x}>"))
    assert expanded.unknown == ("nope",)
    assert asked == ["x", "nope", "df"]


@given(st.text(alphabet="{}x `\n\"'f.[]0:,\\~_", max_size=60))
def test_whatever_is_not_replaced_stays(question: str) -> None:
    assert expand(question, lambda expression: None).text == question
    text = expand(question, known).text
    assert text.replace("`", "").replace("{", "").replace("}", "").replace(" ", "") == (
        question.replace("`", "").replace("{", "").replace("}", "").replace(" ", "")
    )


@pytest.mark.parametrize(
    "unit", ["{x} ", "{", "}", "{{", "{a[0]", "` ", "f'", "'\\\"", "{{x}}", "x", "{x}\n", "{'"]
)
def test_a_megabyte_is_read_in_linear_time(unit: str) -> None:
    expand(unit * (1_000_000 // len(unit)), known)


def test_a_million_different_names_are_not_all_looked_up() -> None:
    asked: list[str] = []
    question = " ".join(f"{{v{number}}}" for number in range(100_000))
    assert expand(question, asked.append).text == question
    assert len(asked) <= 100


# --- resolve


class Thing:
    """A thing."""

    shared = "of the class"
    __slots__ = ("__dict__", "slot")

    def __init__(self) -> None:
        self.own = [1, {"k": "v"}]
        self.slot = "in a slot"

    @property
    def computed(self) -> None:
        hostile.calls.append("computed")

    def __getattr__(self, name: str) -> None:
        hostile.calls.append("__getattr__")

    def method(self) -> None: ...


FRAME = pd.DataFrame({"temp": [1, 2], "a b": [3, 4], 7: [5, 6]})
NAMESPACE: dict[str, Any] = {
    "df": FRAME,
    "pf": pl.DataFrame({"temp": [1]}),
    "thing": Thing(),
    "Thing": Thing,
    "xs": [1, (2, 3)],
    "d": {"k": 1, 2: "two", True: "yes"},
    "sys": sys,
    "In": ["", "x = 1"],
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("xs", [1, (2, 3)]),
        ("xs[1][-1]", 3),
        ("d['k']", 1),
        ("d[2]", "two"),
        ("thing.own[1]['k']", "v"),
        ("thing.slot", "in a slot"),
        ("thing.shared", "of the class"),
        ("Thing.shared", "of the class"),
        ("thing.method", Thing.method),
        ("sys.maxsize", sys.maxsize),
        ("In[1]", "x = 1"),
        ("df.shape", (2, 3)),
    ],
)
def test_what_is_stored_is_found(expression: str, value: object) -> None:
    assert resolve(NAMESPACE, expression) == value


def test_columns_are_found() -> None:
    for expression in ("df.temp", "df['temp']"):
        assert resolve(NAMESPACE, expression).tolist() == [1, 2]
    assert resolve(NAMESPACE, "df[7]").tolist() == [5, 6]
    assert resolve(NAMESPACE, "pf.temp").to_list() == [1]


@pytest.mark.parametrize(
    "expression",
    [
        *("", " ", "nope", "xs[9]", "xs['a']", "xs[0].nope", "d['nope']", "d[1.5]", "sys.nope"),
        *("thing.computed", "thing.nope", "Thing.computed", "thing.own.nope", "df.nope", "df.mean"),
        *("pf.nope", "len(xs)", "xs + xs", "xs[0:1]", "xs[i]", "{xs}", "x y", "lambda: 1", "xs;xs"),
        *("xs" + "[1]" * 9, "(" * 500 + "xs" + ")" * 500, "a\0b", "1", "'a'", "not xs"),
    ],
)
def test_what_is_not_stored_is_not_found_and_nothing_is_called(expression: str) -> None:
    hostile.calls.clear()
    with pytest.raises(LookupError):
        resolve(NAMESPACE, expression)
    assert hostile.calls == []


def test_objects_of_the_user_are_never_asked() -> None:
    evil = hostile.instances()
    key = hostile.Name("k")
    namespace = {**evil, "d": {key: 1}, "m": types.SimpleNamespace(deep=evil["everything"])}
    labels = pd.DataFrame([[1, 2]])
    labels.columns = pd.Index(["a", None], dtype=object)
    labels.columns.array._ndarray[1] = evil["everything"]
    tagged = pd.DataFrame({"a": [1]})
    tagged.attrs["note"] = evil["everything"]
    namespace |= {"labels": labels, "tagged": tagged}
    hostile.calls.clear()
    for name in namespace:
        for rest in ("", ".x", ".shape", ".a", "['k']", "[0]", ".__class__", ".deep.x", ".deep[0]"):
            try:
                resolve(namespace, name + rest)
            except LookupError:
                continue
    assert hostile.calls == []
    assert resolve(namespace, "m.deep") is evil["everything"]


def test_numbered_cells() -> None:
    assert numbered("In[3]") == ("In", 3)
    assert numbered("Err[12]") == ("Err", 12)
    assert numbered("In[x]") is None
    assert numbered("Index[1]") is None
