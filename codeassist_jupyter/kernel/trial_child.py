"""What happens in the forked copy: shut itself in, run the code, report what was seen.

Nothing here ever returns to the kernel's code: the copy ends with `os._exit`. The report is made
by the process that ran the code; the sandbox protects the user, not the truth of the report
against code that forges it.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import contextlib
import ctypes
import gc
import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from . import describe, sandbox
from .outcomes import Limits
from .peek import loaded
from .trial_cell import NO_INPUT, Cell, account, failed, is_data

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .trial_run import Place

_MOST_NAMES = 20
_WINDOWLESS = ("agg", "inline", "module://matplotlib_inline.backend_inline")


@dataclass(frozen=True, slots=True)
class Job:
    """What the copy is to do; `then` are the cells below, `expect` the user's checks."""

    shell: InteractiveShell
    code: str
    then: tuple[str, ...]
    expect: tuple[str, ...]
    limits: Limits
    in_loop: bool  # whether cells run inside an event loop here, as in a Jupyter kernel
    place: Place


@dataclass(slots=True)
class _Seen:
    """The report, as it grows."""

    variables: dict[str, str] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    result: str = ""
    displays: int = 0
    cells_below: int = 0
    all_ran: bool = False
    seconds: float = 0.0
    checks: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def live(job: Job) -> NoReturn:
    """Run the job in this process, which is the copy, and end it."""
    own = os.getpid()
    seen = _Seen()
    try:
        try:
            _shut_in(job)
        except Exception as exc:  # noqa: BLE001 - whatever it was: nothing may run
            _send(job.place.report, {"refused": f"the copy could not be shut in: {exc}"})
            os._exit(0)
        report = _tried(job, seen)
        if os.getpid() == own:  # not in a process that the code forked
            _flush()
            _send(job.place.report, report)
    finally:
        os._exit(0)


def _shut_in(job: Job) -> None:
    os.setsid()
    sandbox.die_with_parent(job.place.parent)
    gc.freeze()  # collecting the kernel's garbage would copy it, and run its finalizers
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(job.place.output, 1)
    os.dup2(job.place.output, 2)
    sandbox.limit(
        job.limits.seconds,
        job.limits.memory,
        job.limits.file,
        job.place.tasks + job.limits.processes,
    )
    _mute(job)
    _use_one_thread()
    sandbox.enter(job.place.folder, keep={0, 1, 2, job.place.report})


def _mute(job: Job) -> None:
    """Take away the kernel's ways to its front end, and its signals."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGCHLD, signal.SIGUSR1):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.set_wakeup_fd(-1)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    old = (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)
    new = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), "utf-8", "backslashreplace")
    new.reconfigure(line_buffering=True)
    sys.stdout = sys.stderr = new
    for stream in old:
        # Loggers keep the old ones, which would talk to the front end. ipykernel's can be told.
        if stream is not None and type(stream).__module__.startswith("ipykernel."):
            vars(stream).update(write=new.write, flush=new.flush)
    sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False))
    builtins.input = _no_input
    sys.dont_write_bytecode = True
    tempfile.tempdir = os.environ["TMPDIR"] = str(job.place.folder)
    _quiet_plots()


def _use_one_thread() -> None:
    """Let GNU OpenMP do without its pool, whose threads stayed behind: it would wait for ever."""
    for path in set(re.findall(rb"/\S*/libgomp[^/\s]*\.so\S*", sandbox.memory_map())):
        ctypes.CDLL(os.fsdecode(path)).omp_set_num_threads(1)


def _no_input(*_: object) -> NoReturn:
    raise EOFError(NO_INPUT)


def _quiet_plots() -> None:
    """Draw without windows; a notebook's own backend does so already, and loading takes time."""
    os.environ["MPLBACKEND"] = "agg"
    settings = loaded("matplotlib", "rcParams")
    if settings is None or dict.get(settings, "backend") in _WINDOWLESS:
        return
    warnings.filterwarnings("ignore", "FigureCanvasAgg is non-interactive", UserWarning)
    if loaded("matplotlib.pyplot", "_backend_mod") is None:  # none was chosen yet
        dict.__setitem__(settings, "backend", "agg")
        return
    with contextlib.suppress(Exception):  # then plots fail, and say so
        loaded("matplotlib.pyplot", "switch_backend")("agg")


def _detach(shell: Any, seen: _Seen) -> None:
    """Make the copied shell work without its threads, its sockets and its history."""

    def publish(*_: object, **__: object) -> None:
        seen.displays += 1

    def system(command: str) -> None:
        done = subprocess.run(shell.var_expand(command, depth=1), shell=True, check=False)
        shell.user_ns["_exit_code"] = done.returncode

    shell.display_pub.publish = publish
    shell.system = system
    if shell.history_manager is not None:
        shell.history_manager.enabled = False
    shell.db = {}  # where %cd and others note things, a file of the profile
    kernel = getattr(shell, "kernel", None)
    if kernel is not None:
        kernel.session.send = lambda *_, **__: None
        kernel.raw_input = kernel.getpass = _no_input
    scripts = shell.magics_manager.registry.get("ScriptMagics")
    if scripts is not None:
        scripts.event_loop = None  # its thread stayed behind
    # IPython's own asks a terminal of its own, for which there is no session here.
    vars(sys.modules["IPython.core.interactiveshell"])["getoutput"] = subprocess.getoutput


def _tried(job: Job, seen: _Seen) -> dict[str, Any]:
    """Run the code, the checks and the cells below, as the kernel would; return the report."""
    asyncio._set_running_loop(None)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    work = _work(job, seen)
    if job.in_loop or "await" in job.code + "".join(job.then):
        return loop.run_until_complete(work)
    try:
        work.send(None)
    except StopIteration as stop:
        found: dict[str, Any] = stop.value
        return found
    raise RuntimeError("code without await did wait")


async def _work(job: Job, seen: _Seen) -> dict[str, Any]:
    _detach(job.shell, seen)
    cell = Cell(job.shell, job.code)
    namespace = job.shell.user_ns
    before = dict(namespace)
    described = _described(namespace, cell.names())
    began = time.monotonic()
    failure: dict[str, Any] = {}
    try:
        result = await cell.run()
        seen.result = describe.describe("Out", result) if result is not None else ""
    except BaseException as exc:  # noqa: BLE001 - SystemExit and KeyboardInterrupt are results too
        failure = {**failed(cell, exc), **account(cell, exc)}
    seen.seconds = time.monotonic() - began
    _compare(namespace, before, described, seen)
    if not failure:
        failure = await _check(job, seen)
    if not failure:
        await _run_below(job, seen)
    return {"failure": failure, **{name: getattr(seen, name) for name in _Seen.__slots__}}


async def _check(job: Job, seen: _Seen) -> dict[str, Any]:
    """Put the user's checks; the first that does not hold is the failure."""
    for text in job.expect:
        cell = Cell(job.shell, text)
        try:
            cell.read()
            value = await cell.run()
            is_question = bool(cell.tree.body) and isinstance(cell.tree.body[-1], ast.Expr)
            if is_question and value is not None and not value:
                raise AssertionError(f"does not hold: {text}")
            if is_question and value is None and not _is_call(cell.tree.body[-1]):
                raise AssertionError(f"does not hold, it is None: {text}")
        except BaseException as exc:  # noqa: BLE001 - as above
            failure = failed(cell, exc)
            return {**failure, "line": 0, "source": ""}
        seen.checks.append(text)
    return {}


def _is_call(node: ast.stmt) -> bool:
    """Whether a check is a call such as `assert_frame_equal(…)`, which returns nothing."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)


async def _run_below(job: Job, seen: _Seen) -> None:
    """Run the cells below up to the first that fails."""
    for number, text in enumerate(job.then, 1):
        cell = Cell(job.shell, text)
        try:
            await cell.run()
        except BaseException as exc:  # noqa: BLE001 - as above
            failure = failed(cell, exc)
            what = f"{failure['error']}: {failure['message']}"
            where = f" at `{failure['source'].strip()}`" if failure["source"] else ""
            if failure["cut_off"]:
                what = f"it needs what a copy may not do ({what})"
            seen.warnings.append(f"cell {number} below fails{where}: {what}")
            return
        seen.cells_below = number
        if any(map(_asserts, ast.walk(cell.tree))):
            seen.checks.append(f"cell {number} below asserts")
    seen.all_ran = True


def _asserts(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
        return name.startswith("assert")
    return isinstance(node, ast.Assert)


def _described(namespace: dict[str, Any], names: set[str]) -> dict[str, str]:
    """How the values that code uses look, to see later which it changed in place."""
    return {
        name: describe.describe(name, namespace[name])
        for name in sorted(names)[: 2 * _MOST_NAMES]
        if name in namespace and is_data(namespace[name])
    }


def _compare(
    namespace: dict[str, Any], before: dict[str, Any], described: dict[str, str], seen: _Seen
) -> None:
    """Note what the code bound, changed and deleted."""
    seen.deleted = [n for n in before if n not in namespace and not n.startswith("_")][:_MOST_NAMES]
    for name, value in list(namespace.items()):
        if len(seen.variables) == _MOST_NAMES:
            break
        if type(name) is not str or name.startswith("_") or not is_data(value):
            continue
        is_bound = before.get(name, before) is not value
        if is_bound or name in described:
            text = describe.describe(name, value)
            if is_bound or text != described[name]:
                seen.variables[name] = text


def _flush() -> None:
    with contextlib.suppress(Exception):  # the code may have closed it
        sys.stdout.flush()


def _send(report: int, content: dict[str, Any]) -> None:
    """Write the report: its length in 8 bytes, then JSON."""
    data = json.dumps(content, default=lambda _: None).encode("utf-8", "replace")
    data = len(data).to_bytes(8, "big") + data
    while data:
        data = data[os.write(report, data) :]
