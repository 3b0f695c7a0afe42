"""TypeErrors of calls: the parameter that was meant, the argument that is missing or too many."""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import types
from typing import Any

from .. import frames
from ..describe import brief
from ..peek import comes_from, is_a, members, mro, plain_name, type_name
from .closest import closest
from .scene import Hint, Scene, span

# (function, argument that is gone) -> what does it now.
_REPLACED = {
    ("read_csv", "delim_whitespace"): r'sep=r"\s+"',
    ("read_table", "delim_whitespace"): r'sep=r"\s+"',
    ("read_csv", "error_bad_lines"): 'on_bad_lines="skip"',
    ("to_csv", "line_terminator"): "lineterminator",
    ("read_csv", "line_terminator"): "lineterminator",
    ("read_excel", "sheetname"): "sheet_name",
    ("date_range", "closed"): "inclusive",
    ("read_excel", "parse_cols"): "usecols",
    ("DataFrame.to_excel", "line_terminator"): "lineterminator",
    ("DataFrame.sort_values", "columns"): "by",
    ("DataFrame.rename", "column"): "columns",
    ("DataFrame.drop", "column"): "columns",
    ("hist", "normed"): "density",
    ("histogram", "normed"): "density",
}


def unexpected_keyword(scene: Scene) -> Hint | None:
    """A keyword that the function does not have."""
    told = re.search(r"^([\w.<>]+)\(\) got an unexpected keyword argument '(\w+)'", scene.message)
    call = _call(scene)
    if told is None or call is None:
        return None
    function, name = told[1], told[2]
    keyword = next((k for k in call.keywords if k.arg == name), None)
    if keyword is None:
        return None
    known = parameters(_callee(scene, call))
    new = _REPLACED.get((function, name)) or _REPLACED.get((function.split(".")[-1], name))
    if new is not None and (not known or new.partition("=")[0] in known):
        return _new_argument(scene, function, keyword, new)
    if not known or name in known:
        return None
    given = {k.arg for k in call.keywords}
    meant = closest(name, [p for p in known if p not in given])
    if meant is not None:
        text = f"`{function}` has no argument `{name}`; the closest is `{meant}`"
        return Hint(text, _renamed(scene, keyword, meant), "argument")
    left = [p for p in known[len(call.args) :] if p not in given]
    if len(left) == 1 and (left[0].startswith(name) or name in left[0].split("_")):
        text = f"`{function}` has no argument `{name}`; only `{left[0]}` is not given yet"
        return Hint(text, _renamed(scene, keyword, left[0]), "argument")
    callee = _callee(scene, call)
    if type(callee) is types.FunctionType and _is_of_notebook(scene, callee):
        return Hint(f"`{function}` takes ({', '.join(known)})", (), "argument")
    return None


def _is_of_notebook(scene: Scene, function: types.FunctionType) -> bool:
    return frames.cell_number(scene.shell, function.__code__.co_filename) is not None


def _new_argument(scene: Scene, function: str, keyword: ast.keyword, new: str) -> Hint:
    text = f"`{function}` no longer has `{keyword.arg}`; it is `{new}`"
    if "=" not in new:
        return Hint(text, _renamed(scene, keyword, new), "argument")
    is_flag = isinstance(keyword.value, ast.Constant) and type(keyword.value.value) is bool
    turned_on = {"delim_whitespace": True, "error_bad_lines": False}.get(keyword.arg or "")
    if not is_flag or not isinstance(keyword.value, ast.Constant):
        return Hint(text, (), "argument")
    if keyword.value.value is not turned_on:
        return Hint(text, (), "argument")
    return Hint(text, scene.replaced((keyword, new)), "argument")


def _renamed(scene: Scene, keyword: ast.keyword, meant: str) -> tuple[str, ...]:
    line, _, column, _ = span(keyword)
    end = column + len((keyword.arg or "").encode())
    return scene.spliced(((line, line, column, end), meant))


def _call(scene: Scene) -> ast.Call | None:
    if isinstance(scene.node, ast.Call):
        return scene.node
    found = scene.parts(ast.Call)
    return found[0] if len(found) == 1 else None


def _callee(scene: Scene, call: ast.Call) -> Any:
    """The function that is called, found without running anything; None if it cannot be."""
    try:
        return scene.value(call.func)
    except LookupError:
        pass
    if not isinstance(call.func, ast.Attribute):
        return None
    try:
        owner = scene.value(call.func.value)
    except LookupError:
        owner = None
    kinds = mro(type(owner)) if owner is not None else ()
    return next((members(k)[call.func.attr] for k in kinds if call.func.attr in members(k)), None)


def parameters(callee: Any) -> list[str]:
    """Names of the parameters that may be given by keyword; [] where they are not known or free."""
    for _ in range(5):
        if is_a(callee, type):
            callee = next(
                (members(k)["__init__"] for k in mro(callee) if "__init__" in members(k)), None
            )
        elif type(callee) in (staticmethod, classmethod, types.MethodType):
            callee = callee.__func__
        elif type(callee) is types.FunctionType and "__wrapped__" in callee.__dict__:
            callee = callee.__dict__["__wrapped__"]
    if type(callee) is not types.FunctionType:
        return []
    code = callee.__code__
    if code.co_flags & inspect.CO_VARKEYWORDS:
        return []
    count = code.co_argcount + code.co_kwonlyargcount
    return [name for name in code.co_varnames[code.co_posonlyargcount : count] if name != "self"]


def missing_argument(scene: Scene) -> Hint | None:
    """An argument that was not given, or one too many."""
    lacking = re.search(r"^([\w.<>]+)\(\) missing \d+ required .*argument", scene.message)
    many = re.search(
        r"^([\w.<>]+)\(\) takes (?:from \d+ to )?(\d+) positional arguments? but (\d+) ",
        scene.message,
    )
    call = _call(scene)
    if call is None or not (lacking or many):
        return None
    callee = _callee(scene, call)
    if lacking:
        if scene.message.endswith("'self'") and isinstance(call.func, ast.Attribute):
            owner = ast.unparse(call.func.value)
            text = f"`{call.func.attr}` needs an instance: `{owner}()`, not the class `{owner}`"
            return Hint(text, (), "argument")
        return None
    if many and int(many[3]) == int(many[2]) + 1 and not _has_self(callee):
        text = f"`{many[1]}` is a method without `self` as its first parameter"
        return Hint(text, (), "argument")
    return _by_keyword(scene, call, callee, int(many[2])) if many else None


def _has_self(callee: Any) -> bool:
    if type(callee) is not types.FunctionType:
        return True
    code = callee.__code__
    is_method = "." in code.co_qualname and "<locals>" not in code.co_qualname
    return not is_method or code.co_varnames[:1] in (("self",), ("cls",))


def _by_keyword(scene: Scene, call: ast.Call, callee: Any, most: int) -> Hint | None:
    """Arguments that must be named: they come in the order of the parameters."""
    for _ in range(5):
        if type(callee) is types.FunctionType and "__wrapped__" in callee.__dict__:
            callee = callee.__dict__["__wrapped__"]
    if is_a(callee, type):
        callee = next((members(k)["__init__"] for k in mro(callee) if "__init__" in members(k)), 0)
    if type(callee) is not types.FunctionType:
        return None
    code = callee.__code__
    names = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    bound = 1 if code.co_varnames[:1] in (("self",), ("cls",)) else 0
    given = call.args[most - bound :]
    if any(isinstance(value, ast.Starred) for value in call.args):
        return None
    names = tuple(name for name in names if name not in {k.arg for k in call.keywords})
    if code.co_argcount != most or not given or len(given) > len(names):
        return None
    pairs = list(zip(given, names, strict=False))
    spelt = ", ".join(f"{name}={ast.unparse(value)}" for value, name in pairs)
    edits = scene.replaced(*((v, f"{name}={scene.text(v)}") for v, name in pairs))
    return Hint(f"`{code.co_name}` wants this by name: `{spelt}`", edits, "argument")


def not_callable(scene: Scene) -> Hint | None:
    """Something called that is a value: a shadowed built-in, a property, a table, a module."""
    node = scene.node
    if "object is not callable" not in scene.message or not isinstance(node, ast.Call):
        return None
    func = node.func
    if isinstance(func, ast.Name):
        return _called_name(scene, node, func)
    if not isinstance(func, ast.Attribute) or node.args or node.keywords:
        return None
    try:
        owner = scene.value(func.value)
    except LookupError:
        return None
    if not comes_from(type(owner), "pandas", "numpy", "polars"):
        return None
    if not any(func.attr in members(k) for k in mro(type(owner))):
        return None
    text = f"`{ast.unparse(func)}` is a value, not a method: write it without ()"
    return Hint(text, scene.replaced((node, scene.text(func))), "call")


def _called_name(scene: Scene, node: ast.Call, func: ast.Name) -> Hint | None:
    try:
        value = scene.value(func)
    except LookupError:
        return None
    if type(value) is types.ModuleType:
        inner = vars(types.ModuleType)["__dict__"].__get__(value).get(func.id)
        if inner is None or not (is_a(inner, type) or type(inner) is types.FunctionType):
            return None
        edits = scene.replaced((func, f"{func.id}.{func.id}"))
        return Hint(f"`{func.id}` is the module; `{func.id}.{func.id}` is meant", edits, "call")
    if hasattr(builtins, func.id):
        text = (
            f"`{func.id}` is your variable ({type_name(value)}) and hides Python's own; "
            f"`del {func.id}` brings that back"
        )
        return Hint(text, _of_python(scene, func.id), "call")
    if comes_from(type(value), "pandas", "builtins") and _has_items(value) and len(node.args) == 1:
        if isinstance(node.args[0], ast.Starred) or node.keywords:
            return None
        spelt = f"{func.id}[{scene.text(node.args[0])}]"
        text = f"`{func.id}` is a {plain_name(type(value))}: its items are taken with [ ]"
        return Hint(text, scene.replaced((node, spelt)), "call")
    return None


def _of_python(scene: Scene, name: str) -> tuple[str, ...]:
    """The cell with Python's own function wherever the hidden one is called."""
    called = [
        n.func
        for n in ast.walk(scene.cell_tree or ast.Module([], []))
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == name
    ]
    edits = scene.rewritten(*((func, f"builtins.{name}") for func in called))
    if not edits or scene.source.lstrip().startswith("%%"):
        return ()
    return scene.checked(f"import builtins\n{edits[0]}")


def _has_items(value: Any) -> bool:
    return any("__getitem__" in members(k) for k in mro(type(value)))


def not_subscriptable(scene: Scene) -> Hint | None:
    """A function or method with [ ] instead of ( )."""
    node = scene.node
    told = re.search(
        r"'(method|function|builtin_function_or_method|type)' object is not subscriptable",
        scene.message,
    )
    if told is None or not isinstance(node, ast.Subscript) or isinstance(node.slice, ast.Slice):
        return None
    if told[1] == "type":
        return None
    name = ast.unparse(node.value)
    edits = scene.replaced((node, f"{scene.text(node.value)}({scene.text(node.slice)})"))
    return Hint(f"`{name}` is a {told[1].split('_')[-1]}: call it with ( )", edits, "call")


def operands(scene: Scene) -> Hint | None:
    """Texts and numbers in one operation: say which is which."""
    node = scene.node
    told = re.search(
        r"unsupported operand|can only concatenate|not supported between|can't multiply sequence"
        r"|must be str, not",
        scene.message,
    )
    if told is None or scene.library:
        return None
    sides = [node.left, node.right] if isinstance(node, ast.BinOp) else []
    if isinstance(node, ast.Compare) and len(node.comparators) == 1:
        sides = [node.left, node.comparators[0]]
    if len(sides) != 2:
        return None
    said = [s for s in (_said(scene, side) for side in sides) if s]
    if not said:
        return None
    text = f"{' and '.join(said)}"
    return Hint(text, _as_text(scene, node, sides), "operands")


def _said(scene: Scene, side: ast.expr) -> str:
    if isinstance(side, ast.Constant):
        return ""
    try:
        value = scene.value(side)
    except LookupError:
        return ""
    return f"`{ast.unparse(side)}` is {type_name(value)} {brief(value, 1)}"[:120]


def _as_text(scene: Scene, node: ast.AST | None, sides: list[ast.expr]) -> tuple[str, ...]:
    """`"total: " + n` with `str(n)`: only where one side is a text as typed."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Add):
        return ()
    texts = [s for s in sides if _is_text(s)]
    others = [s for s in sides if s not in texts]
    if len(texts) != 1:
        return ()
    try:
        value = scene.value(others[0])
    except LookupError:
        return ()
    if type(value) not in (int, float, bool):
        return ()
    return scene.replaced((others[0], f"str({scene.text(others[0])})"))


def _is_text(node: ast.expr) -> bool:
    """Whether an expression is a text whatever its parts are; one that is no number."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _is_text(node.left) or _is_text(node.right)
    if isinstance(node, ast.Constant):
        return type(node.value) is str and not node.value.strip().isdigit()
    return isinstance(node, ast.JoinedStr)


def unserializable(scene: Scene) -> Hint | None:
    """Where in the data the value is that JSON cannot hold."""
    told = re.search(r"Object of type (\w+) is not JSON serializable", scene.message)
    if told is None or not scene.library:
        return None
    for call in scene.parts(ast.Call):
        for argument in call.args[:1]:
            try:
                value = scene.value(argument)
            except LookupError:
                continue
            path = _path_to(value, told[1], ast.unparse(argument), [2000])
            if path:
                return Hint(f"`{path}` is a {told[1]}, which JSON has no form for", (), "json")
    return None


def _path_to(value: Any, wanted: str, path: str, left: list[int]) -> str:
    """The way to the first value of a type's name inside plain containers."""
    left[0] -= 1
    if left[0] < 0 or len(path) > 200:
        return ""
    kind = type(value)
    if kind is dict:
        items = list(value.items())
    elif kind is list or kind is tuple:
        items = list(enumerate(value[:1000]))
    else:
        return path if plain_name(kind) == wanted else ""
    for key, item in items:
        found = _path_to(item, wanted, f"{path}[{brief(key, 1)}]", left)
        if found:
            return found
    return ""
