"""The place of a failure as hints see it: the exception, the expression that failed, its values.

Holds live frames, so it lives no longer than the search for a hint. Values are found as
`references.resolve` finds them, without calling user code.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .. import exceptions, frames, references
from ..frames import Entry
from ..watch import Execution

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


@dataclass(frozen=True, slots=True)
class Hint:
    """What the kernel knows about a failure, in one line.

    `edits` are whole sources of the failed cell, changed as the facts demand, the likeliest first;
    empty where they do not determine a change. `kind` names the family that spoke.
    """

    text: str
    edits: tuple[str, ...] = ()
    kind: str = ""


class Scene:
    """One failure: `node` is the expression that failed in the user's innermost frame.

    `source` is the cell as typed; `tree`, `statement` and `node` are None where the source of the
    frame cannot be had. `library` are the frames of packages below, the innermost last.
    """

    def __init__(
        self,
        shell: InteractiveShell,
        error: BaseException,
        source: str,
        executions: Mapping[int, Execution],
    ) -> None:
        self.shell = shell
        self.error = error
        self.source = source
        self.executions = executions
        self.kinds = exceptions.names_of(error)
        self.message = exceptions.message(error)
        self.arguments = exceptions.arguments(error)
        self.entries, _ = frames.walk(shell, exceptions.traceback_of(error))
        users = [n for n, e in enumerate(self.entries) if e.place != "library"]
        self.entry: Entry | None = self.entries[users[-1]] if users else None
        self.library = self.entries[users[-1] + 1 :] if users else []
        self._lines = frames.source_of(self.entry) if self.entry else []
        self.tree = frames.parsed(self.entry, self._lines) if self.entry else None
        self.cell_tree = frames.tree_of(source, 1)
        self.statement: ast.stmt | None = None
        self.node: ast.AST | None = None
        if self.entry is not None and self.tree is not None:
            self.statement = frames.statement_at(self.tree, self.entry.line)
            self.node = self._failed(self.entry, self.tree)

    @property
    def namespace(self) -> dict[str, Any]:
        """The names of the notebook."""
        found: dict[str, Any] = self.shell.user_ns
        return found

    @property
    def in_cell(self) -> bool:
        """Whether the expression that failed is in the cell that failed."""
        first = self.entries[0] if self.entries else None
        return bool(
            self.entry
            and first
            and self.entry.place == "cell"
            and self.entry.code.co_filename == first.code.co_filename
        )

    def _failed(self, entry: Entry, tree: ast.AST) -> ast.AST | None:
        where = frames.position(entry.code, entry.lasti)
        if where is None:
            return None
        found = [n for n in ast.walk(tree) if isinstance(n, ast.expr | ast.alias | ast.stmt)]
        exact = [n for n in found if span(n) == where]
        # The position of a method in a chain over several lines begins at its own name.
        ending = [n for n in found if span(n)[1::2] == where[1::2]]
        expressions = [n for n in exact if not isinstance(n, ast.stmt)]
        return next(iter([*expressions, *exact, *ending]), None)

    def names(self) -> dict[str, Any]:
        """All names that the failed line could see, its locals before its globals."""
        if self.entry is None:
            return dict(self.namespace)
        found: dict[str, Any] = {}
        for namespace in (self.entry.frame.f_globals, self.entry.frame.f_locals):
            if type(namespace) is dict:
                found |= {k: v for k, v in list(namespace.items()) if type(k) is str}
        return found

    def value(self, node: ast.AST | None) -> Any:
        """What a constant, or a name, attribute or item is; raises LookupError otherwise."""
        if node is None or self.entry is None:
            raise LookupError
        if isinstance(node, ast.Constant):
            return node.value
        wanted = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        names = frames.visible(self.entry.frame, wanted)
        known = {n: vars(builtins)[n] for n in wanted - set(names) if n in vars(builtins)}
        return references.resolve({**known, **names}, ast.unparse(node))

    def library_values(self, *names: str) -> Iterator[Any]:
        """Yield the arguments of these names in the frames of packages, the innermost first."""
        for entry in reversed(self.library):
            found = frames.plain_names(entry.frame.f_locals, set(names))
            yield from (found[name] for name in names if name in found)

    def parts(self, *kinds: type[Any]) -> list[Any]:
        """The nodes of these kinds in what failed, else in its statement."""
        top = self.node if self.node is not None else self.statement
        for place in (top, self.statement):
            nodes = ast.walk(place) if place is not None else iter(())
            found = [n for n in nodes if isinstance(n, kinds)]
            if found:
                return found
        return []

    def text(self, node: ast.AST) -> str:
        """An expression as it was written."""
        try:
            return ast.get_source_segment("".join(self._lines), node) or ast.unparse(node)
        except IndexError:  # of a function parsed alone
            return ast.unparse(node)

    def replaced(self, *changes: tuple[ast.AST, str]) -> tuple[str, ...]:
        """The cell with these expressions written anew; () if they are not in it as typed."""
        return self.spliced(*((span(node), text) for node, text in changes))

    def spliced(self, *changes: tuple[tuple[int, int, int, int], str]) -> tuple[str, ...]:
        """The same by (line, end line, column, end column), columns in bytes."""
        if not self.in_cell:
            return ()
        typed = self.source.splitlines()
        lead = next((n for n, line in enumerate(typed) if line.strip()), 0)
        for (line, end_line, _, _), _ in changes:
            if typed[line - 1 + lead : end_line + lead] != self._ran(line, end_line):
                return ()  # a magic, which was compiled as something else
        moved = [((a + lead, b + lead, c, d), text) for (a, b, c, d), text in changes]
        return self.checked(_spliced(self.source, moved))

    def rewritten(self, *changes: tuple[ast.AST, str]) -> tuple[str, ...]:
        """The cell with nodes of `cell_tree` written anew, wherever the failure was."""
        return self.checked(_spliced(self.source, [(span(node), text) for node, text in changes]))

    def woven(self, *changes: tuple[tuple[int, int, int, int], str]) -> tuple[str, ...]:
        """The same by (line, end line, column, end column) in `cell_tree`, columns in bytes."""
        return self.checked(_spliced(self.source, changes))

    def _ran(self, line: int, end_line: int) -> list[str]:
        return [text.rstrip("\r\n") for text in self._lines[line - 1 : end_line]]

    def prepended(self, line: str) -> tuple[str, ...]:
        """The cell with a line before it; () below a cell magic, where it would mean another."""
        if self.source.lstrip().startswith("%%"):
            return ()
        return self.checked(f"{line}\n{self.source}")

    def checked(self, edited: str) -> tuple[str, ...]:
        """An edit, unless it breaks a cell that could be parsed or changes nothing."""
        if edited == self.source or (self.cell_tree is not None and not parses(edited)):
            return ()
        return (edited,)


def _spliced(source: str, changes: Iterable[tuple[tuple[int, int, int, int], str]]) -> str:
    lines = source.splitlines(keepends=True)
    for (line, end_line, column, end_column), text in sorted(changes, reverse=True):
        head = lines[line - 1].encode()[:column].decode()
        tail = lines[end_line - 1].encode()[end_column:].decode()
        lines[line - 1 : end_line] = [head + text + tail]  # those still to change are above
    return "".join(lines)


def span(node: ast.AST) -> tuple[int, int, int, int]:
    """Line, end line, column and end column of a node, columns in bytes."""
    if not isinstance(node, ast.expr | ast.stmt | ast.alias | ast.keyword):
        return (0, 0, 0, 0)
    end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
    return (node.lineno, end_line, node.col_offset, end_column)


def parses(source: str) -> bool:
    return frames.tree_of(source, 1) is not None
