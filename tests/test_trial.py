"""What a trial says of code: in a shell of this process, and in a real kernel where it matters."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from front_end import FrontEnd
from IPython.core.interactiveshell import InteractiveShell

from codeassist_jupyter.errors import UsageError
from codeassist_jupyter.kernel import trial
from codeassist_jupyter.kernel.outcomes import Failed, Limits, NotTried, Outcome, Ran, Verified
from codeassist_jupyter.kernel.postmortem import PostMortem

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="trials need Linux")


@pytest.fixture(scope="module")
def base_shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InteractiveShell]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


@pytest.fixture
def shell(base_shell: InteractiveShell) -> InteractiveShell:
    base_shell.reset(new_session=False)
    base_shell.user_ns.update(
        table=pd.DataFrame({"city": ["A", "B", "A"], "amount": [1.5, 2.0, 3.0]}),
        words=["a", "b"],
    )
    return base_shell


def observed(outcome: Outcome) -> dict[str, str]:
    assert isinstance(outcome, Ran | Verified), outcome
    return dict(outcome.observed.variables)


# --- what is observed


def test_names_bound_changed_and_deleted_are_described(shell: InteractiveShell) -> None:
    code = "import math\ntotals = table.groupby('city')['amount'].sum()\nwords.append('c')\n"
    code += "table['double'] = table.amount * 2\nlen(totals)"
    outcome = trial.attempt(shell, code)
    variables = observed(outcome)
    assert variables.keys() == {"totals", "words", "table"}
    assert variables["totals"].startswith("totals: pandas.Series amount of 2")
    assert variables["words"] == "words: list of 3: ['a', 'b', 'c']"
    assert "3 rows × 3 columns" in variables["table"]
    assert isinstance(outcome, Ran)
    assert (outcome.observed.result, outcome.warnings) == ("Out: int 2", ())
    assert shell.user_ns["words"] == ["a", "b"]
    assert list(shell.user_ns["table"]) == ["city", "amount"]
    assert "totals" not in shell.user_ns
    gone = trial.attempt(shell, "del words")
    assert isinstance(gone, Ran)
    assert gone.observed.deleted == ("words",)


def test_secrets_are_redacted_and_output_is_cut(shell: InteractiveShell) -> None:
    code = "api_key = 'sk-' + 'a1B2' * 12\nprint(api_key)\nprint('x' * 100_000)\nprint('end')"
    outcome = trial.attempt(shell, code)
    assert isinstance(outcome, Ran)
    assert "a1B2a1B2" not in repr(outcome)
    assert outcome.observed.output.endswith("end\n")
    assert len(outcome.observed.output) <= 4000


@pytest.mark.parametrize(
    ("code", "name", "said"),
    [
        ("x = 1; x + 1;", "x", "x: int 1"),
        ("import asyncio\nawait asyncio.sleep(0)\nx = 5", "x", "x: int 5"),
        ("async def f(): return 7\nx = await f()", "x", "x: int 7"),
        ("async with __import__('asyncio').Lock() as lock: x = 2", "x", "x: int 2"),
        ("y = !echo 4\nx = int(y[0])", "x", "x: int 4"),
        ("%%capture kept\nx = 3", "x", "x: int 3"),
        ("_ = 0\n1 + 1\nx = 9", "x", "x: int 9"),
        ("from __future__ import annotations\nx = 6", "x", "x: int 6"),
        ("import tempfile\nf = tempfile.TemporaryFile()\nx = f.write(b'abc')", "x", "x: int 3"),
        ("import os\nx = open(os.devnull, 'w').write('abc')", "x", "x: int 3"),
        ("import threading\nt = threading.Thread(target=words.append, args=('c',))\n"
         "t.start(); t.join()\nx = len(words)", "x", "x: int 3"),
        ("import subprocess\nx = subprocess.run('exit 3', shell=True).returncode", "x", "x: int 3"),
        ("import asyncio\np = await asyncio.create_subprocess_exec('true')\nx = await p.wait()",
         "x", "x: int 0"),
    ],
)  # fmt: skip
def test_cells_run_as_ipython_runs_them(
    shell: InteractiveShell, code: str, name: str, said: str
) -> None:
    assert observed(trial.attempt(shell, code))[name] == said


@pytest.mark.parametrize(
    "code",
    [
        "np.linalg.svd(a[:200]); x = (a @ a).sum()",
        "x = table.groupby('city').sum().merge(table)",
        "x = table.city.str.upper()",
        "import sqlite3\nx = sqlite3.connect(':memory:').execute('select 1').fetchall()",
        "import matplotlib.pyplot as plt\nplt.plot([1]); plt.gcf().canvas.draw(); plt.show(); x=1",
        "import pyarrow as pa\nx = pa.table({'a': list('ab') * 999}).group_by('a').aggregate([])",
        "import duckdb\nx = duckdb.sql('select sum(i) from range(9999) t(i)').fetchall()",
    ],
)
def test_libraries_work_in_the_copy(shell: InteractiveShell, code: str) -> None:
    a = np.ones((400, 400))
    a @ a  # so that BLAS has its threads
    shell.user_ns.update(np=np, a=a)
    assert "x" in observed(trial.attempt(shell, code))


# --- verified, ran, failed


def test_verified_needs_a_check_that_holds(shell: InteractiveShell) -> None:
    code = "total = table.amount.sum()"
    outcome = trial.attempt(shell, code, expect=["total == 6.5", "assert total > 0"])
    assert isinstance(outcome, Verified)
    assert outcome.checks == ("total == 6.5", "assert total > 0")
    assert isinstance(trial.attempt(shell, code), Ran)


def test_cells_below_run_and_those_that_assert_are_checks(shell: InteractiveShell) -> None:
    below = ["half = total / 2", "assert half == 3.25", "%assist explain"]
    outcome = trial.attempt(shell, "total = table.amount.sum()", then=below)
    assert isinstance(outcome, Verified)
    assert outcome.checks == ("cell 2 below asserts",)
    assert outcome.observed.cells_below == 2
    assert outcome.observed.variables.keys() == {"total"}


def test_a_cell_below_that_fails_is_reported(shell: InteractiveShell) -> None:
    outcome = trial.attempt(
        shell, "x = 1", then=["y = x + 1", "z = y\nz.nope", "1 / 0"], expect=["x == 1"]
    )
    assert isinstance(outcome, Ran)
    assert outcome.observed.cells_below == 1
    said = "cell 2 below fails at `z.nope`: AttributeError: 'int' object has no attribute 'nope'"
    assert outcome.warnings == (said,)


@pytest.mark.parametrize(
    ("check", "error"),
    [
        ("x == 2", "AssertionError"),
        ("assert x == 2, 'not two'", "AssertionError"),
        ("x.nope", "AttributeError"),
        ("[n for n in [x] if n > 1]", "AssertionError"),
        ("None", "AssertionError"),
    ],
)
def test_a_check_that_does_not_hold_is_a_failure(
    shell: InteractiveShell, check: str, error: str
) -> None:
    outcome = trial.attempt(shell, "x = 1", expect=["x == 1", check])
    assert isinstance(outcome, Failed)
    assert outcome.error == error
    assert outcome.observed.variables == {"x": "x: int 1"}


def test_a_check_may_be_a_call_that_returns_nothing(shell: InteractiveShell) -> None:
    shell.user_ns["np"] = np
    outcome = trial.attempt(shell, "x = 1.0", expect=["np.testing.assert_allclose(x, 1)"])
    assert isinstance(outcome, Verified)


def test_a_check_must_be_python(shell: InteractiveShell) -> None:
    with pytest.raises(UsageError, match="is not Python"):
        trial.attempt(shell, "x = 1", expect=["x =="])


def test_a_failure_says_where_and_with_what(shell: InteractiveShell) -> None:
    code = "\n\ndef mean(values, digits):\n    return round(values['amnt'].mean(), digits)\n"
    outcome = trial.attempt(shell, code + "mean(table, 2)")
    assert isinstance(outcome, Failed)
    assert (outcome.error, outcome.message, outcome.line) == ("KeyError", "'amnt'", 4)
    assert outcome.source == "    return round(values['amnt'].mean(), digits)"
    assert "digits: int 2" in outcome.facts
    assert any(fact.startswith("values: pandas.DataFrame, 3 rows") for fact in outcome.facts)
    account = PostMortem.from_dict(outcome.postmortem)
    assert account.failures[0].type == "KeyError"
    assert {frame.place for frame in account.failures[0].frames} <= {"cell", "library"}
    assert outcome.observed.variables["mean"].startswith("mean: function mean(values, digits)")


@pytest.mark.parametrize(
    ("code", "error", "line"),
    [
        ("x = 1\ndef f(:", "SyntaxError", 2),
        ("x = 1\n  y = 2", "IndentationError", 2),
        ("def f():\n    return f()\nf()", "RecursionError", 2),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", 1),
        ("import sys\nsys.exit('bye')", "SystemExit", 2),
        ("raise ExceptionGroup('both', [ValueError(1), KeyError(2)])", "ExceptionGroup", 1),
        ("await table", "TypeError", 1),
        ("x = bytes(1 << 40)", "MemoryError", 1),
    ],
)
def test_every_kind_of_exception_is_a_failure(
    shell: InteractiveShell, code: str, error: str, line: int
) -> None:
    outcome = trial.attempt(shell, code, limits=Limits(memory=1 << 30))
    assert isinstance(outcome, Failed)
    assert (outcome.error, outcome.line) == (error, line)


def test_broken_exceptions_are_reported(shell: InteractiveShell) -> None:
    code = """
class Broken(Exception):
    def __str__(self): raise ValueError
    __repr__ = __str__
one, two = Broken(), Broken()
one.__cause__, two.__cause__ = two, one
raise one
"""
    outcome = trial.attempt(shell, code)
    assert isinstance(outcome, Failed)
    assert (outcome.error, outcome.message) == ("Broken", "(its message cannot be read)")


# --- not tried


def test_what_the_sandbox_refuses_says_nothing_of_the_code(
    shell: InteractiveShell, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    shell.user_ns["folder"] = folder
    outcome = trial.attempt(shell, "table.to_csv(folder / 'out.csv')")
    assert isinstance(outcome, NotTried)
    assert "out.csv" in outcome.reason
    wrapped = "import sqlite3\nsqlite3.connect(folder / 'a.db').execute('create table t (a)')"
    assert isinstance(trial.attempt(shell, wrapped), NotTried)
    assert list(folder.iterdir()) == []


def test_what_the_kernel_may_not_do_either_is_a_failure(shell: InteractiveShell) -> None:
    outcome = trial.attempt(shell, "raise PermissionError(13, 'no', '/not/here/file')")
    assert isinstance(outcome, Failed)
    assert outcome.error == "PermissionError"


def test_only_on_the_main_thread(shell: InteractiveShell) -> None:
    found: list[Outcome] = []
    thread = threading.Thread(target=lambda: found.append(trial.attempt(shell, "1")))
    thread.start()
    thread.join()
    assert found == [NotTried("code can only be tried from the main thread")]


def test_live_connections_and_tasks_are_named_before(shell: InteractiveShell) -> None:
    import concurrent.futures
    import socket

    loop = asyncio.new_event_loop()
    left, right = socket.socketpair()
    pool = concurrent.futures.ThreadPoolExecutor(1)
    future = loop.create_future()
    shell.user_ns.update(left=left, pool=pool, future=future, threading=threading)
    shell.ex("def send(text): return left.send(text)\nclass Client:\n  def go(self): send(b'a')")
    shell.ex("client = Client()")
    for code, name in [
        ("left.send(b'x')", "left"),
        ("send(b'x')", "left"),
        ("client.go()", "left"),
        ("pool.map(str, [1])", "pool"),
        ("await future", "future"),
    ]:
        outcome = trial.attempt(shell, code)
        assert isinstance(outcome, NotTried), code
        assert f"`{name}`, a live " in outcome.reason
        assert trial.uncontained(shell, code)[0].startswith(f"`{name}`, a live ")
    assert isinstance(trial.attempt(shell, "threading.Lock().acquire()"), Ran)
    below = trial.attempt(shell, "x = 1", then=["y = 1", "send(b'x')", "1 / 0"])
    assert isinstance(below, Ran)
    assert below.observed.cells_below == 1
    assert below.warnings[0].startswith("cell 2 below was not run: it uses `left`")
    right.setblocking(False)
    with pytest.raises(BlockingIOError):
        right.recv(1)
    for thing in (left, right, loop):
        thing.close()
    pool.shutdown()


def test_databases_and_files_can_be_read_and_are_named(
    shell: InteractiveShell, tmp_path: Path
) -> None:
    connection = sqlite3.connect(tmp_path / "a.db")
    connection.execute("create table t (a)")
    connection.execute("insert into t values (1)")
    connection.commit()
    log = (tmp_path / "log.txt").open("w")
    log.write("one")
    data = (tmp_path / "a.db").open("rb")
    shell.user_ns.update(connection=connection, log=log, data=data)
    outcome = trial.attempt(shell, "rows = connection.execute('select a from t').fetchall()")
    assert observed(outcome)["rows"] == "rows: list of 1: [(1)]"
    assert "`connection`" in outcome.warnings[0]  # type: ignore[union-attr] # observed() knows
    insert = trial.attempt(shell, "connection.execute('insert into t values (2)')")
    assert isinstance(insert, NotTried)
    assert isinstance(trial.attempt(shell, "log.write('two'); log.flush()"), NotTried)
    assert trial.uncontained(shell, "data.read(1)") == ()
    log.close()
    data.close()
    assert (tmp_path / "log.txt").read_text() == "one"
    assert connection.execute("select a from t").fetchall() == [(1,)]
    connection.close()


def test_polars_is_not_used_in_a_copy(shell: InteractiveShell) -> None:
    shell.user_ns.update(pl=pl, frame=pl.DataFrame({"a": [1]}))
    for code in ("frame.group_by('a').sum()", "import polars", "pl.DataFrame({'a': [1]})"):
        outcome = trial.attempt(shell, code)
        assert outcome == NotTried("it uses polars, whose threads do not survive a fork")
    assert isinstance(trial.attempt(shell, "x = 1"), Ran)


def test_cuda_is_not_forked(tmp_path: Path) -> None:
    ctypes.CDLL("libm.so.6")
    maps = Path("/proc/self/maps").read_text().split()
    shutil.copy(next(path for path in maps if "/libm.so" in path), tmp_path / "libcuda.so.1")
    script = f"import ctypes; ctypes.CDLL({str(tmp_path / 'libcuda.so.1')!r})\n"
    assert _in_process(script, "x = 1", tmp_path) == "CUDA is in use and does not survive a fork"


def test_jax_is_not_forked(tmp_path: Path) -> None:
    (tmp_path / "jax.py").write_text("")
    found = _in_process(
        f"import sys; sys.path.append({str(tmp_path)!r}); import jax\n", "1", tmp_path
    )
    assert found == "JAX is loaded and does not survive a fork"


NO_LANDLOCK = """
import ctypes, struct
from codeassist_jupyter.kernel import sandbox_seccomp
rules = [(0x20, 0, 0, 0), (0x15, 0, 1, 444), (6, 0, 0, 0x50026), (6, 0, 0, 0x7fff0000)]
ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)
sandbox_seccomp.load(b"".join(struct.pack("HBBI", *rule) for rule in rules))
"""
NO_SECCOMP = """
import ctypes, struct
from codeassist_jupyter.kernel import sandbox_seccomp
rules = [(0x20, 0, 0, 0), (0x15, 0, 3, 157), (0x20, 0, 0, 16), (0x15, 0, 1, 22),
         (6, 0, 0, 0x50016), (6, 0, 0, 0x7fff0000)]
ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)
sandbox_seccomp.load(b"".join(struct.pack("HBBI", *rule) for rule in rules))
"""


@pytest.mark.parametrize(
    ("setup", "reason"), [(NO_LANDLOCK, "no Landlock"), (NO_SECCOMP, "seccomp")]
)
def test_without_protection_nothing_runs(tmp_path: Path, setup: str, reason: str) -> None:
    """The calls that would protect are refused to a real process by a real filter."""
    victim = tmp_path / "victim"
    victim.write_text("here")
    assert reason in _in_process(setup, f"import os; os.remove({str(victim)!r})", tmp_path)
    assert victim.read_text() == "here"


def _in_process(setup: str, code: str, folder: Path) -> str:
    """Why `code` was not tried in a process of its own, after `setup`."""
    script = f"""{setup}
from IPython.core.interactiveshell import InteractiveShell
from codeassist_jupyter.kernel.trial import attempt
print(attempt(InteractiveShell.instance(), {code!r}).reason)
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "IPYTHONDIR": str(folder / "ipython")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# --- in a real kernel


KERNEL = """
import dataclasses, json
import matplotlib.pyplot as plt
from IPython.display import display
from codeassist_jupyter.kernel.trial import attempt
def tried(code, **more):
    outcome = attempt(get_ipython(), code, **more)
    print(json.dumps([type(outcome).__name__, dataclasses.asdict(outcome)]))
"""


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontEnd]:
    folder = tmp_path_factory.mktemp("kernel")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(folder / "ipython"))
        front_end = FrontEnd(folder)
    shown = front_end.run(KERNEL)
    assert shown.status == "ok", shown.error
    yield front_end
    front_end.close()


def tried(kernel: FrontEnd, code: str) -> tuple[str, dict[str, Any]]:
    shown = kernel.run(f"tried({code!r})")
    assert shown.status == "ok", shown.error
    assert shown.displays == []
    kind, fields = json.loads(shown.printed)
    return kind, fields


@pytest.mark.parametrize(
    ("code", "kind", "displays"),
    [
        ("display({'a': 1})", "Ran", 1),
        ("plt.plot([1, 2]); plt.show()", "Ran", 1),
        ("import ipywidgets\nslider = ipywidgets.IntSlider(3)\ndisplay(slider)", "Ran", 1),
        ("await __import__('asyncio').sleep(0)", "Ran", 0),
        ("%%bash\necho from bash", "Ran", 0),
        ("!echo from a shell", "Ran", 0),
        ("%matplotlib inline\nplt.plot([3])", "Ran", 0),
        ("async def f(): pass\nimport asyncio\nasyncio.run(f())", "Failed", 0),
    ],
)
def test_a_kernel_cell_shows_nothing_to_the_front_end(
    kernel: FrontEnd, code: str, kind: str, displays: int
) -> None:
    found, fields = tried(kernel, code)
    assert (found, fields["observed"]["displays"]) == (kind, displays), fields


def test_a_trial_is_refused_input(kernel: FrontEnd) -> None:
    kind, fields = tried(kernel, "input('name?')")
    assert (kind, "nobody to answer input()" in fields["reason"]) == ("NotTried", True)


def test_trial_folders_are_removed(kernel: FrontEnd) -> None:
    assert not list(Path(tempfile.gettempdir()).glob(f"codeassist-trial-*{os.getpid()}"))
    kind, fields = tried(kernel, "import tempfile\nplace = tempfile.mkdtemp()")
    place = Path(fields["observed"]["variables"]["place"].partition("'")[2].rstrip("'"))
    assert kind == "Ran"
    assert place.parent.name.startswith("codeassist-trial-")
    assert not place.parent.exists()
