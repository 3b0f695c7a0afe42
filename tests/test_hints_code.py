"""Hints at names, attributes, modules, calls, plain values and syntax: real exceptions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hint_shell import HintShell, hint_shell

SALES = """import pandas as pd
df=pd.DataFrame({"amount":[1,2],"city":["a","b"]})"""
DATED = """import pandas as pd
df=pd.DataFrame({"amount":[1,2],"d":["2024-01-01","2024-02-01"]})"""

# The cells that forget `await` leave coroutines behind.
pytestmark = [
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

# what ran before, the failing cell, what the hint says, the cell it would try
RIGHT = [
    (
        "",
        "pd.DataFrame()",
        "`pd` was not imported: `import pandas as pd`",
        """import pandas as pd
pd.DataFrame()""",
    ),
    ("", "x = true", "`true` is `True` in Python", "x = True"),
    (
        "total_amount=3",
        "print(total_amuont)",
        "no name `total_amuont`; the closest is `total_amount`",
        "print(total_amount)",
    ),
    (
        "",
        "datetime.now()",
        "`datetime` was not imported: `from datetime import datetime`",
        """from datetime import datetime
datetime.now()""",
    ),
    ("import math", "y = sqrt(2)", "no name `sqrt`; there is `math.sqrt`", "y = math.sqrt(2)"),
    ("", 'prnt("a")', "no name `prnt`; the closest is `print`", 'print("a")'),
    (
        """count=3
def f():
    count += 1""",
        "f()",
        "`count` is assigned in `f`, so it is local there and not the notebook's",
        None,
    ),
    (
        "import numpy as np",
        "x = np.float(3)",
        "NumPy no longer has `float`; Python's own `float` does the same",
        "x = float(3)",
    ),
    (
        SALES,
        "df.append(df, ignore_index=True)",
        "pandas removed `DataFrame.append`; `pd.concat([…])` does it",
        "pd.concat([df, df], ignore_index=True)",
    ),
    (SALES, "df.applymap(str)", "a DataFrame has no `applymap`; it is `map`", "df.map(str)"),
    (
        SALES,
        "df.Amount.sum()",
        "a DataFrame has no `Amount`; the closest is `amount`",
        "df.amount.sum()",
    ),
    (
        SALES,
        'df["city"].upper()',
        "on a Series of dtype str it is `.str.upper`",
        'df["city"].str.upper()',
    ),
    (
        DATED,
        'df["d"].dt.year',
        "`df['d']` has dtype str, not dates; it begins with '2024-01-01';",
        'pd.to_datetime(df["d"]).dt.year',
    ),
    (
        DATED,
        'df["amount"].str.lower()',
        "`df['amount']` has dtype int64, not texts; it begins with 1",
        None,
    ),
    (
        DATED,
        """(df
   .sort_valeus("amount")
   .head())""",
        "a DataFrame has no `sort_valeus`; the closest is `sort_values`",
        """(df
   .sort_values("amount")
   .head())""",
    ),
    ("x=[1,2]", "n = x.length()", "a list has no `length`; `len(x)` is its length", "n = len(x)"),
    ("x=[1,2]", "x.push(3)", "a list has no `push`; it is `append`", "x.append(3)"),
    (
        "",
        "import pandsa as pd",
        "no module `pandsa`; the closest that is installed is `pandas` (do not",
        "import pandas as pd",
    ),
    ("", "import sklearn", "`sklearn` comes with the package scikit-learn: `%pip install", None),
    (
        "",
        "from collections import Mapping",
        "`Mapping` is in `collections.abc`",
        "from collections.abc import Mapping",
    ),
    (
        "",
        "from collections import defaultdit as dd",
        "`collections` has no `defaultdit`; the closest is `defaultdict`",
        "from collections import defaultdict as dd",
    ),
    (
        "",
        """import reqeusts
requests.get""",
        "no module `reqeusts`; the closest that is installed is `requests` (do",
        """import requests
requests.get""",
    ),
    (
        "",
        "import tensorfow as tf",
        "no module `tensorfow`. It is one letter off `tensorflow`; impostors use",
        None,
    ),
    (
        DATED,
        """out = df.sort_values("amount", inplace=True)
print(out.head())""",
        "`out` is None since this cell's `out = df.sort_values('amount',",
        """out = df.sort_values('amount')
print(out.head())""",
    ),
    (
        """import pandas as pd
df=pd.DataFrame({"amount":[1,2],"d":["2024-01-01","2024-02-01"]})
df = df.dropna(inplace=True)""",
        "print(df.head())",
        "`df = df.dropna(inplace=True)`: with `inplace=True` a method changes",
        None,
    ),
    (
        "xs=[3,1]",
        """xs = xs.sort()
print(xs[0])""",
        "`xs` is None since this cell's `xs = xs.sort()`: `sort` changes its",
        None,
    ),
    (
        """def f(x):
    y = x+1""",
        """r = f(3)
r + 1""",
        "`r` is None since this cell's `r = f(3)`: `f` has no `return` with a",
        None,
    ),
    (
        """import re
m = re.match("a","b")""",
        "m.group(1)",
        "`m = re.match('a', 'b')`: the pattern was not found",
        None,
    ),
    (
        """class A:
    def __init__(self): self.value=1
a=A()""",
        "a.valeu",
        "an A has no `valeu`; the closest is `value`",
        "a.value",
    ),
    (
        DATED,
        'df.sort_values(by="amount", ascendng=False)',
        "`DataFrame.sort_values` has no argument `ascendng`; the closest is",
        'df.sort_values(by="amount", ascending=False)',
    ),
    (
        'import pandas as pd\nwith open("x.txt", "w") as file:\n    print("a b", file=file)',
        'pd.read_csv("x.txt", delim_whitespace=True)',
        '`read_csv` no longer has `delim_whitespace`; it is `sep=r"\\s+"`',
        'pd.read_csv("x.txt", sep=r"\\s+")',
    ),
    (DATED, 'df.drop("d", 1)', "`drop` wants this by name: `axis=1`", 'df.drop("d", axis=1)'),
    (
        "def area(width, height): return width*height",
        "area(widht=3, height=2)",
        "`area` has no argument `widht`; the closest is `width`",
        "area(width=3, height=2)",
    ),
    (
        """class P:
    def __init__(self, name, age): pass
    def hi(): pass""",
        'P(nmae="x", age=3)',
        "`P.__init__` has no argument `nmae`; the closest is `name`",
        'P(name="x", age=3)',
    ),
    (
        """class P:
    def hi(): pass
p=P()""",
        "p.hi()",
        "`P.hi` is a method without `self` as its first parameter",
        None,
    ),
    (
        DATED,
        "n = df.shape()",
        "`df.shape` is a value, not a method: write it without ()",
        "n = df.shape",
    ),
    (
        DATED,
        'df("amount").sum()',
        "`df` is a DataFrame: its items are taken with [ ]",
        'df["amount"].sum()',
    ),
    (
        "list=[1]",
        'list("abc")',
        "`list` is your variable (list) and hides Python's own; `del list`",
        """import builtins
builtins.list("abc")""",
    ),
    (
        "import datetime",
        "d = datetime(2024,1,1)",
        "`datetime` is the module; `datetime.datetime` is meant",
        "d = datetime.datetime(2024,1,1)",
    ),
    (DATED, 'df.groupby["d"]', "`df.groupby` is a method: call it with ( )", 'df.groupby("d")'),
    ("n=3", 'print("n: " + n)', "the number has to be `str(n)`", 'print("n: " + str(n))'),
    ('a="3"; b=4', "a+b", "`a` is str '3' and `b` is int 4", None),
    (
        """import json, numpy as np
payload={"a":[1,{"b":np.int64(3)}]}""",
        "json.dumps(payload)",
        "`payload['a'][1]['b']` is a int64, which JSON has no form for",
        "json.dumps(payload, default=lambda value: value.tolist())",
    ),
    (
        'async def get(): return {"a":1}',
        """r = get()
r["a"]""",
        "`r` is the coroutine of `get`, not its result: `await` is missing",
        """r = await get()
r["a"]""",
    ),
    (
        "async def main(): return 1",
        """import asyncio
async def outer():
    asyncio.run(main())
await outer()""",
        "the kernel runs an event loop already: `await` works in a cell",
        None,
    ),
    ("n=0", "10/n", "`n` is 0", None),
    ("xs=[]", "sum(xs)/len(xs)", "`xs` is empty, so its length is 0", None),
    (
        "xs=[1,2,3]",
        """for i in range(4):
    print(xs[i])""",
        "`xs` has 3 items; the last is 2; index i, which is 3, is beyond",
        None,
    ),
    (
        'd={"ab":1,"cde":2}',
        """for k, v in d:
    print(k)""",
        "`d` is a dict and gives its keys; `d.items()` gives pairs",
        """for k, v in d.items():
    print(k)""",
    ),
    (
        "xs=[10,20]",
        """for i, x in xs:
    print(i)""",
        "`xs` gives single values; `enumerate(xs)` gives their index too",
        """for i, x in enumerate(xs):
    print(i)""",
    ),
    (
        "rows=[(1,2),(3,4,5)]",
        """for a, b in rows:
    pass""",
        "`rows[1]` has 3 values, not 2: (3, 4, 5)",
        None,
    ),
    (
        'd={"a":1,"b":2}',
        """for k in d:
    if d[k] == 1:
        del d[k]""",
        "the loop changes `d` while it reads it; `list(d)` reads a copy",
        """for k in list(d):
    if d[k] == 1:
        del d[k]""",
    ),
    (
        "n=3",
        """for i in n:
    print(i)""",
        "`n` is a number; `range(n)` counts up to it",
        """for i in range(n):
    print(i)""",
    ),
    (
        "",
        """def f(n): return f(n-1)
f(3)""",
        "`f` calls itself without end",
        None,
    ),
    (
        "import re",
        're.compile("*.csv")',
        "in the pattern, nothing to repeat at ▸: '▸*.csv'; a pattern is not a",
        None,
    ),
    (
        'xs=["alpha","beta"]',
        'xs.index("alhpa")',
        "`xs` has no 'alhpa'; the closest is 'alpha'",
        "xs.index('alpha')",
    ),
    (
        'd={"a":{"x":1}}',
        """for row in d:
    print(row["x"])""",
        "`row` is a str: 'a'; iterating over `d` (dict) gives its keys",
        None,
    ),
    ("a=3; b=4", "assert a == b", "`a` is 3; `b` is 4", None),
    (
        'data=[{"x":1}]',
        'data["x"]',
        "`data` is a list: [{…}]; its items are dicts, as in `data[0]`",
        None,
    ),
    (
        "import pandas as pd",
        'pd.DataFrame({"a":[1]}).to_csv("out/x.csv")',
        "the folder 'out' has to be made first",
        """from pathlib import Path

Path('out').mkdir(parents=True, exist_ok=True)
pd.DataFrame({"a":[1]}).to_csv("out/x.csv")""",
    ),
    (
        "import json",
        """json.loads("{'a': 1}")""",
        "at line 1, column 2, single quotes: this is Python's form",
        None,
    ),
    (
        "import json",
        """json.loads('{"a": 1,}')""",
        """at line 1, column 9, a comma before the end: '{"a": 1,▸}'""",
        None,
    ),
    (
        "import json",
        """json.loads('{"a": 1}\\n{"a": 2}')""",
        "a second value begins: each line holds one of its own",
        """[json.loads(line) for line in '{"a": 1}\\n{"a": 2}'.splitlines() if line.strip()]""",
    ),
    ("import json", "json.loads('<html>')", "the text is HTML, not JSON", None),
    ("", 'print("a"', "`(` in line 1 is never closed", 'print("a")'),
    (
        "",
        """x = [1, 2
y = 3""",
        "`[` in line 1 is never closed",
        """x = [1, 2]
y = 3""",
    ),
    ("", 'print "hello"', "in Python 3 `print` is a function", 'print("hello")'),
    (
        "x = 5",
        """if x > 3
    print(x)""",
        "line 1 lacks its colon",
        """if x > 3:
    print(x)""",
    ),
    (
        "x = 5",
        """if x = 3:
    print(x)""",
        "`==` compares; `=` assigns",
        """if x == 3:
    print(x)""",
    ),
    (
        "",
        "print(“hello”)",
        "typographic characters stand where Python wants plain ones",
        'print("hello")',
    ),
    ("", 'x = "hello', "the text that begins in line 1, column 5 is not closed", 'x = "hello"'),
    (
        "",
        'print("hello)',
        "the text that begins in line 1, column 7 is not closed",
        'print("hello")',
    ),
    ("", "x = [1 2, 3]", "a comma is missing in line 1", "x = [1, 2, 3]"),
    ("", "x = (1+2))", "line 1 closes a bracket that is not open", "x = (1+2)"),
    (
        "",
        """if True:
    pass
else if False:
    pass""",
        "`else if` is `elif`",
        """if True:
    pass
elif False:
    pass""",
    ),
    (
        "",
        """i = 0
i++""",
        "`++` is `+= 1`",
        """i = 0
i += 1""",
    ),
    (
        "",
        """def f():
    await g()""",
        "`await` in line 2 stands in a function without `async`",
        None,
    ),
    (
        "n=3",
        """for i in n:
    print(i)""",
        "`n` is a number; `range(n)` counts up to it",
        """for i in range(n):
    print(i)""",
    ),
    (
        "def area(width, height): return width*height",
        "area(widht=3, height=2)",
        "`area` has no argument `widht`; the closest is `width`",
        "area(width=3, height=2)",
    ),
    (
        "def area(width, height): return width*height",
        "area(w=3, height=2)",
        "`area` has no argument `w`; only `width` is not given yet",
        "area(width=3, height=2)",
    ),
    (
        """import pandas as pd
df=pd.DataFrame({"p":["1","2","n/a","x"]})""",
        'pd.to_numeric(df["p"])',
        "`df['p']` has 'n/a' at label 2, and 1 more that do not parse",
        None,
    ),
    ("", 'print("a"', "`(` in line 1 is never closed", 'print("a")'),
]
SILENT = [
    ("", "import qwertyuiop"),
    (
        "",
        """def f():
    return 1
  x = 2""",
    ),
    ("", "a = 3 $ 4"),
    (
        "",
        """  if True:
	x=1
        y=2""",
    ),
]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HintShell]:
    with hint_shell(tmp_path_factory.mktemp("hints")) as shell:
        yield shell


@pytest.mark.parametrize(("setup", "code", "text", "edit"), RIGHT)
def test_the_hint_is_right(
    shell: HintShell, setup: str, code: str, text: str, edit: str | None
) -> None:
    hint = shell.hint(setup, code)
    assert hint is not None
    assert text in hint.text
    assert hint.edits == (() if edit is None else (edit,))


@pytest.mark.parametrize(("setup", "edit"), [(s, e) for s, _, _, e in RIGHT if e is not None])
def test_the_edited_cell_runs(shell: HintShell, setup: str, edit: str) -> None:
    shell.reset()
    shell.run(setup)
    assert shell.run(edit) is None


@pytest.mark.parametrize(("setup", "code"), SILENT)
def test_it_stays_silent_rather_than_guess(shell: HintShell, setup: str, code: str) -> None:
    assert shell.hint(setup, code) is None
