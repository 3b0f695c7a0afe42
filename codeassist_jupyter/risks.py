"""What generated code would do that its reader should know before running it. Pure; runs nothing.

A reading aid, not a sandbox: code can hide what it does.
"""

from __future__ import annotations

import ast
import re

_SHELL = re.compile(r"^\s*(?:!|%%?(?:bash|sh|system|sx|script|cmd|pip|conda)\b)", re.MULTILINE)
_CALLS = {
    "runs shell commands": {"os.system", "os.popen", "subprocess.*", "pty.spawn", "os.exec*"},
    "deletes files": {
        *("os.remove", "os.unlink", "os.rmdir", "os.removedirs", "shutil.rmtree"),
        *("*.unlink", "*.rmdir"),
    },
    "uses the network": {
        *("requests.*", "urllib.request.*", "httpx.*", "socket.*", "smtplib.*", "ftplib.*"),
        *("aiohttp.*", "boto3.*"),
    },
    "runs text as code": {"eval", "exec", "compile", "__import__", "pickle.load", "pickle.loads"},
}


def risks(code: str) -> tuple[str, ...]:
    """What the code would do, in words, in a fixed order; empty for harmless code."""
    found = set()
    if _SHELL.search(code):
        found.add("runs shell commands")
    python = _SHELL.sub("", code) if found else code
    try:
        tree = ast.parse(python)
    except (SyntaxError, ValueError, RecursionError):
        return tuple(found)
    called = {_dotted(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for risk, patterns in _CALLS.items():
        if any(_matches(name, pattern) for name in called for pattern in patterns):
            found.add(risk)
    return tuple(risk for risk in _CALLS if risk in found)


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return "?"


def _matches(name: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return name.endswith(pattern[1:])
    if pattern.endswith("*"):
        return name.startswith(pattern[:-1])
    return name == pattern
