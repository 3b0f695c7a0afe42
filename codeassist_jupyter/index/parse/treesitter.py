"""JavaScript, TypeScript, Go and broken Python through tree-sitter, which parses whatever it gets.

Finds the same things as the `ast` parser, less what needs scopes: no `uses`, few `defines`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from .document import LONG_UNIT, Unit, module_name
from .imports import go_import, js_imports, js_require, python_imports

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Query

_CLASSES = frozenset(
    (
        "class_declaration",
        "abstract_class_declaration",
        "class",
        "interface_declaration",
        "type_alias_declaration",
        "enum_declaration",
        "class_definition",
        "type_spec",
    )
)
_FUNCTIONS = frozenset(
    (
        "function_declaration",
        "generator_function_declaration",
        "function_signature",
        "function_definition",
        "method_definition",
        "method_declaration",
        "abstract_method_signature",
    )
)
_FUNCTION_VALUES = frozenset(("arrow_function", "function_expression", "generator_function"))
# Name and value of `const f = () => …`, `exports.f = function …`, `f = () => …` in a class.
_BINDINGS = {
    "variable_declarator": ("name", "value"),
    "assignment_expression": ("left", "right"),
    "public_field_definition": ("name", "value"),
    "field_definition": ("property", "value"),
}
# Statements that wrap one definition and belong to it.
_WRAPPERS = frozenset(
    (
        "export_statement",
        "decorated_definition",
        "ambient_declaration",
        "expression_statement",
        "lexical_declaration",
        "variable_declaration",
        "type_declaration",
    )
)
_SINGLE = frozenset(("export_statement", "decorated_definition", "ambient_declaration"))
# Statements in which definitions of the same level may stand.
_OPEN = frozenset(
    (
        "ERROR",
        "internal_module",
        "module",
        "statement_block",
        "block",
        "if_statement",
        "else_clause",
        "elif_clause",
        "try_statement",
        "except_clause",
    )
)
_JS = """
(call_expression function: (_) @call) (new_expression constructor: (_) @call)
[(if_statement) (for_statement) (for_in_statement) (while_statement) (do_statement)
 (switch_case) (catch_clause) (ternary_expression)
 (binary_expression operator: ["&&" "||" "??"])] @branch
(import_statement) @import
"""
_JSX = """
(jsx_opening_element name: (_) @call) (jsx_self_closing_element name: (_) @call)
"""
_QUERIES = {
    "javascript": _JS + _JSX,
    "typescript": _JS,
    "tsx": _JS + _JSX,
    "go": """
(call_expression function: (_) @call)
[(if_statement) (for_statement) (expression_case) (type_case) (communication_case)
 (binary_expression operator: ["&&" "||"])] @branch
(import_spec) @import
""",
    "python": """
(call function: (_) @call)
[(if_statement) (elif_clause) (for_statement) (while_statement) (except_clause)
 (conditional_expression) (boolean_operator)] @branch
[(import_statement) (import_from_statement)] @import
""",
}


@cache
def _grammar(language: str) -> tuple[Language, Query]:
    import tree_sitter
    import tree_sitter_go
    import tree_sitter_javascript
    import tree_sitter_python
    import tree_sitter_typescript

    pointers = {
        "javascript": tree_sitter_javascript.language,
        "typescript": tree_sitter_typescript.language_typescript,
        "tsx": tree_sitter_typescript.language_tsx,
        "go": tree_sitter_go.language,
        "python": tree_sitter_python.language,
    }
    grammar = tree_sitter.Language(pointers[language]())
    return grammar, tree_sitter.Query(grammar, _QUERIES[language])


@dataclass(slots=True)
class _Symbol:
    """A definition while what happens inside is still being gathered."""

    kind: str
    name: str
    node: Node
    outer: Node
    start: int
    end: int
    comment: str = ""
    decorators: list[str] = field(default_factory=list)
    calls: dict[str, int] = field(default_factory=dict)
    imports: list[tuple[str, str, int]] = field(default_factory=list)
    branches: int = 0


def parse_tree(path: str, language: str, text: str) -> tuple[tuple[Unit, ...], bool]:
    """All units of a source file, the module first, and whether its syntax is whole."""
    import tree_sitter

    grammar, query = _grammar(language)
    tree = tree_sitter.Parser(grammar).parse(text.encode("utf-8", "replace"))
    root = tree.root_node
    lines = text.split("\n")
    end = len(lines) - (not lines[-1] and len(lines) > 1)
    module = _Symbol("module", module_name(path), root, root, 1, end)
    symbols = [module, *sorted(_definitions(root), key=lambda s: (s.start, -s.end))]

    owner = [module] * (len(lines) + 1)
    for symbol in symbols[1:]:  # inner ones come later
        owner[symbol.start : symbol.end + 1] = [symbol] * (symbol.end + 1 - symbol.start)
    for capture, nodes in tree_sitter.QueryCursor(query).captures(root).items():
        for node in nodes:
            line = node.start_point[0] + 1
            symbol = owner[min(line, len(lines))]
            if capture == "branch":
                symbol.branches += 1
            elif capture == "call":
                symbol.calls.setdefault(_callee(node), line)
            else:
                symbol.imports += _imports(path, language, node, line)
    if language != "python" and root.named_children and root.named_children[0].type == "comment":
        module.comment = _plain(_text(root.named_children[0]))
    if language == "javascript":
        module.imports += js_require(path, text)
    top = tuple(dict.fromkeys(s.name for s in symbols[1:] if "." not in s.name))
    units = tuple(_unit(symbol, lines, top) for symbol in symbols)
    return units, not root.has_error


def _definitions(root: Node) -> Iterator[_Symbol]:
    """Every class, function and method, without what is nested in functions."""
    stack = [(child, child, "") for child in reversed(root.named_children)]
    while stack:
        node, outer, prefix = stack.pop()
        kind = node.type
        name_field, value_field = _BINDINGS.get(kind, ("name", ""))
        value = node.child_by_field_name(value_field) if value_field else node
        if value is None:
            continue
        if value.type in _CLASSES or value.type in _FUNCTIONS or value.type in _FUNCTION_VALUES:
            name = _name(node, name_field)
            if not name:
                continue
            is_class = value.type in _CLASSES
            symbol = _symbol("class" if is_class else "function", prefix + name, value, outer)
            if not is_class and "." in symbol.name:
                symbol.kind = "method"
            yield symbol
            body = value.child_by_field_name("body") if is_class else None
            children = body.named_children if body else []
            stack += [(child, child, f"{symbol.name}.") for child in reversed(children)]
        elif kind in _WRAPPERS or kind in _OPEN:
            children = node.named_children
            # `const f = …, g = …` and Go's `type (…)` belong to none of their members alone.
            whole = kind in _WRAPPERS and (len(children) == 1 or kind in _SINGLE)
            stack += [(child, outer if whole else child, prefix) for child in reversed(children)]


def _name(node: Node, name_field: str) -> str:
    named = node.child_by_field_name(name_field)
    name = _text(named).removeprefix("module.exports.").removeprefix("exports.") if named else ""
    receiver = node.child_by_field_name("receiver")
    if receiver is not None:
        found = re.search(r"(\w+)\s*(?:\[[^\]]*\])?\s*\)$", _text(receiver))
        name = f"{found[1]}.{name}" if found else name
    return name if re.fullmatch(r"[#\w$.]+", name) else ""


def _symbol(kind: str, name: str, node: Node, outer: Node) -> _Symbol:
    """The definition with the comments and decorators right above it."""
    start, comments = outer.start_point[0], list[str]()
    decorators = [_text(c)[1:].strip() for c in outer.named_children if c.type == "decorator"]
    above = outer.prev_named_sibling
    while above is not None and above.type in ("comment", "decorator"):
        if start - above.end_point[0] > 1 or above.start_point[0] == start:
            break
        if above.type == "comment":
            comments.insert(0, _text(above))
        else:
            decorators.insert(0, _text(above)[1:].strip())
        start = above.start_point[0]
        above = above.prev_named_sibling
    symbol = _Symbol(kind, name, node, outer, start + 1, outer.end_point[0] + 1)
    symbol.comment = _plain("\n".join(comments))
    symbol.decorators = decorators
    return symbol


def _unit(symbol: _Symbol, lines: list[str], top: tuple[str, ...]) -> Unit:
    text = "\n".join(lines[symbol.start - 1 : symbol.end])
    is_module = symbol.kind == "module"
    return Unit(
        kind=symbol.kind,  # type: ignore[arg-type]  # one of four literals above
        name=symbol.name,
        start_line=symbol.start,
        end_line=symbol.end,
        text=text,
        signature="" if is_module else _signature(symbol),
        docstring=symbol.comment or _docstring(symbol.node),
        decorators=tuple(symbol.decorators),
        imports=tuple(symbol.imports),
        calls=tuple(symbol.calls.items()),
        bases=_bases(symbol.node) if symbol.kind == "class" else (),
        complexity=symbol.branches + 1,
        defines=top if is_module else (),
        cuts=_cuts(symbol.node) if len(text) > LONG_UNIT else (),
    )


def _signature(symbol: _Symbol) -> str:
    body = symbol.node.child_by_field_name("body")
    raw = symbol.outer.text or b""
    if body is not None:
        raw = raw[: body.start_byte - symbol.outer.start_byte]
    head = re.sub(r"^(@\w[^\n]*\n\s*)+", "", raw[:600].decode("utf-8", "replace"))
    return " ".join(head.split()).rstrip(" {:=>")[:300]


def _docstring(node: Node) -> str:
    """Of broken Python: the string that opens the body."""
    body = node if node.type == "module" else node.child_by_field_name("body")
    first = body.named_children[0] if body is not None and body.named_children else None
    if first is not None and first.type == "expression_statement" and first.named_children:
        first = first.named_children[0]
    if first is None or first.type != "string" or node.type == "program":
        return ""
    try:
        value = ast.literal_eval(_text(first))
    except (ValueError, SyntaxError):
        return ""
    return value.strip() if isinstance(value, str) else ""


def _bases(node: Node) -> tuple[str, ...]:
    """Names after `extends`, `implements` or in the parentheses of Python."""
    found = [c for c in node.named_children if c.type in ("class_heritage", "extends_type_clause")]
    superclasses = node.child_by_field_name("superclasses")
    found += [superclasses] if superclasses else []
    text = " ".join(map(_text, found))
    while (plain := re.sub(r"<[^<>]*>|\w+\s*=[^,)]*", "", text)) != text:
        text = plain
    names = re.findall(r"[\w$][\w$.]*", text)
    return tuple(name for name in names if name not in ("extends", "implements"))


def _callee(node: Node) -> str:
    """The callee as a dotted name, `.name` where it starts at an expression."""
    text = re.sub(r"\s+|\?(?=\.)|!(?=\.)", "", _text(node)[-200:])
    if re.fullmatch(r"[\w$.#]+", text):
        return text
    names: list[str] = re.findall(r"[\w$]+", text)
    return f".{names[-1]}" if names else "."


def _imports(path: str, language: str, node: Node, line: int) -> list[tuple[str, str, int]]:
    if language == "go":
        return go_import(_text(node), line)
    if language == "python":
        return python_imports(path, _text(node), line)
    return js_imports(path, _text(node), line)


def _cuts(node: Node) -> tuple[tuple[int, int], ...]:
    """(line, depth) of every node that begins a line, without strings and the deepest."""
    found: dict[int, int] = {}
    stack = [(node, 0)]
    while stack:
        parent, depth = stack.pop()
        row = parent.start_point[0]
        for child in parent.named_children:
            first, last = child.start_point[0], child.end_point[0]
            if first > row:
                found[first + 1] = min(depth, found.get(first + 1, depth))
            if last - first > 2 and depth < 8 and "string" not in child.type:
                stack.append((child, depth + 1))
    return tuple(sorted(found.items()))


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")


def _plain(comment: str) -> str:
    """A comment without its marks."""
    return re.sub(r"^[ \t]*(/\*+|\*+/|\*|//+|#+)[ \t]?|\*+/\s*$", "", comment, flags=re.M).strip()
