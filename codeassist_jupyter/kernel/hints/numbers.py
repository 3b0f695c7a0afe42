"""Texts that were to become numbers: which do not parse, and the one rule by which all would.

Looks at no more than the first 100,000 values of a column, and only at plain ones.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .. import describe_data
from . import columns
from .rewrites import alias, is_plain
from .scene import Hint, Scene

_TRIED = 5000  # texts to which a rule must fit
_THOUSANDS = re.compile(r"\s*[-+]?\d{1,3}(,\d{3})+(\.\d+)?\s*")
_DECIMAL = re.compile(r"\s*[-+]?\d+,\d+\s*")
_POINTS = re.compile(r"\s*[-+]?\d{1,3}(\.\d{3})+,\d+\s*")
_SPACED = re.compile(r"\s*[-+]?\d{1,3}([ \u00a0\u202f]\d{3})+(\.\d+)?\s*")
_UNIT = re.compile(r"\s*[-+]?[\d.,]*\d(\s*[A-Za-zµ°²³/]{1,12})\s*")
_NULLS = ("", "n/a", "N/A", "NA", "nan", "NaN", "null", "NULL", "None", "#N/A", "<NA>")


@dataclass(frozen=True, slots=True)
class Rule:
    """How texts become numbers: pairs of what is replaced by what, in order."""

    what: str
    pairs: tuple[tuple[str, str], ...]

    def apply(self, text: str) -> str:
        for old, new in self.pairs:
            text = text.replace(old, new)
        return text.strip()

    def code(self, accessor: str = "") -> str:
        """As method calls, on a text or (`.str`) on a column of texts."""
        return "".join(
            f"{accessor}.replace({_quoted(old)}, {_quoted(new)}{_literal(accessor, old)})"
            for old, new in self.pairs
        )


def _quoted(text: str) -> str:
    return f'"{text}"' if text.isprintable() and not set('"\\') & set(text) else repr(text)


def _literal(accessor: str, old: str) -> str:
    """What pandas 1 needs not to read a point or dollar as a pattern."""
    return ", regex=False" if accessor and old in ("$", ".") else ""


def fits(wanted: Callable[[str], Any], text: str) -> bool:
    """Whether `int` or `float` takes a text."""
    try:
        wanted(text)
    except ValueError:
        return False
    return True


def cleaning(texts: list[str], wanted: Callable[[str], Any]) -> Rule | None:
    """The rule by which every text parses; one without replacements if they do already."""
    texts = texts[:_TRIED]
    bad = [t for t in texts if not fits(wanted, t)]
    if not texts or not bad:
        return Rule("", ()) if texts else None
    for rule, applies in _rules(bad):
        if all(applies(t) for t in bad) and all(fits(wanted, rule.apply(t)) for t in texts):
            return rule
    return None


def _rules(bad: list[str]) -> Iterator[tuple[Rule, Callable[[str], bool]]]:
    """Yield what may be in the way, the plainest first, and to which texts it applies."""
    yield Rule("thousands separators", ((",", ""),)), _matches(_THOUSANDS)
    signs = tuple((s, "") for s in "$€£¥" if any(s in t for t in bad))
    if signs:
        commas: tuple[tuple[str, str], ...] = ((",", ""),) if any("," in t for t in bad) else ()
        yield Rule("a currency sign", (*signs, *commas)), lambda t: _plain_money(t, signs)
    yield Rule("a percent sign", (("%", ""),)), lambda t: t.rstrip().endswith("%")
    units = {m[1] for m in map(_UNIT.fullmatch, bad) if m}
    if len({u.strip() for u in units}) == 1 and not _is_power(units):
        unit = units.pop() if len(units) == 1 else units.pop().strip()
        yield Rule(f"the unit {unit.strip()}", ((unit, ""),)), _matches(_UNIT)
    if not any(_THOUSANDS.fullmatch(t) for t in bad):
        yield Rule("decimal commas", ((",", "."),)), _matches(_DECIMAL)
    yield (
        Rule("points for thousands, a decimal comma", ((".", ""), (",", "."))),
        lambda t: bool(_POINTS.fullmatch(t) or _DECIMAL.fullmatch(t)),
    )
    spaces = tuple((s, "") for s in " \u00a0\u202f" if any(s in t.strip() for t in bad))
    yield Rule("spaces for thousands", spaces), _matches(_SPACED)


def _matches(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: pattern.fullmatch(text) is not None


def _plain_money(text: str, signs: tuple[tuple[str, str], ...]) -> bool:
    """Whether a text is a number with one sign, its commas where those of thousands are."""
    for sign, _ in signs:
        text = text.replace(sign, "")
    return fits(float, text) or _THOUSANDS.fullmatch(text) is not None


def _is_power(units: set[str]) -> bool:
    """Whether a suffix multiplies, as in 5k."""
    return any(u.strip().lower() in ("k", "m", "b", "bn", "mio", "mn", "e", "x") for u in units)


def number(scene: Scene) -> Hint | None:
    """Which text would not become a number, and where it stands."""
    told = re.search(
        r"(?:invalid literal for int\(\) with base \d+|could not convert string to (?:float|int\w*)"
        r"|Unable to parse string):? ?(?:np\.str_\()?(['\"])(.*?)\1",
        scene.message,
    )
    if told is None:
        return None
    bad = told[2].encode().decode("unicode_escape", "replace") if "\\" in told[2] else told[2]
    wanted: Callable[[str], Any] = int if "int()" in told[0] else float
    for node, values, labels in columns.named(scene):
        places = [n for n, v in enumerate(values) if type(v) is str and v == bad]
        if not places:
            continue
        name = ast.unparse(node)
        text = f"`{name}` has {bad!r} at {labels(places[0])}"
        others = [v for v in values if type(v) is str and not fits(wanted, v) and v != bad]
        text += f", and {len(others)} more that do not parse" if others else ""
        return _cleaned(scene, node, values, wanted, text)
    return _plain_number(scene, bad, wanted)


def _cleaned(
    scene: Scene, node: ast.expr, values: list[Any], wanted: Callable[[str], Any], text: str
) -> Hint:
    """A column or list with the rule by which all its values parse."""
    texts = [v for v in values if type(v) is str]
    if any(type(v) is not str and not is_null(v) for v in values):
        return Hint(text, (), "parse")
    of_column = columns.is_series(scene, node)
    rule = cleaning(texts, wanted)
    if rule is not None:
        edits = scene.replaced((node, _applied(scene, node, rule, of_column)))
        return Hint(f"{text}: it has {rule.what}", edits, "parse")
    if wanted is int and cleaning(texts, _whole) == Rule("", ()) and of_column:
        edits = scene.replaced((node, f"{scene.text(node)}.astype(float)"))
        return Hint(f"{text}: a float as text", edits, "parse")
    return Hint(text, _blanks(scene, node, texts, wanted) if of_column else (), "parse")


def is_null(value: Any) -> bool:
    """Whether a plain value stands for nothing."""
    return value is None or (type(value) is float and value != value)


def _whole(text: str) -> int:
    """A whole number that may be written as a float; raises ValueError."""
    found = float(text)
    if not found.is_integer():
        raise ValueError(text)
    return int(found)


def _applied(scene: Scene, node: ast.expr, rule: Rule, of_column: bool) -> str:
    text = scene.text(node)
    if of_column:
        return f"{text}{rule.code('.str')}"
    return f"[value{rule.code()} for value in {text}]"


def _blanks(
    scene: Scene, node: ast.expr, texts: list[str], wanted: Callable[[str], Any]
) -> tuple[str, ...]:
    """`to_numeric` with nulls for what pandas itself reads as null, if all else parses."""
    others = [t for t in texts if t.strip() not in _NULLS]
    call, pandas = scene.node, alias(scene, "pandas")
    if not others or not all(fits(wanted, t) for t in others) or pandas is None:
        return ()
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return ()
    inner = scene.text(node)
    if call.func.value is node and call.func.attr == "astype" and len(call.args) == 1:
        whole = '.astype("Int64")' if wanted is int else ""
        return scene.replaced((call, f'{pandas}.to_numeric({inner}, errors="coerce"){whole}'))
    if call.func.attr == "to_numeric" and call.args == [node] and not call.keywords:
        return scene.replaced((node, f'{inner}, errors="coerce"'))
    return ()


def _plain_number(scene: Scene, bad: str, wanted: Callable[[str], Any]) -> Hint | None:
    """`int(x)` or `float(x)`; in a loop the rule must fit all that the loop goes over."""
    node = scene.node
    if scene.library or not isinstance(node, ast.Call) or len(node.args) != 1:
        return None
    if ast.unparse(node.func) not in ("int", "float"):
        return None
    argument = node.args[0]
    inner = scene.text(argument)
    shown = f"`{inner}` is {bad!r}"
    values = columns.looped(scene, argument.id) if isinstance(argument, ast.Name) else None
    texts = [v for v in values if type(v) is str] if values else [bad]
    if values and len(texts) < len(values):
        return Hint(shown, (), "parse")
    if wanted is int and fits(float, bad):
        if all(fits(_whole, t) for t in texts):
            edits = scene.replaced((argument, f"float({inner})"))
            return Hint(f"{shown}: a float as text, so `int(float(…))`", edits, "parse")
        return Hint(f"{shown}, which is no whole number", (), "parse")
    rule = cleaning(texts, wanted)
    if rule is None:
        return Hint(f"{shown}{', which is empty' if not bad.strip() else ''}", (), "parse")
    edits = scene.replaced((argument, f"{inner}{rule.code()}")) if is_plain(argument) else ()
    return Hint(f"{shown}: it has {rule.what}", edits, "parse")


def missing_numbers(scene: Scene) -> Hint | None:
    """Nulls in what is to be whole numbers: how many, and where the first is."""
    if not re.search(
        r"[Cc]annot convert (non-finite values|float NaN)|cannot convert NA", scene.message
    ):
        return None
    for node in scene.parts(ast.Subscript, ast.Attribute, ast.Name):
        if not columns.is_series(scene, node):
            continue
        value = scene.value(node)
        if not describe_data.is_cheap(value):
            continue
        nulls = value.isna().to_numpy()
        count = int(nulls.sum())
        if count:
            place = columns.label_of(value)(int(nulls.argmax()))
            text = f"`{ast.unparse(node)}` has {count} null, the first at {place}"
            return Hint(f"{text}; `Int64` keeps nulls", _with_nulls(scene, value, nulls), "null")
    return None


def _with_nulls(scene: Scene, series: Any, nulls: Any) -> tuple[str, ...]:
    """`astype("Int64")`, if what is not null is whole."""
    call = scene.node
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return ()
    if call.func.attr != "astype" or len(call.args) != 1 or call.keywords:
        return ()
    asked = call.args[0]
    name = asked.value if isinstance(asked, ast.Constant) else ast.unparse(asked)
    if name not in ("int", "int64", "np.int64", "int32", "np.int32", "numpy.int64"):
        return ()
    if series.dtype.kind != "f" or not all(v.is_integer() for v in series[~nulls].tolist()):
        return ()
    return scene.replaced((asked, '"Int64"'))
