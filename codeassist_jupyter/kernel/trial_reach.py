"""What code uses that a copy of the kernel cannot have: connections, threads, open files.

Found by reading the code and the types of the names it uses, through functions and classes of the
notebook; calls no user code. It sees names, not what a value holds inside, so it may miss some.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any

from .peek import instance_dict, is_a, members, module_dict, mro, plain_name, type_name

_MOST = 500  # names that are followed

# Modules whose live objects are cut off in a copy, by what they are.
_CUT = {
    "connection": """
        aiohttp aiomysql aioredis amqp asyncpg boto3 botocore cassandra clickhouse_connect
        clickhouse_driver cx_Oracle ftplib http.client httpx imaplib kafka ldap3 MySQLdb mysql
        neo4j oracledb paramiko pika poplib psycopg psycopg2 pymongo pymssql pymysql pyodbc
        redis requests.sessions smtplib snowflake socket _socket sqlalchemy ssl _ssl urllib3
        websocket websockets zmq
    """,
    "process or pool": "concurrent.futures joblib multiprocessing subprocess dask distributed ray",
    "thread": "threading",
    "task of the running event loop": "asyncio _asyncio",
    "browser or session": "playwright selenium pyspark",
}
_KIND = {module: kind for kind, modules in _CUT.items() for module in modules.split()}
_KEPT = {"sqlite3", "duckdb", "_duckdb", "h5py", "tables"}  # may be read on in a copy
_HARMLESS = {"Lock", "RLock", "Event", "local", "Condition", "Semaphore", "Barrier", "SharedMemory"}
_FILES = ("TextIOWrapper", "BufferedWriter", "BufferedRandom", "FileIO")


@dataclass(frozen=True, slots=True)
class Reach:
    """`cut` does not work in a copy; `kept` can be read there, and what is written is lost."""

    cut: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


def reach(namespace: Mapping[str, Any], sources: Iterable[str]) -> Reach:
    """What the code in `sources` (plain Python) uses that lies outside a copy of the process."""
    cut: list[str] = []
    kept: list[str] = []
    for name, value in _used(namespace, sources):
        kind, works = _outside(value)
        if kind:
            (kept if works else cut).append(f"`{name}`, a live {kind} ({type_name(value)})")
    return Reach(tuple(cut), tuple(kept))


def mentions(namespace: Mapping[str, Any], sources: Iterable[str], package: str) -> bool:
    """Whether the code imports a package or uses a value of one of its types."""
    sources = list(sources)
    if any(package in imported for source in sources for imported in _imports(source)):
        return True
    return any(_root(_origin(value)) == package for _, value in _used(namespace, sources))


def names_in(source: str) -> set[str]:
    """The plain names in some code; none if it cannot be parsed."""
    return {node.id for node in ast.walk(_parsed(source)) if isinstance(node, ast.Name)}


def _used(namespace: Mapping[str, Any], sources: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """Yield the live values that code uses, itself or through functions and classes."""
    waiting = sorted(set().union(*map(names_in, sources)))
    seen = set(waiting)
    while waiting and len(seen) < _MOST:
        name = waiting.pop()
        if name not in namespace:
            continue
        value = namespace[name]
        yield name, value
        for inner in _names_of(value):
            if inner not in seen:
                seen.add(inner)
                waiting.append(inner)


def _names_of(value: Any) -> Iterator[str]:
    """The global names that a function, a class or an instance's class may use."""
    if type(value) is FunctionType:
        yield from _code_names(value.__code__)
        return
    kind = value if is_a(value, type) else type(value)
    for base in mro(kind):
        if _module(base) == "__main__":
            functions = [m for m in list(members(base).values()) if type(m) is FunctionType]
            for function in functions:
                yield from _code_names(function.__code__)


def _code_names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if type(constant) is CodeType:
            yield from _code_names(constant)


def _outside(value: Any) -> tuple[str, bool]:
    """What kind of outside thing a value is, "" if none, and whether it can be read in a copy."""
    if is_a(value, ModuleType) or is_a(value, type) or is_a(value, BaseException):
        return "", False
    for kind in mro(type(value)):
        module, name = _module(kind), plain_name(kind, qualified=False)
        if name in _HARMLESS:
            continue
        if module == "_io" and name in _FILES:
            return ("file that can be written", True) if _is_written(value) else ("", False)
        if _root(module) in _KEPT and ("Connection" in name or "File" in name):
            return "database or data file", True
        known = _kind_of(module)
        if known:
            return known, False
    return "", False


def _kind_of(module: str) -> str:
    """What the objects of a module, or of the packages around it, are; "" if it is not listed."""
    while module:
        if module in _KIND:
            return _KIND[module]
        module = module.rpartition(".")[0]
    return ""


def _is_written(value: Any) -> bool:
    """Whether a file was opened for writing; of a subclass we assume so, rather than ask it."""
    kind = type(value)
    if _module(kind) != "_io" or plain_name(kind) != "TextIOWrapper":
        return True
    mode = instance_dict(value).get("mode")
    return type(mode) is not str or any(letter in mode for letter in "wax+")


def _origin(value: Any) -> str:
    """The module that a value is, or that its type comes from."""
    if not is_a(value, ModuleType):
        return _module(type(value))
    name = module_dict(value).get("__name__")
    return name if type(name) is str else ""


def _module(kind: type) -> str:
    try:
        module = type.__dict__["__module__"].__get__(kind)
    except AttributeError:  # a class whose __module__ was deleted
        return ""
    return module if type(module) is str else ""


def _imports(source: str) -> Iterator[set[str]]:
    for node in ast.walk(_parsed(source)):
        if isinstance(node, ast.Import):
            yield {_root(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            yield {_root(node.module or "")}


def _parsed(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module(body=[], type_ignores=[])


def _root(module: str) -> str:
    return module.partition(".")[0]
