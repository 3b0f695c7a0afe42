"""Conversations to measure with: questions and answers made of the standard library, and facts."""

from __future__ import annotations

import ast
import random
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from codeassist_jupyter.types import Exchange

# What a user says once and asks for later in other words; {} is a name or number of its own.
_FACTS = [
    ("Remember: the staging database listens on port {n}.", "Which port does the test DB use?"),
    ("No, the primary key is {w}_id, not id.", "What column identifies a row?"),
    ("Let's use the {w} backend for all plots.", "Which plotting backend did we choose?"),
    ("{W} means revenue without refunds.", "How did I define {W}?"),
    ("Our fiscal year starts in month {n}.", "When does our financial year begin?"),
    ("From now on round all prices to {n} digits.", "How should I round money?"),
    ("The raw files are in /data/{w}/incoming.", "Where is the raw data?"),
    ("We decided on {w} for the project's name.", "What is the project called?"),
    ("Customers without an order for {n} days count as churned.", "When is somebody lost to us?"),
    ("My supervisor is Dr. {W}; reports go to her.", "Who gets the reports?"),
    ("The threshold of the classifier is 0.{n}.", "What cutoff does the model use?"),
    ("Never drop rows where {w} is empty, fill them with zero.", "What about missing {w} values?"),
    ("The sensor {w} was broken in March, ignore it.", "Which sensor must be left out?"),
    ("I prefer polars to pandas for the {w} table.", "Which library for the {w} data?"),
    ("Temperatures are in Kelvin minus {n}.", "What unit are the temperatures in?"),
    ("The train/test split happens at week {n}.", "Where do we cut for evaluation?"),
    ("Note that {w} is measured per hour, not per day.", "Is {w} hourly or daily?"),
    ("The API allows {n} calls a minute.", "What is the rate limit?"),
    ("Our random seed is {n}.", "Which seed makes it reproducible?"),
    ("By a session I mean clicks within {n} minutes.", "How long is a session?"),
    ("The deadline of the {w} report is Friday the {n}th.", "When is the {w} report due?"),
    ("Use the {w} column for joining the shops.", "On what do we join shops?"),
    ("Actually, the currency is {W}, not euro.", "In which currency are amounts?"),
    ("The S3 bucket is called {w}-archive.", "Where do we upload old results?"),
    ("We agreed that outliers are beyond {n} standard deviations.", "What counts as an outlier?"),
]
# fmt: off
_WORDS = [
    "amber", "birch", "cobalt", "delta", "ember", "falcon", "garnet", "harbor", "indigo",
    "juniper", "kestrel", "lagoon", "maple", "nectar", "onyx", "pepper", "quartz", "raven",
]
# fmt: on


def facts(count: int, seed: int = 1) -> list[tuple[str, str]]:
    """Pairs of what is said and what is asked for later."""
    random.seed(seed)
    pairs = []
    for i in range(count):
        fact, question = _FACTS[i % len(_FACTS)]
        word = random.choice(_WORDS)
        names = {"w": word, "W": word.capitalize(), "n": random.randint(3, 97)}
        pairs.append((fact.format(**names), question.format(**names)))
    return pairs


def exchanges(seed: int = 0) -> Iterator[Exchange]:
    """Endless turns: what a documented function of the standard library does, and its code."""
    turns = list(_documented())
    random.seed(seed)
    while True:
        random.shuffle(turns)
        for question, answer in turns:
            yield Exchange(question, answer, model="bench")


def _documented() -> Iterator[tuple[str, str]]:
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        source = path.read_text(encoding="utf-8", errors="replace")
        lines = source.splitlines()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef) and (told := ast.get_docstring(node)):
                code = "\n".join(lines[node.lineno - 1 : node.end_lineno])
                question = f"In {path.stem}, how do I {told.splitlines()[0].rstrip('.').lower()}?"
                yield question, f"Use `{node.name}`:\n```python\n{code[:1500]}\n```"
