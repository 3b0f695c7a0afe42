"""Edits that live values determine: real exceptions of pandas, the edited cell, its right value."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hint_shell import HintShell, hint_shell

IMPORTS = """import json
import numpy as np, pandas as pd
from datetime import datetime, timezone
"""
GROUPS = "df=pd.DataFrame({'g':['a','a','b'],'t':['x','y','z'],'n':[1,3,5]})"
DAYS = "df=pd.DataFrame({'d':['2024-01-01','2024-02-03'],'v':[1,2]})"
AWARE = "df=pd.DataFrame({'d':pd.to_datetime(['2024-01-01','2024-02-01'],utc=True),'v':[1,2]})"
KEYS = """a=pd.DataFrame({'id':[1,2,3],'x':[7.5,8.5,9.5]})
b=pd.DataFrame({'key':[3,2,1],'y':[10,20,30]})"""


def column(*values: object) -> str:
    return f"df=pd.DataFrame({{'p':{list(values)!r}}})"


# what ran before, the failing cell, the cell that the hint would try, what is true then
RIGHT = [
    (
        "df=pd.DataFrame({'a':[1]})",
        "df = df.append({'a': 2}, ignore_index=True)",
        "df = pd.concat([df, pd.DataFrame([{'a': 2}])], ignore_index=True)",
        "df.a.tolist() == [1, 2] and df.index.tolist() == [0, 1]",
    ),
    (
        "df=pd.DataFrame({'a':[1]}); row=pd.Series({'a':2}, name=5)",
        "df = df.append(row)",
        "df = pd.concat([df, pd.DataFrame([row])])",
        "df.a.tolist() == [1, 2] and df.index.tolist() == [0, 5]",
    ),
    (
        "df=pd.DataFrame({'a':[1.0,None]})",
        "x = df.fillna(method='ffill', limit=1)",
        "x = df.ffill(limit=1)",
        "x.a.tolist() == [1, 1]",
    ),
    (
        "df=pd.DataFrame({'a':[None,2.0]})",
        "df['a'].fillna(method='bfill', inplace=True)",
        "df['a'] = df['a'].bfill()",
        "df.a.tolist() == [2, 2]",
    ),
    ("s=pd.Series([1,1,2])", "x = pd.value_counts(s)", "x = s.value_counts()", "x[1] == 2"),
    ("s=pd.Series([1,3])", "x = s.mad()", "x = (s - s.mean()).abs().mean()", "x == 1"),
    (
        "s=pd.Series(range(40),index=pd.date_range('2024-01-01',periods=40))",
        "x = s.resample('M').sum()",
        "x = s.resample('ME').sum()",
        "x.tolist() == [465, 315]",
    ),
    (
        GROUPS,
        "x = df.groupby('g').mean()",
        "x = df.groupby('g').mean(numeric_only=True)",
        "x.n.tolist() == [2, 5]",
    ),
    (
        GROUPS,
        "x = df.groupby('g').agg('mean')",
        "x = df.groupby('g').mean(numeric_only=True)",
        "x.n.tolist() == [2, 5]",
    ),
    (GROUPS, "x = df.mean()", "x = df.mean(numeric_only=True)", "x.to_dict() == {'n': 3}"),
    (GROUPS, "x = df.corr()", "x = df.corr(numeric_only=True)", "x.shape == (1, 1)"),
    (
        column("1 kg", "2.5 kg"),
        "x = df['p'].astype(float)",
        'x = df[\'p\'].str.replace(" kg", "").astype(float)',
        "x.tolist() == [1, 2.5]",
    ),
    (
        column("1,5", "2,25"),
        "x = df['p'].mean()",
        'x = pd.to_numeric(df[\'p\'].str.replace(",", ".")).mean()',
        "x == 1.875",
    ),
    (
        column("1.200,5", "2,25"),
        "x = df['p'].astype(float)",
        'x = df[\'p\'].str.replace(".", "", regex=False).str.replace(",", ".").astype(float)',
        "x.tolist() == [1200.5, 2.25]",
    ),
    (
        column("€1,200", "€3"),
        "x = df['p'].astype(int)",
        'x = df[\'p\'].str.replace("€", "").str.replace(",", "").astype(int)',
        "x.tolist() == [1200, 3]",
    ),
    (
        column("1", ""),
        "x = df['p'].astype(int)",
        'x = pd.to_numeric(df[\'p\'], errors="coerce").astype("Int64")',
        "x[0] == 1 and x.isna().tolist() == [False, True]",
    ),
    (
        column("1.0", "2.0"),
        "x = df['p'].astype(int)",
        "x = df['p'].astype(float).astype(int)",
        "x.tolist() == [1, 2]",
    ),
    (
        "xs=['10%','20%']",
        "x = list(map(float, xs))",
        'x = list(map(float, [value.replace("%", "") for value in xs]))',
        "x == [10, 20]",
    ),
    (
        "xs=['$1','$2,000']",
        "x = sum(float(p) for p in xs)",
        'x = sum(float(p.replace("$", "").replace(",", "")) for p in xs)',
        "x == 2001",
    ),
    (
        column(1.0, None),
        "x = df['p'].astype(int)",
        "x = df['p'].astype(\"Int64\")",
        "str(x.dtype) == 'Int64' and x[0] == 1",
    ),
    (DAYS, "x = df['d'].dt.day", "x = pd.to_datetime(df['d']).dt.day", "x.tolist() == [1, 3]"),
    (
        DAYS,
        "x = df['d'] - pd.Timestamp('2024-01-01')",
        "x = pd.to_datetime(df['d']) - pd.Timestamp('2024-01-01')",
        "x.dt.days.tolist() == [0, 33]",
    ),
    (
        DAYS,
        "x = df.resample('ME').sum()",
        "x = df.assign(**{'d': pd.to_datetime(df['d'])}).resample('ME', on='d').sum()",
        "x.v.tolist() == [1, 2]",
    ),
    (
        f"{DAYS}.set_index('d')",
        "x = df.resample('ME').sum()",
        "x = df.set_axis(pd.to_datetime(df.index)).resample('ME').sum()",
        "x.v.tolist() == [1, 2]",
    ),
    (
        AWARE,
        "x = df[df['d'] > pd.Timestamp('2024-01-15')]",
        "x = df[df['d'] > pd.Timestamp('2024-01-15', tz=\"UTC\")]",
        "x.v.tolist() == [2]",
    ),
    (
        "a=datetime(2024,1,2,tzinfo=timezone.utc); b=datetime(2024,1,1)",
        "x = a - b",
        "x = a - b.replace(tzinfo=timezone.utc)",
        "x.days == 1",
    ),
    (
        DAYS,
        "x = [datetime.strptime(v, '%d/%m/%Y') for v in df['d']]",
        "x = [datetime.strptime(v, \"%Y-%m-%d\") for v in df['d']]",
        "x[1] == datetime(2024, 2, 3)",
    ),
    (
        "df=pd.DataFrame({'d':['1 March 2024','13 May 2024']})",
        "x = pd.to_datetime(df['d'], format='%Y-%m-%d')",
        "x = pd.to_datetime(df['d'], format=\"%d %B %Y\")",
        "x.dt.month.tolist() == [3, 5]",
    ),
    (
        KEYS,
        "x = a.merge(b, on='id')",
        "x = a.merge(b, left_on='id', right_on='key')",
        "x.y.tolist() == [30, 20, 10]",
    ),
    (
        KEYS,
        "x = pd.merge(a, b, on='key')",
        "x = pd.merge(a, b, left_on='id', right_on='key')",
        "x.y.tolist() == [30, 20, 10]",
    ),
    (
        KEYS,
        "x = pd.merge(a, b)",
        "x = pd.merge(a, b, left_on='id', right_on='key')",
        "x.y.tolist() == [30, 20, 10]",
    ),
    (
        "a=np.array(['1','2'])",
        "x = a * 2",
        "x = a.astype(int) * 2",
        "x.tolist() == [2, 4]",
    ),
    (
        "xs=['1.5','2']",
        "x = np.array(xs) + 1",
        "x = np.array(xs).astype(float) + 1",
        "x.tolist() == [2.5, 3]",
    ),
    (
        "df=pd.DataFrame({'v':[1,2,4]})",
        "df['c'] = np.diff(df['v'])",
        "df['c'] = df['v'].diff()",
        "df['c'].tolist()[1:] == [1, 2]",
    ),
    ("a=np.arange(12)", "x = a.reshape(5, 3)", "x = a.reshape(4, 3)", "x.shape == (4, 3)"),
    (
        "a=np.arange(12)",
        "x = np.reshape(a, (6, 5))",
        "x = np.reshape(a, (6, 2))",
        "x.shape == (6, 2)",
    ),
    ("a=np.ones((3,2))", "x = a.sum(axis=2)", "x = a.sum(axis=1)", "x.tolist() == [2, 2, 2]"),
    (
        "a=np.ones((3,2)); b=np.zeros(2)",
        "x = np.concatenate([a, b])",
        "x = np.vstack([a, b])",
        "x[3].tolist() == [0, 0]",
    ),
    (
        "a=np.ones((3,2)); b=np.zeros(3)",
        "x = np.concatenate([a, b], axis=1)",
        "x = np.column_stack([a, b])",
        "x[0].tolist() == [1, 1, 0]",
    ),
    (
        "d={'a':np.int64(1),'b':np.arange(2)}",
        "x = json.dumps(d)",
        "x = json.dumps(d, default=lambda value: value.tolist())",
        """x == '{"a": 1, "b": [0, 1]}'""",
    ),
    (
        "df=pd.DataFrame({'unit price':[1,2]})",
        "x = df.query('unit price > 1')",
        "x = df.query('`unit price` > 1')",
        "len(x) == 1",
    ),
    (
        "df=pd.DataFrame({'g':['a','b'],'n':[1,2]}).groupby('g').sum()",
        "x = df['g']",
        "x = df.reset_index()['g']",
        "x.tolist() == ['a', 'b']",
    ),
]

# what ran before, and a failing cell that the values do not determine
UNDECIDED = [
    ("df=pd.DataFrame({'a':[1]}); n=3", "df.append(n)"),
    ("df=pd.DataFrame({'a':[1.0,None]}); how='ffill'", "df.fillna(method=how)"),
    ("df=pd.DataFrame({'g':['a','b'],'t':['1,5','2']})", "df.mean()"),
    ("df=pd.DataFrame({'n':[1,2],'t':['1,5','2']})", "df.mean()"),
    (column("1 kg", "2 lb"), "df['p'].astype(float)"),
    (column("5k", "2k"), "df['p'].astype(float)"),
    (column("1,5", "1,500.5"), "df['p'].astype(float)"),
    (column(1.5, None), "df['p'].astype(int)"),
    ("xs=['$1','two']", "[float(x) for x in xs]"),
    ("df=pd.DataFrame({'d':['01/02/2024','03/02/2024']})", "df['d'].dt.year"),
    ("df=pd.DataFrame({'d':['2024-01-01'],'e':['2024-01-01']})", "df.resample('ME').sum()"),
    (
        "a=pd.DataFrame({'id':[1,2],'x':[1,2]}); b=pd.DataFrame({'k':[1,2],'y':[2,1]})",
        "a.merge(b, on='id')",
    ),
    ("a=pd.DataFrame({'id':[1,2]}); b=pd.DataFrame({'id':['1','x']})", "a.merge(b, on='id')"),
    (
        "from zoneinfo import ZoneInfo\na=datetime(2024,1,1,tzinfo=ZoneInfo('Asia/Tokyo'))",
        "a > datetime(2024, 1, 1)",
    ),
    ("a=np.array(['1','x'])", "a * 2"),
    ("a=np.arange(12)", "a.reshape(4, 4)"),
    ("a=np.ones((3,2)); b=np.zeros(4)", "np.concatenate([a, b])"),
    ("a=np.ones((3,2))", "a.sum(axis=5)"),
    ("d={'a':pd.Timestamp('2024-01-01')}", "json.dumps(d)"),
    ("df=pd.DataFrame({'v':[1,2,4]})", "df['c'] = np.diff(df['v'], n=2)"),
]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HintShell]:
    with hint_shell(tmp_path_factory.mktemp("edits")) as shell:
        yield shell


@pytest.mark.parametrize(("setup", "code", "edit", "truth"), RIGHT)
def test_the_edit_gives_the_right_value(
    shell: HintShell, setup: str, code: str, edit: str, truth: str
) -> None:
    hint = shell.hint(IMPORTS + setup, code)
    assert hint is not None
    assert hint.edits == (edit,)
    shell.reset()
    assert shell.run(IMPORTS + setup) is None
    assert shell.run(edit) is None
    assert shell.run(f"assert {truth}") is None


@pytest.mark.parametrize(("setup", "code"), UNDECIDED)
def test_it_edits_nothing_that_is_not_determined(shell: HintShell, setup: str, code: str) -> None:
    hint = shell.hint(IMPORTS + setup, code)
    assert hint is None or not hint.edits
