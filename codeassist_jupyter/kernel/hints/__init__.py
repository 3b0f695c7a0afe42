"""What the kernel knows about a failure without a model: right, or silent.

Each family is a module of small functions from a `Scene` to a `Hint` or None; `_FAMILIES` says
which are asked for which exception, in order.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ... import security
from ..watch import Execution
from . import (
    arrays,
    attributes,
    awaiting,
    calls,
    classes,
    conversions,
    dates,
    files,
    keys,
    merging,
    modules,
    names,
    nested,
    none,
    numbers,
    reading,
    removed,
    stale,
    syntax,
    tables,
    values,
)
from .scene import Hint, Scene

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["Hint", "hint_for"]

_BUDGET_S = 0.08
_LONGEST = 400  # characters of a hint
_EDITS = 3

_FAMILIES: dict[str, tuple[Callable[[Scene], Hint | None], ...]] = {
    "": (stale.edited,),  # whatever was raised
    "UndefinedVariableError": (keys.in_query,),
    "UnboundLocalError": (names.unbound,),
    "NameError": (stale.not_run, names.undefined),
    "ModuleNotFoundError": (modules.missing,),
    "ImportError": (modules.name_of_module,),
    "AttributeError": (
        none.origin,
        awaiting.not_awaited,
        removed.attribute,
        dates.texts_among_dates,
        conversions.not_called,
        classes.parent_not_made,
        nested.records,
        attributes.missing,
    ),
    "TypeError": (
        none.origin,
        removed.argument,
        calls.unexpected_keyword,
        classes.without_self,
        calls.missing_argument,
        classes.called_value,
        calls.not_callable,
        calls.not_subscriptable,
        awaiting.not_awaited,
        arrays.unserializable,
        calls.unserializable,
        dates.zones,
        dates.resampling,
        dates.texts_among_dates,
        removed.numeric_only,
        tables.text_arithmetic,
        tables.text_array,
        conversions.joined_text,
        conversions.compared,
        conversions.dates,
        conversions.not_called,
        conversions.bytes_as_text,
        conversions.unhashable,
        nested.records,
        calls.operands,
        numbers.missing_numbers,
        values.not_iterable,
        values.text_indices,
        values.unpacking,
    ),
    "ZeroDivisionError": (values.zero,),
    "IndexError": (conversions.past_the_end, values.index, values.popped, arrays.bounds),
    "ValueError": (
        classes.mutable_default,
        nested.too_many_parts,
        removed.frequency,
        reading.header,
        reading.frame_of_json_lines,
        removed.numeric_only,
        numbers.number,
        dates.dates,
        tables.truth,
        arrays.lengths,
        arrays.difference,
        merging.merge_types,
        numbers.missing_numbers,
        tables.duplicates,
        arrays.broadcasting,
        arrays.product,
        arrays.bounds,
        arrays.reshaping,
        arrays.joining,
        values.unpacking,
        values.not_in_list,
        values.domain,
    ),
    "SyntaxError": (reading.spaced_column, syntax.mend),
    "FileNotFoundError": (files.missing,),
    "UnicodeDecodeError": (files.encoding,),
    "JSONDecodeError": (reading.json_lines, reading.byte_order_mark, files.json_place),
    "OSError": (files.wrong_kind, files.no_folder_to_save),
    "RecursionError": (values.recursion,),
    "RuntimeError": (values.changed_while_read, awaiting.running_loop),
    "error": (conversions.literal_pattern, values.pattern),
    "AssertionError": (values.assertion,),
    "ParserError": (reading.tokens,),
    "MergeError": (merging.no_common,),
    "NotImplementedError": (removed.numeric_only,),
    "KeyError": (
        keys.of_environment,
        nested.leaf,
        nested.deeper,
        keys.of_dict,
        merging.key_of_one_side,
        reading.separator,
        reading.level,
        keys.of_frame,
    ),
}


def hint_for(
    shell: InteractiveShell,
    error: BaseException,
    source: str,
    executions: Mapping[int, Execution] | None = None,
) -> Hint | None:
    """The first hint that fits a failure of the cell `source`; None where nothing is certain.

    Runs no code of the user; gives up after 80 ms of work.
    """
    deadline = time.thread_time() + _BUDGET_S
    scene = Scene(shell, error, source, executions or {})
    for kind in ("", *scene.kinds):
        for family in _FAMILIES.get(kind, ()):
            hint = family(scene)
            if hint is not None:
                return _safe(hint, shell.user_ns)
            if time.thread_time() > deadline:
                return None
    return None


def _safe(hint: Hint, namespace: Mapping[str, object]) -> Hint:
    """The hint in one clean line without secrets."""
    secrets = [
        value
        for name, value in list(namespace.items())
        if type(name) is str and type(value) is str and security.secret_name(name)
    ]
    text = " ".join(security.redact(security.clean(hint.text, 2000), secrets).split())
    return replace(hint, text=security.clean(text, _LONGEST), edits=hint.edits[:_EDITS])
