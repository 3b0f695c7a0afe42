"""Edits for code and nested data: the edited cell runs and gives the value that was meant."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hint_shell import HintShell, hint_shell

DATA = 'data = {"count": 2, "results": [{"x": 1}, {"x": 2}]}'
TREE = """def total(node):
    return node["n"] + sum(total(child) for child in node["children"])
r = total(tree)"""
COUNTER = """def outer():
    n = 0
    def inc():
        n += 1
        return n
    return inc()
r = outer()"""
LATE = """class Base:
    def __init__(self, name):
        self.name = name
class Child(Base):
    def __init__(self, name, age):
        self.age = age
r = Child("a", 3).name"""

# what ran before, the failing cell, the cell that is tried, what `r` is then
RIGHT = [
    ("y=[3,1]", "x = y.sort()\nr = x[0]", "x = sorted(y)\nr = x[0]", 1),
    (
        "y=[3,1]",
        "x = y.sort(reverse=True)\nr = x[0]",
        "x = sorted(y, reverse=True)\nr = x[0]",
        3,
    ),
    ("y=[3,1]", "r = y.sort()[0]", "r = sorted(y)[0]", 1),
    ("y=[3,1]", "for r in y.sort():\n    pass", "for r in sorted(y):\n    pass", 3),
    ("y=[3,1]", "r = len(y.sort())", "r = len(sorted(y))", 2),
    (
        DATA,
        'r = 0\nfor row in data:\n    r += row["x"]',
        "r = 0\nfor row in data['results']:\n    r += row[\"x\"]",
        3,
    ),
    (DATA, 'r = [d["x"] for d in data]', "r = [d[\"x\"] for d in data['results']]", [1, 2]),
    (DATA, 'r = [d.get("x") for d in data]', "r = [d.get(\"x\") for d in data['results']]", [1, 2]),
    (DATA, 'r = data[0]["x"]', "r = data['results'][0][\"x\"]", 1),
    ('u = {"id": 1, "home": {"city": "Ulm"}}', 'r = u["city"]', "r = u['home'][\"city\"]", "Ulm"),
    (
        'tree = {"n": 1, "children": [{"n": 2}]}',
        TREE,
        TREE.replace('node["children"]', 'node.get("children", [])'),
        3,
    ),
    (
        "import enum\nclass Color(enum.Enum):\n    RED = 1",
        "r = Color.red.value",
        "r = Color.RED.value",
        1,
    ),
    (
        "from types import SimpleNamespace\na = SimpleNamespace(total_cents=5, name=1)",
        "r = a.total",
        "r = a.total_cents",
        5,
    ),
    ("def f(*, width): return width", "r = f(3)", "r = f(width=3)", 3),
    ("def f(a, *, b, c): return a, b, c", "r = f(1, 2, 3)", "r = f(1, b=2, c=3)", (1, 2, 3)),
    (
        "def f(path, max_rows=1): return max_rows",
        "r = f('a', rows=2)",
        "r = f('a', max_rows=2)",
        2,
    ),
    (
        "class P:\n    @property\n    def size(self): return 3\np = P()",
        "r = p.size()",
        "r = p.size",
        3,
    ),
    ("class P:\n    def size(self): return 3\np = P()", "r = p.size + 1", "r = p.size() + 1", 4),
    ("d = {'a': 1}", "for k, r in d.items:\n    pass", "for k, r in d.items():\n    pass", 1),
    (
        "",
        "class P:\n    def hi(): return 2\nr = P().hi()",
        "class P:\n    def hi(self): return 2\nr = P().hi()",
        2,
    ),
    (
        "",
        LATE,
        LATE.replace("        self.age", "        super().__init__(name)\n        self.age"),
        "a",
    ),
    (
        "from dataclasses import dataclass",
        "@dataclass\nclass A:\n    tags: list = []\nr = A().tags",
        "from dataclasses import field\n@dataclass\nclass A:\n"
        "    tags: list = field(default_factory=list)\nr = A().tags",
        [],
    ),
    ("sum = 3", "r = sum([1, 2])", "import builtins\nr = builtins.sum([1, 2])", 3),
    (
        "n = 1",
        "def f():\n    n += 1\nf()\nr = n",
        "def f():\n    global n\n    n += 1\nf()\nr = n",
        2,
    ),
    ("", COUNTER, COUNTER.replace("        n +=", "        nonlocal n\n        n +="), 1),
    ("n = 3; name = 'a b'", "r = name + n", "r = name + str(n)", "a b3"),
    ("n = 3; r = 'x'", "r += n", "r += str(n)", "x3"),
    ("age = '42'", "r = age > 18", "r = int(age) > 18", True),
    (
        "from datetime import date\nd = date(2024, 1, 3); t = '2024-01-01'",
        "r = (d - t).days",
        "r = (d - date.fromisoformat(t)).days",
        2,
    ),
    (
        "import datetime as dt\nd = dt.datetime(2024, 1, 3); t = '2024-01-01'",
        "r = d > t",
        "r = d > dt.datetime.fromisoformat(t)",
        True,
    ),
    (
        "d = __import__('datetime').date(2024, 1, 3); t = '2024-01-01'",
        "r = d > t",
        "from datetime import date\nr = d > date.fromisoformat(t)",
        True,
    ),
    ("b = b'a,b'", 'r = b.split(",")', 'r = b.decode().split(",")', ["a", "b"]),
    ("b = b'x'", 'r = "a" + b', 'r = "a" + b.decode()', "ax"),
    ("k = [1, 2]; r = {}", "r[k] = 1", "r[tuple(k)] = 1", {(1, 2): 1}),
    ("k = [1, 2]; r = set()", "r.add(k)", "r.add(tuple(k))", {(1, 2)}),
    ("xs = [1, 2]", "r = xs[len(xs)]", "r = xs[-1]", 2),
    ("s = 'a=b=c'", 'k, r = s.split("=")', 'k, r = s.split("=", 1)', "b=c"),
    (
        "s = ['a=b=c', 'd=e']",
        'r = dict(x.split("=") for x in s)',
        'r = dict(x.split("=", 1) for x in s)',
        {"a": "b=c", "d": "e"},
    ),
    (
        "import re; t = 'max(a)'",
        'r = re.findall("max(", t)',
        'r = re.findall(re.escape("max("), t)',
        ["max("],
    ),
    ("d = {'a': 1}", 'r = f"{d["a"]}"', "r = f\"{d['a']}\"", "1"),
    ("", "for i in [1, 2]:\nr = i", "for i in [1, 2]:\n    r = i", 2),
]

# what ran before, the failing cell: nothing says which change is meant
UNDETERMINED = [
    ('a="3"; b=4', "a+b"),
    ('data = {"a": [{"x": 1}], "b": [{"x": 2}]}', 'for row in data:\n    row["x"]'),
    ('u = {"a": {"city": 1}, "b": {"city": 2}}', 'u["city"]'),
    ("def f(width, height): return 1", "f(1, 2, 3)"),
    ("from types import SimpleNamespace\na = SimpleNamespace(total_a=5, total_b=1)", "a.total"),
    ("import math", "def f():\n    math.pi\n    math = 1\nf()"),
    ("age = 'old'", "age > 18"),
    ("from datetime import date\nd = date(2024, 1, 3); t = 'May'", "d - t"),
    ("b = b'\\xff\\xfe'", 'b.split(",")'),
    ("d = {}", "d[[1, 2]]"),
    ("import re; t = 'abc'", 're.search("(\\\\w+", t)'),
    ("", "class B:\n    def __init__(self, k):\n        self.k = k\nclass C(B):\n"
     "    def __init__(self):\n        self.a = 1\nC().k"),
    ("s = 'a b c'", 'k, r = s.split(" ")'),
]  # fmt: skip


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HintShell]:
    with hint_shell(tmp_path_factory.mktemp("edits")) as shell:
        yield shell


@pytest.mark.parametrize(("setup", "code", "edit", "value"), RIGHT)
def test_the_edited_cell_gives_what_was_meant(
    shell: HintShell, setup: str, code: str, edit: str, value: object
) -> None:
    hint = shell.hint(setup, code)
    assert hint is not None
    assert hint.edits == (edit,)
    shell.reset()
    shell.run(setup)
    assert shell.run(edit) is None
    assert shell.shell.user_ns["r"] == value


@pytest.mark.parametrize(("setup", "code"), UNDETERMINED)
def test_nothing_is_tried_where_nothing_is_determined(
    shell: HintShell, setup: str, code: str
) -> None:
    hint = shell.hint(setup, code)
    assert hint is None or hint.edits == ()
