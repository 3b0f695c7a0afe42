"""Holds the house plan: the floors, the fences, what is never used, and a light front door."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import codeassist_jupyter

PACKAGE = "codeassist_jupyter"
ROOT = Path(__file__).parents[1]
MODULES = sorted(
    path.relative_to(ROOT / PACKAGE).as_posix() for path in (ROOT / PACKAGE).rglob("*.py")
)

# A room imports only from lower floors; __init__ is the door and stands outside.
FLOORS = [
    {"types", "errors"},
    {"config", "security", "protocol"},
    {"models", "index", "engine", "retrieval"},
    {"memory"},  # keeps conversations; borrows the encoders and vectors of the index
    {"host", "citations", "imports", "options", "reports", "risks", "transcript", "window"},
    {"prompt", "intent", "chat"},
    {"assistant"},
    {"stream", "doctor", "project"},  # what the magics and the command line share
    {"kernel", "cli"},
]
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
# These run beside the user's variables: models, index and conversations only through the client.
KERNEL_SIDE = {
    "kernel",
    "stream",
    "doctor",
    "assistant",
    "options",
    "prompt",
    "window",
    "transcript",
    "chat",
    "intent",
    "citations",
    "imports",
    "reports",
    "risks",
    "project",
}
CLIENTS = tuple(f"{PACKAGE}.host.{name}" for name in ("client", "index_client", "memory_client"))
HOST_SIDE = {"models", "memory", "index", "engine", "retrieval"}

# fmt: off
NETWORK = [
    "socket", "ssl", "socketserver", "urllib.request", "http.client", "http.server", "ftplib",
    "smtplib", "xmlrpc", "httpx", "requests", "urllib3", "aiohttp", "websockets", "huggingface_hub",
]
# Loading their files runs code that the file brings along.
UNSAFE_FILES = ["pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "diskcache"]
# Too slow to load, or too dangerous to have, in the process that holds the user's variables.
HEAVY = {
    "duckdb", "fastapi", "httpx", "huggingface_hub", "ipywidgets", "jinja2", "lancedb",
    "llama_cpp", "matplotlib", "nbclient", "nbformat", "numpy", "onnxruntime", "pandas", "polars",
    "pyarrow", "pydantic", "rich", "starlette", "tantivy", "tokenizers", "torch",
    "uvicorn", "xllamacpp",
}
# fmt: on

# Packages and the places (path prefixes) that may import them.
FENCES: dict[str, tuple[str, ...]] = {
    "ipykernel": ("kernel/", "__init__.py"),
    # The notebook parser lets IPython itself turn magics into Python; it imports it lazily.
    "IPython": ("kernel/", "__init__.py", "index/parse/notebook"),
    "ipywidgets": ("kernel/widget_panel",),
    **dict.fromkeys(["llama_cpp"], ("engine/llama_cpp",)),
    **dict.fromkeys(["xllamacpp"], ("engine/xllamacpp",)),
    **dict.fromkeys(["duckdb"], ("memory/", "index/store")),
    **dict.fromkeys(["cryptography", "keyring"], ("memory/",)),
    **dict.fromkeys(["lancedb", "tantivy"], ("index/", "memory/")),
    **dict.fromkeys(["fastapi", "starlette", "uvicorn"], ("host/",)),
    **dict.fromkeys(NETWORK, ("models/download", "engine/openai", "host/")),
    **dict.fromkeys(UNSAFE_FILES, ()),
}

# Calls that run code out of data, by their dotted name or by an argument.
UNSAFE_CALLS = {"torch.load", "yaml.load", "yaml.full_load", "yaml.unsafe_load"}
UNSAFE_ARGUMENTS = {"trust_remote_code", "allow_pickle"}
# The assistant runs no code in the user's namespace; it tries some in a forked copy.
EXECUTION = {"eval", "exec", "run_cell", "run_cell_async", "run_code"}
EXECUTION_PLACES = ("kernel/trial",)  # in the forked child only


def imported(tree: ast.AST, module: str) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) of every import, relative ones resolved from `module`."""
    here = [PACKAGE, *module.removesuffix(".py").split("/")][:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) + 1 - node.level] if node.level else []
            prefix = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{prefix}.{alias.name}") for alias in node.names)


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def room(module: str) -> str:
    return module.split("/")[0].removesuffix(".py")


def climbs(tree: ast.AST, module: str) -> Iterator[str]:
    """Yield each import that goes up, sideways, or from the kernel side past the client."""
    here = room(module)
    for line, name in imported(tree, module):
        top, _, rest = name.partition(".")
        there = rest.split(".")[0]
        if top != PACKAGE or here == "__init__" or there in {here, "", "__version__"}:
            continue
        if here in KERNEL_SIDE and there == "host":
            allowed = any(within(name, client) for client in CLIENTS)
        else:
            bypass = here in KERNEL_SIDE and there in HOST_SIDE
            allowed = FLOOR[there] < FLOOR[here] and not bypass
        if not allowed:
            yield f"{module}:{line} imports {name}"


def trespasses(tree: ast.AST, module: str) -> Iterator[str]:
    """Yield each import of a fenced package outside its places."""
    for line, name in imported(tree, module):
        for package, places in FENCES.items():
            if within(name, package) and not module.startswith(places):
                yield f"{module}:{line} imports {name}"


def unsafe_calls(tree: ast.AST, module: str) -> Iterator[str]:
    """Yield each call that would run code out of data, or in the user's namespace."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        arguments = {
            keyword.arg for keyword in node.keywords if ast.unparse(keyword.value) != "False"
        }
        runs_code = name.split(".")[-1] in EXECUTION and not module.startswith(EXECUTION_PLACES)
        if name in UNSAFE_CALLS or runs_code or arguments & UNSAFE_ARGUMENTS:
            yield f"{module}:{node.lineno} calls {name}"


CHECKS = [climbs, trespasses, unsafe_calls]


@pytest.mark.parametrize("check", CHECKS)
def test_every_module_keeps_to_the_house_plan(check) -> None:
    found = []
    for module in MODULES:
        tree = ast.parse((ROOT / PACKAGE / module).read_text(encoding="utf-8"))
        found += check(tree, module)
    assert not found, "\n".join(found)


def test_every_room_has_a_floor() -> None:
    assert {room(module) for module in MODULES} <= {*FLOOR, "__init__"}


@pytest.mark.parametrize(
    ("check", "module", "source"),
    [
        (climbs, "types.py", "from .config import Settings"),
        (climbs, "engine/echo.py", "from ..host.client import HostClient"),
        (climbs, "engine/llama_cpp/jobs.py", "from ...models import catalogue"),
        (climbs, "kernel/magics.py", "from ..engine import echo"),
        (climbs, "kernel/magics.py", "from ..host import app"),
        (climbs, "kernel/magics.py", "from codeassist_jupyter.cli import main"),
        (climbs, "prompt.py", "def lazily():\n    from . import memory"),
        (trespasses, "assistant.py", "import IPython.display"),
        (trespasses, "engine/echo.py", "from llama_cpp import Llama"),
        (trespasses, "security.py", "from urllib import request"),
        (trespasses, "models/catalogue.py", "import httpx as web"),
        (trespasses, "models/download.py", "import pickle"),
        (unsafe_calls, "index/embed.py", "torch.load(path)"),
        (unsafe_calls, "index/embed.py", "encoder(path, trust_remote_code=flag)"),
        (unsafe_calls, "kernel/context.py", "eval(name, namespace)"),
        (unsafe_calls, "kernel/cells.py", "shell.run_cell(code)"),
    ],
)
def test_the_checks_see_what_is_forbidden(check, module: str, source: str) -> None:
    assert list(check(ast.parse(source), module))


@pytest.mark.parametrize(
    ("check", "module", "source"),
    [
        (climbs, "host/app.py", "from ..engine.llama_cpp import engine"),
        (climbs, "host/app.py", "from .. import __version__"),
        (climbs, "host/client.py", "from .launcher import start"),
        (climbs, "citations.py", "from .host.client import HostClient"),
        (climbs, "kernel/magics.py", "from ..assistant import Assistant"),
        (trespasses, "security.py", "from urllib.parse import urlsplit"),
        (trespasses, "engine/llama_cpp/native.py", "import llama_cpp.llama_cpp as lib"),
        (unsafe_calls, "index/embed.py", "encoder(path, trust_remote_code=False)"),
        (unsafe_calls, "kernel/trial.py", "exec(code, namespace)"),
    ],
)
def test_the_checks_let_pass_what_is_allowed(check, module: str, source: str) -> None:
    assert not list(check(ast.parse(source), module))


def test_the_front_door_is_small() -> None:
    names = codeassist_jupyter.__all__
    assert len(set(names)) == len(names) <= 8
    for name in names:
        assert getattr(codeassist_jupyter, name)


def modules_loaded_by(action: str, tmp_path: Path) -> set[str]:
    """Run `action` in a fresh IPython shell; return the modules that it loaded."""
    script = f"""
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
{action}
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "IPYTHONDIR": str(tmp_path / "ipython")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return set(json.loads(result.stdout.splitlines()[-1]))


def heavy(modules: set[str]) -> set[str]:
    return {name.split(".")[0] for name in modules} & HEAVY


def test_importing_the_package_loads_nothing_else_of_it(tmp_path: Path) -> None:
    loaded = modules_loaded_by(f"import {PACKAGE}", tmp_path)
    assert {name for name in loaded if within(name, PACKAGE)} == {PACKAGE}
    assert not heavy(loaded)


def test_load_ext_loads_nothing_heavy(tmp_path: Path) -> None:
    action = f"""
shell.run_line_magic("load_ext", "{PACKAGE}")
assert "assist" in shell.magics_manager.magics["cell"]
"""
    loaded = modules_loaded_by(action, tmp_path)
    assert f"{PACKAGE}.kernel.magics" in loaded
    assert not heavy(loaded)


def test_the_kernel_side_imports_nothing_heavy(tmp_path: Path) -> None:
    names = [*CLIENTS] + [
        f"{PACKAGE}.{module.removesuffix('.py').replace('/', '.').removesuffix('.__init__')}"
        for module in MODULES
        if room(module) in KERNEL_SIDE
    ]
    assert not heavy(modules_loaded_by(f"import {', '.join(names)}", tmp_path))
