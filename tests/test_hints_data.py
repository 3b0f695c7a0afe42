"""Hints at keys, columns, values, dates, shapes: real exceptions of NumPy and pandas."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hint_shell import HintShell, hint_shell

SALES = """import pandas as pd
df=pd.DataFrame({"amount":[1,2],"city":["a","b"]})"""
BLANK = """import pandas as pd
df=pd.DataFrame({"amount":[1,2]," City":["a","b"]})"""
TEXTS = """import pandas as pd
df=pd.DataFrame({"p":["1","2","n/a","x"],"q":["1,200","3","4","5"],"m":["$3.5","2","1","0"]},index=list("abcd"))"""
MIXED = """import pandas as pd
df=pd.DataFrame({"p":["10","20"],"q":[1,2]})"""
NUMBERS = """import pandas as pd
df=pd.DataFrame({"a":[1,2,3]})"""
ARRAY = """import numpy as np
a=np.ones((3,2))"""
ARRAYS = """import numpy as np
a=np.ones((3,2)); b=np.ones((4,2))"""

# what ran before, the failing cell, what the hint says, the cell it would try
RIGHT = [
    (
        BLANK,
        'x = df["Amount"].sum()',
        "no column 'Amount'; the closest is 'amount'",
        'x = df["amount"].sum()',
    ),
    (BLANK, 'df["City"]', "no column 'City'; the closest is ' City'", 'df[" City"]'),
    (
        BLANK,
        """(df
 .groupby('City')
 ['amount'].sum())""",
        "no column 'City'; the closest is ' City'",
        """(df
 .groupby(' City')
 ['amount'].sum())""",
    ),
    (
        SALES,
        """df.groupby('city')["ammount"].sum()""",
        "no column 'ammount'; the closest is 'amount'",
        """df.groupby('city')["amount"].sum()""",
    ),
    (
        SALES,
        "df[['city', 'amonut']]",
        "no column 'amonut'; the closest is 'amount'",
        "df[['city', 'amount']]",
    ),
    (
        SALES,
        'df.drop(columns=["Amount"])',
        "no column 'Amount'; the closest is 'amount'",
        'df.drop(columns=["amount"])',
    ),
    (
        SALES,
        'df.groupby("city").agg({"Amount":"sum"})',
        "no column 'Amount'; the closest is 'amount'",
        'df.groupby("city").agg({"amount":"sum"})',
    ),
    (
        SALES,
        'df.merge(df, on="Amount")',
        "no column 'Amount'; the closest is 'amount'",
        'df.merge(df, on="amount")',
    ),
    (
        """import pandas as pd
df=pd.DataFrame({2020:[1,2],2021:["a","b"]})""",
        'df["2020"]',
        "no column '2020'; the closest is 2020",
        "df[2020]",
    ),
    (
        """import pandas as pd
df=pd.DataFrame({"amount":[1,2],"city":["a","b"]})
def f(d):
    return d["Amount"]""",
        "f(df)",
        "no column 'Amount'; the closest is 'amount'",
        None,
    ),
    (
        """import pandas as pd
df=pd.DataFrame({"x1":[1,2],"x2":["a","b"]})""",
        'df["x3"]',
        "no column 'x3'; there are 'x1', 'x2'",
        None,
    ),
    (
        'd={"alpha":1,"beta":2}',
        'd["Alpha"]',
        "`d` has no key 'Alpha'; it has 'alpha'",
        'd["alpha"]',
    ),
    ('d={"1":1,"2":2}', "print(d[1])", "`d` has no key 1; it has '1'", "print(d['1'])"),
    (
        "import os",
        'os.environ["HOMEE"]',
        "the environment has no 'HOMEE', but 'HOME'",
        'os.environ["HOME"]',
    ),
    (
        SALES,
        'df.query("Amount > 1")',
        "no column 'Amount'; the closest is 'amount'",
        "df.query('amount > 1')",
    ),
    (
        SALES,
        'df.pivot(index="City",columns="amount",values="amount")',
        "no column 'City'; the closest is 'city'",
        'df.pivot(index="city",columns="amount",values="amount")',
    ),
    (
        SALES,
        'df.dropna(subset=["Amount"])',
        "no column 'Amount'; the closest is 'amount'",
        'df.dropna(subset=["amount"])',
    ),
    (
        """import pandas as pd
s=pd.Series([1,2],index=["north","south"])""",
        's["North"]',
        "no label 'North'; the closest is 'north'",
        's["north"]',
    ),
    (
        SALES,
        """col = "Amount"
df[col]""",
        "no column 'Amount'; the closest is 'amount'",
        """col = "amount"
df[col]""",
    ),
    (
        SALES,
        'df.loc[df["Amount"] > 1, "city"] = "Amount"',
        "no column 'Amount'; the closest is 'amount'",
        'df.loc[df["amount"] > 1, "city"] = "Amount"',
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
        TEXTS,
        'df["p"].astype(int)',
        "`df['p']` has 'n/a' at label 'c', row 2, and 1 more that do not parse",
        None,
    ),
    (
        TEXTS,
        'y = df["q"].astype(float).sum()',
        "`df['q']` has '1,200' at label 'a', row 0: it has thousands separators",
        'y = df["q"].str.replace(",", "").astype(float).sum()',
    ),
    (
        TEXTS,
        'df["m"] = df["m"].astype(float)',
        "`df['m']` has '$3.5' at label 'a', row 0: it has a currency sign",
        'df["m"] = df["m"].str.replace("$", "", regex=False).astype(float)',
    ),
    (
        """import pandas as pd
df=pd.DataFrame({"p":["1","2","n/a","x"]})""",
        'pd.to_numeric(df["p"])',
        "`df['p']` has 'n/a' at label 2, and 1 more that do not parse",
        None,
    ),
    ('xs=["1","two"]', "[int(x) for x in xs]", "`x` is 'two'", None),
    ('v="3.0"', "int(v)", "`v` is '3.0': a float as text, so `int(float(…))`", "int(float(v))"),
    (
        'v="1,234"',
        "float(v)",
        "`v` is '1,234': it has thousands separators",
        'float(v.replace(",", ""))',
    ),
    (
        """import pandas as pd
df=pd.DataFrame({"d":["13/02/2024","01/02/2024"]})""",
        'pd.to_datetime(df["d"], format="%Y-%m-%d")',
        "`df['d']` has '13/02/2024' at label 0; all of the first 2 fit '%d/%m/%Y'",
        'pd.to_datetime(df["d"], format="%d/%m/%Y")',
    ),
    (
        """import pandas as pd
df=pd.DataFrame({"d":["01/02/2024","13/02/2024"]})""",
        'df["when"] = pd.to_datetime(df["d"])',
        "`df['d']` has '13/02/2024' at label 1; all of the first 2 fit '%d/%m/%Y'",
        'df["when"] = pd.to_datetime(df["d"], format="%d/%m/%Y")',
    ),
    (
        """import pandas as pd
df=pd.DataFrame({"d":["01/02/2024","03/02/2024","oops"]})""",
        'df["when"] = pd.to_datetime(df["d"])',
        "`df['d']` has 'oops' at label 2; the format in use is '%m/%d/%Y'",
        None,
    ),
    (
        'from datetime import datetime\ns="2024-01-13"',
        'datetime.strptime(s, "%d/%m/%Y")',
        "'2024-01-13' has the format '%Y-%m-%d', not '%d/%m/%Y'",
        'datetime.strptime(s, "%Y-%m-%d")',
    ),
    (
        NUMBERS,
        'df[df["a"] > 1 and df["a"] < 3]',
        "`and` asks for one truth value; `&` combines row by row",
        'df[(df["a"] > 1) & (df["a"] < 3)]',
    ),
    (
        NUMBERS,
        'df[df["a"] > 1 & df["a"] < 3]',
        "`&` binds before comparisons: put each comparison in parentheses",
        'df[(df["a"] > 1) & (df["a"] < 3)]',
    ),
    (
        NUMBERS,
        'df[1 < df["a"] < 3]',
        "a chain of comparisons asks for one truth value; join two with `&`",
        'df[(1 < df["a"]) & (df["a"] < 3)]',
    ),
    (
        NUMBERS,
        'df[not df["a"] > 1]',
        "`not` asks for one truth value; `~` negates row by row",
        'df[~(df["a"] > 1)]',
    ),
    (
        """import pandas as pd
xs=[1,2]""",
        'pd.DataFrame({"a": xs, "b": [1,2,3]})',
        "lengths are 'a': 2, 'b': 3",
        None,
    ),
    (
        """import pandas as pd
a=pd.DataFrame({"id":[1,2]}); b=pd.DataFrame({"id":["1","2"]})""",
        'a.merge(b, on="id")',
        "'id' is int64, such as 1 on the left and str, such as '1' on the right",
        """a.merge(b.astype({'id': int}), on="id")""",
    ),
    (
        """import pandas as pd
s=pd.Series([1.0,None,2.0])""",
        "s.astype(int)",
        "`s` has 1 null, the first at label 1; `Int64` keeps nulls",
        's.astype("Int64")',
    ),
    (
        MIXED,
        'df["p"] * 2.5',
        "`df['p']` holds texts (dtype str), such as '10'; they all parse as",
        'pd.to_numeric(df["p"]) * 2.5',
    ),
    (
        MIXED,
        'df["p"].mean()',
        "`df['p']` holds texts (dtype str), such as '10'; they all parse as",
        'pd.to_numeric(df["p"]).mean()',
    ),
    (
        """import pandas as pd
df=pd.DataFrame({"p":["10","b"],"q":[1,2]})""",
        'df["q"] + df["p"]',
        "`df['p']` holds texts (dtype str), such as '10'",
        None,
    ),
    (
        MIXED,
        'df[df["p"] > 15]',
        "`df['p']` holds texts (dtype str), such as '10'; they all parse as",
        'df[pd.to_numeric(df["p"]) > 15]',
    ),
    (
        """import numpy as np
a=np.ones((3,2)); b=np.ones(3)""",
        "c = a - b",
        "`a` is (3, 2), `b` is (3,); `b[:, None]` goes by rows",
        "c = a - b[:, None]",
    ),
    (
        ARRAYS,
        "c = a @ b",
        "`a` is (3, 2), `b` is (4, 2): inner sizes differ; `b.T` fits",
        "c = a @ b.T",
    ),
    (ARRAYS, "np.concatenate([a,b],axis=1)", "`a` is (3, 2), `b` is (4, 2)", None),
    (ARRAY, "a.sum(axis=2)", "`a` has shape (3, 2), so only axes 0 to 1", "a.sum(axis=1)"),
    (ARRAY, "a[5]", "`a` has shape (3, 2); the last index is 2", None),
    (
        """import numpy as np
a=np.arange(12)""",
        "a.reshape(5,3)",
        "`a` of shape (12,) has 12 values, the new shape wants 15; (4, 3) would",
        "a.reshape(4,3)",
    ),
    (MIXED, "df.iloc[9]", "`df` has 2 × 2 rows and columns; the last row is 1", None),
    (
        """import pandas as pd
s=pd.Series([1,2,3],index=["a","a","b"])""",
        's.reindex(["a","b","c"])',
        "these labels stand more than once: 'a'",
        None,
    ),
]
SILENT = [
    (
        """import pandas as pd
df=pd.DataFrame({"a":[1,2],"g":["a","b"]}).groupby("g").agg({"a":["sum","mean"]})""",
        'df["sum"]',
    ),
    (SALES, "df.loc[7]"),
    (
        NUMBERS,
        """if df["a"] > 1:
    print("x")""",
    ),
    (NUMBERS, 'df["b"] = [1,2]'),
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
