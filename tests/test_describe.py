"""Live objects in words: what is said of known ones, and that unknown ones are never asked."""

from __future__ import annotations

import datetime
import decimal
import pathlib
import subprocess
import sys
import threading
import types
from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any

import hostile
import matplotlib.figure
import matplotlib.text
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from codeassist_jupyter.kernel.describe import brief, describe, describe_all

# --- built-in types


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (5, "x: int 5"),
        (1.5, "x: float 1.5"),
        (None, "x: NoneType None"),
        (True, "x: bool True"),
        (range(3), "x: range range(0, 3)"),
        ("héllo", "x: str of 5 characters: 'héllo'"),
        ("a\nb", "x: str of 3 characters in 2 lines: 'a\\nb'"),
        (b"ab\x00", "x: bytes of 3: b'ab\\x00'"),
        ([1, "a", None], "x: list of 3: [1, 'a', None]"),
        ([], "x: list of 0: []"),
        ((1,), "x: tuple of 1: (1)"),
        ({"b": 1, "a": [1, [2, [3]]]}, "x: dict of 2: {'b': 1, 'a': [1, [2, […]]]}"),
        ({3, 1, 2}, "x: set of 3: {1, 2, 3}"),
        (frozenset({"a"}), "x: frozenset of 1: frozenset({'a'})"),
        (set(range(5000)), "x: set of 5000: {…}"),
        (list(range(100)), "x: list of 100: [0, 1, 2, 3, 4, 5, 6, 7, …]"),
        (deque([1]), "x: collections.deque of 1: deque([1])"),
        (defaultdict(int, a=1), "x: collections.defaultdict of 1: {'a': 1}"),
        (OrderedDict(a=1), "x: collections.OrderedDict of 1: {'a': 1}"),
        (Counter("aab"), "x: collections.Counter of 2: {'a': 2, 'b': 1}"),
        (datetime.date(2024, 1, 2), "x: datetime.date 2024-01-02"),
        (datetime.datetime(2024, 1, 2, 3), "x: datetime.datetime 2024-01-02T03:00:00"),
        (decimal.Decimal("1.10"), "x: decimal.Decimal 1.10"),
        (pathlib.PurePosixPath("/a/b"), "x: pathlib.PurePosixPath /a/b"),
        (ValueError("bad", 1), "x: ValueError with arguments ('bad', 1)"),
        (len, "x: builtin_function_or_method len"),
        (pathlib, "x: module pathlib"),
        (np, f"x: module numpy {np.__version__}"),
        (threading.Lock(), "x: _thread.lock"),
    ],
)
def test_known_values_are_described_exactly(value: object, said: str) -> None:
    assert describe("x", value) == said


def test_a_number_too_long_to_write_is_not_written() -> None:
    assert describe("x", 10**5000) == "x: int <int of 16610 bits>"


def test_a_cycle_ends() -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    assert describe("x", loop) == "x: list of 2: [1, [1, [1, […]]]]"


def test_the_order_of_a_set_does_not_depend_on_the_process() -> None:
    code = (
        "from codeassist_jupyter.kernel.describe import describe;"
        "print(describe('x', {*'abcdefghijkl'}))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert said == {b"x: set of 12: {'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', \xe2\x80\xa6}\n"}


def test_functions_are_described_by_their_code() -> None:
    def area(
        width: Zone,
        /,
        height: int = 2,
        *more: int,
        unit: str = "m",
        password: str = "p",
        **rest: int,
    ) -> int:
        """Say how large it is.

        In detail."""

        def inner() -> int:
            return width

        return inner()

    assert describe("area", area) == (
        "area: function area(width, height=2, *more, unit='m', password=[redacted], **rest), "
        "17 lines: Say how large it is."
    )
    area.__defaults__ = (1, 2, 3)
    area.__name__ = hostile.Name("other")
    assert describe("area", area).startswith("area: function area(width=2, height=3, *more")
    assert describe("f", lambda a, *, b: 0) == "f: function <lambda>(a, *, b), 1 lines"


class Zone(datetime.tzinfo):
    """A zone.

    More."""

    def one(self) -> int:
        return 1

    def _hidden(self) -> None: ...


def test_classes_and_instances_are_described_by_what_they_store() -> None:
    assert describe("Zone", Zone) == "Zone: class Zone(tzinfo): A zone.; methods: one"
    zone = Zone()
    zone.__dict__ |= {"name": "x", "api_key": "abc", "other": zone}
    assert describe("zone", zone).endswith(
        "Zone with name='x', api_key=[redacted], other=<test_describe.Zone>"
    )


# --- secrets


@pytest.mark.parametrize("value", ["hunter2", b"hunter2", ["hunter2"], {"a": "hunter2"}])
def test_a_variable_with_the_name_of_a_secret_is_not_shown(value: object) -> None:
    assert "hunter2" not in describe("db_password", value)
    assert "[redacted]" in describe("db_password", value)


def test_secrets_inside_values_are_not_shown() -> None:
    token = "ghp_" + "a1B2" * 9
    frame = pd.DataFrame({"password": ["hunter2"], "note": [token]})
    for value in (
        token,
        [token],
        "x" * 190 + " " + token,  # where the text is cut
        {"token": token, "api_key": 1234567},
        frame,
        frame["password"],
        pl.from_pandas(frame),
        pa.Table.from_pandas(frame),
    ):
        said = describe("x", value)
        assert "ghp_a1B2a1B2" not in said
        assert "hunter2" not in said
        assert "1234567" not in said


def test_text_is_cleaned_and_bounded() -> None:
    said = describe("x", {"a\ud800": "\x1b[31m\u202e"}, 100)
    said.encode()
    assert "\x1b" not in said
    frame = pd.DataFrame({f"column_{n}": ["x" * 1000] for n in range(100)})
    assert len(describe("x", frame)) <= 600
    assert len(describe("x", ["y" * 10**7] * 3, 300)) <= 300


# --- data libraries


def test_numpy() -> None:
    assert describe("x", np.array([[1.0, 2], [3, np.nan]])) == (
        "x: numpy.ndarray, shape (2, 2), dtype float64, begins [[1.0, 2.0], [3.0, nan]], "
        "min nan, max nan"
    )
    assert describe("x", np.array(5)) == (
        "x: numpy.ndarray, shape (), dtype int64, begins 5, min 5, max 5"
    )
    assert describe("x", np.zeros((0, 3))) == "x: numpy.ndarray, shape (0, 3), dtype float64"
    assert "begins ['2024-01-01']" in describe("x", np.array(["2024-01-01"], dtype="M8[D]"))
    assert "begins [(1, 2.0)]" in describe("x", np.array([(1, 2.0)], dtype="i4,f8"))
    assert len(describe("x", np.zeros((9,) * 8))) < 200
    assert describe("x", np.float32(1.5)) == "x: numpy.float32 1.5"
    assert describe("x", np.str_("a")) == "x: numpy.str_ a"
    assert describe("x", np.zeros(3).view(hostile.subclass(np.ndarray))).startswith("x: ")


def test_pandas() -> None:
    frame = pd.DataFrame(
        {
            "day": pd.date_range("2024-01-01", periods=4, tz="UTC"),
            "temp": [1.5, None, 3, 4],
            "city": pd.Categorical(list("abca")),
            "mixed": [1, "x", None, [2]],
        }
    )
    assert describe("df", frame).splitlines() == [
        "df: pandas.DataFrame, 4 rows × 4 columns",
        f"  day: {frame['day'].dtype}",
        "  temp: float64, 1 null",
        "  city: category",
        "  mixed: object",
        "  first rows:",
        "    2024-01-01 00:00:00+00:00, 1.5, 'a', 1",
        "    2024-01-02 00:00:00+00:00, nan, 'b', 'x'",
        "    2024-01-03 00:00:00+00:00, 3.0, 'c', None",
    ]
    assert describe("s", frame["temp"]) == (
        "s: pandas.Series temp of 4, dtype float64, 1 null, begins 1.5, nan, 3.0, 4.0"
    )
    assert describe("i", frame.index) == "i: pandas.RangeIndex of 4, dtype int64, begins 0, 1, 2, 3"
    assert "begins ('a', 1)" in describe("i", pd.MultiIndex.from_tuples([("a", 1)]))
    assert describe("t", pd.Timestamp("2024-01-02")) == "t: pandas.Timestamp 2024-01-02 00:00:00"
    assert describe("e", pd.DataFrame()) == "e: pandas.DataFrame, 0 rows × 0 columns"
    assert "<NA>" in describe("n", pd.array([1, None], dtype="Int64")[1])


def test_odd_column_names() -> None:
    frame = pd.DataFrame([[1, 2, 3, 4]], columns=["a", "a", 7, "two words\n[end]"])
    assert describe("df", frame).splitlines()[1:5] == [
        "  a: int64",
        "  a: int64",
        "  7: int64",
        "  'two words\\n[end]': int64",
    ]
    wide = pd.DataFrame(np.zeros((2, 20_000)))
    assert "… 19960 more columns" in describe("df", wide, 5000)


def test_ten_million_rows_are_not_counted_through() -> None:
    long = pd.DataFrame({"x": np.zeros(10_000_000), "y": np.nan})
    text = describe("df", long)
    assert "10000000 rows × 2 columns" in text
    assert "null" not in text, "that would read all of it"
    assert "min" not in describe("a", long["x"].to_numpy())


def test_equal_values_are_described_equally_whatever_order_they_were_made_in() -> None:
    words = [f"w{n}" for n in range(50)]
    made = [
        {"s": set(order), "df": pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}), "o": object()}
        for order in (words, words[::-1])
    ]
    first, second = (describe_all(namespace, {}) for namespace in made)
    assert first == second


def test_polars() -> None:
    frame = pl.DataFrame({"a": [1, None, 3], "b": ["x", "y", "z"], "c": [[1], [2], [3]]})
    assert describe("df", frame).splitlines() == [
        "df: polars.DataFrame, 3 rows × 3 columns",
        "  a: Int64, 1 null",
        "  b: String",
        "  c: List(Int64)",
        "  first rows:",
        "    1, 'x', [1]",
        "    None, 'y', [2]",
        "    3, 'z', [3]",
    ]
    assert describe("s", frame["b"]) == "s: polars.Series 'b' of 3, String, begins 'x', 'y', 'z'"
    assert describe("l", frame.lazy()) == "l: polars.LazyFrame, not collected"


def test_arrow() -> None:
    table = pa.table({"a": [1, None], "b": [[1], [2]]})
    assert describe("t", table).splitlines() == [
        "t: pyarrow.Table, 2 rows × 2 columns",
        "  a: int64, 1 null",
        "  b: ListType",
        "  first rows:",
        "    1, …",
        "    None, …",
    ]


def test_matplotlib() -> None:
    figure = matplotlib.figure.Figure()
    axes = figure.subplots()
    axes.plot([1, 2])
    axes.set(title="Mean", xlabel="month", ylabel="°C")
    assert describe("axes", axes) == (
        "axes: matplotlib Axes 'Mean', labels 'month', '°C', drawn: ['Line2D']"
    )
    assert describe("figure", figure).startswith(
        "figure: matplotlib Figure with 1 axes: matplotlib"
    )


def test_torch_is_known_by_what_is_loaded_and_is_not_imported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Tensor:
        shape, dtype, device = (2, 3), "torch.float32", "cpu"

    assert describe("t", Tensor()).endswith("Tensor")
    torch = types.ModuleType("torch")
    torch.Tensor = Tensor  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", torch)
    assert describe("t", Tensor()) == "t: torch.Tensor, shape (2, 3), torch.float32, on cpu"
    monkeypatch.setitem(sys.modules, "torch", None)  # how some block an import
    assert describe("t", Tensor()).endswith("Tensor")


def test_describing_imports_no_library() -> None:
    code = (
        "import sys; from codeassist_jupyter.kernel import describe, references;"
        "describe.describe('x', [1, object(), int, print]);"
        "libraries = {'numpy', 'pandas', 'polars', 'pyarrow', 'torch', 'matplotlib'};"
        "print(libraries & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"


def test_a_large_frame_is_not_copied() -> None:
    values = np.broadcast_to(np.float64(1.5), (100_000_000, 3))  # 2.4 GB if anyone copied it
    frame = pd.DataFrame(values, copy=False)
    assert describe("df", frame).startswith("df: pandas.DataFrame, 100000000 rows × 3 columns")


# --- objects that must not be asked


@pytest.fixture
def counted() -> list[str]:
    hostile.calls.clear()
    return hostile.calls


@pytest.mark.parametrize("name", hostile.instances())
def test_unknown_objects_are_never_asked(name: str, counted: list[str]) -> None:
    value = hostile.instances()[name]
    counted.clear()
    nested = [[value], (value,), {"a": value}, deque([value]), np.array([None, 1], dtype=object)]
    nested[-1][0] = value
    counted.clear()
    for found in (value, *nested):
        assert describe("x", found).startswith("x: ")
        assert brief(found)
    assert describe_all({"x": value}, {}) == {"x": describe("x", value)}
    assert counted == []


def test_values_of_frames_are_never_asked(counted: list[str]) -> None:
    evil = hostile.instances()["everything"]
    frame = pd.DataFrame({"a": [None, "x", None]}, dtype=object)
    frame._mgr.arrays[0][0, 0] = evil
    tagged = pd.DataFrame({"a": [1]})
    tagged.attrs["note"] = evil
    series = pl.Series("o", [None, None], dtype=pl.Object)
    figure = matplotlib.figure.Figure()
    figure.add_artist(type("MyText", (matplotlib.text.Text,), hostile.PROPERTIES)())
    counted.clear()
    for value in (frame, frame["a"], tagged, series, figure):
        describe("x", value)
    assert counted == []


def test_time_zones_of_the_user_are_never_asked(counted: list[str]) -> None:
    hostile.Zone.is_open = True
    zone = hostile.Zone()
    when = datetime.datetime(2024, 1, 1, tzinfo=zone)
    stamp = pd.Timestamp("2024-01-01", tz=zone)
    frame = pd.DataFrame({"t": [stamp]})
    hostile.Zone.is_open = False
    counted.clear()
    for value in (when, when.timetz(), stamp, frame, frame["t"], [when, stamp]):
        describe("x", value)
    assert counted == []


def test_libraries_that_only_pretend_are_not_believed(counted: list[str]) -> None:
    fakes = [
        type(name, (), {**hostile.TRAPS, "__module__": module})
        for module, name in (("numpy", "ndarray"), ("pandas", "DataFrame"), ("pandas", "Timestamp"))
    ]
    fakes.append(type("float64", (np.float64,), {**hostile.TRAPS, "__module__": "numpy"}))
    for fake in fakes:
        value = np.float64.__new__(fake, 1.0) if issubclass(fake, float) else object.__new__(fake)
        counted.clear()
        assert describe("x", value) == f"x: {fake.__module__}.{fake.__name__}"
        assert counted == []


def test_odd_names_of_functions_modules_and_attributes(counted: list[str]) -> None:
    def function(a: int = 1) -> None: ...

    function.__name__ = hostile.Name("evil")
    function.__kwdefaults__ = hostile.subclass(dict)()
    module = types.ModuleType("m")
    module.__dict__["__name__"] = module.__dict__["__version__"] = hostile.Name("evil")
    holder = types.SimpleNamespace()
    holder.__dict__[hostile.Name("key")] = 1
    made = type("Made", (), {})
    made.__module__ = hostile.Name("evil")
    made.__name__ = hostile.Name("evil")
    counted.clear()
    for value in (function, module, holder, made, made()):
        describe("x", value)
    assert counted == []


# --- a whole namespace


def test_variables_of_the_user_are_found_and_others_are_not() -> None:
    exit_, given = object(), object()
    hidden = {"exit": exit_, "In": given}
    namespace: dict[Any, Any] = {"b": 1, "_x": 2, "exit": exit_, "In": given, "a": "s", 3: 4}
    assert list(describe_all(namespace, hidden)) == ["b", "a"]
    namespace["exit"] = 5  # now it is theirs
    assert describe_all(namespace, hidden)["exit"] == "exit: int 5"


def test_ten_thousand_variables_are_bounded() -> None:
    namespace = {f"v{n}": list(range(1000)) for n in range(10_000)}
    found = describe_all(namespace, {})
    assert 0 < len(found) <= 500
    assert all(said.startswith(f"{name}: list") for name, said in found.items())


def test_a_namespace_may_change_meanwhile() -> None:
    namespace: dict[str, Any] = {"d": {n: n for n in range(1000)}, "s": set(range(900))}
    stop = threading.Event()

    def change() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            namespace[f"v{number % 1000}"] = number
            namespace["d"][number % 2000] = number
            namespace["s"].symmetric_difference_update({number % 2000})

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(50):
            assert "d" in describe_all(namespace, {})
    finally:
        stop.set()
        thread.join()
