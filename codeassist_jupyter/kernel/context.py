"""Gathers what a question may know: the cells as they were run, the live variables, its {names}.

Reads IPython's own record of the session, so nothing needs to be hooked; calls no user code.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from .. import security
from ..types import Cell, Context
from . import describe, references

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_MAX_CELLS = 400
_MAX_SOURCE = 8000
_MAX_OUTPUT = 2000  # characters of one cell's output; the prompt takes less
_REFERENCE_CHARS = 2000  # what a question names may be described at more length
_OURS = ("%%assist", "%assist", "%load_ext codeassist_jupyter", "%reload_ext codeassist_jupyter")


def capture(shell: InteractiveShell, question: str) -> tuple[str, Context]:
    """The question with its {names} resolved, and the context to answer it in."""
    namespace = dict(shell.user_ns)
    secrets = _secrets(namespace)
    expanded = references.expand(question, _describer(shell, namespace, secrets))
    variables = describe.describe_all(namespace, shell.user_ns_hidden)
    return expanded.text, Context(
        cells(shell, secrets), variables, tuple((r.expression, r.text) for r in expanded.references)
    )


def describe_one(shell: InteractiveShell, expression: str) -> str | None:
    """What an expression such as `df` or `rows[0]` names; None if nothing."""
    namespace = dict(shell.user_ns)
    return _describer(shell, namespace, _secrets(namespace))(expression)


def cells(shell: InteractiveShell, secrets: Collection[str] = ()) -> tuple[Cell, ...]:
    """The executed cells in run order, without our own magics and the cell that is running.

    `secrets` are values that must not appear in them.
    """
    history = shell.history_manager
    if history is None:  # a shell without history, such as an embedded one
        return ()
    last = shell.execution_count  # the running one
    found = []
    for number in range(max(1, last - _MAX_CELLS), min(last, len(history.input_hist_raw))):
        source = history.input_hist_raw[number]
        if not is_ours(source):
            text = _bounded(source, _MAX_SOURCE, secrets)
            found.append(Cell(number, text, *output_of(shell, number, secrets)))
    return tuple(found)


def is_ours(source: str) -> bool:
    """Whether a cell is empty or only talks to us."""
    return not source.strip() or source.lstrip().startswith(_OURS)


def output_of(
    shell: InteractiveShell, number: int, secrets: Collection[str] = ()
) -> tuple[str, str]:
    """Text output and error of the cell In[number], both redacted and bounded."""
    history = shell.history_manager
    if history is None:
        return "", ""
    texts = []
    for output in history.outputs.get(number, ()):
        bundle = output.bundle
        text = bundle.get("text/plain") or bundle.get("stream") or ""
        texts.append(text if isinstance(text, str) else "".join(text))
    error = history.exceptions.get(number) or {}
    failure = f"{error.get('ename', '')}: {error.get('evalue', '')}" if error else ""
    output = _bounded("".join(texts), _MAX_OUTPUT, secrets)
    return output, _bounded(failure, _MAX_OUTPUT, secrets)


def _bounded(text: str, limit: int, secrets: Collection[str]) -> str:
    """Redact, then cut; of huge texts, what is far from both ends need not be looked at.

    The first cut is generous, so that half a secret at its edges falls to the second.
    """
    near = security.clean(text.strip(), 4 * limit)
    return security.clean(security.redact(near, secrets), limit)


def _secrets(namespace: Mapping[str, Any]) -> list[str]:
    """Live values of variables whose names say that they are secret."""
    found = (v for name, v in namespace.items() if security.secret_name(name))
    return [value for value in found if type(value) is str]


def _describer(
    shell: InteractiveShell, namespace: dict[str, Any], secrets: Collection[str]
) -> Callable[[str], str | None]:
    """How `{expression}` is described; None where it names nothing we know."""

    def text_of(expression: str) -> str | None:
        cell = references.numbered(expression)
        if cell is not None:
            return _cell_text(shell, *cell, secrets)
        try:
            value = references.resolve(namespace, expression)
        except LookupError:
            return None
        return describe.describe(expression, value, _REFERENCE_CHARS)

    return text_of


def _cell_text(
    shell: InteractiveShell, kind: str, number: int, secrets: Collection[str]
) -> str | None:
    """What In[number], Out[number] or Err[number] was."""
    history = shell.history_manager
    if history is None or not 0 < number < len(history.input_hist_raw):
        return None
    if kind == "In":
        source = _bounded(history.input_hist_raw[number], _MAX_SOURCE, secrets)
        return f"In [{number}]:\n{source}"
    output, error = output_of(shell, number, secrets)
    text = output if kind == "Out" else error
    return f"{kind} [{number}]:\n{text or '(nothing)'}"
