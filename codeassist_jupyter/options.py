"""The options of a question, said once for `%%assist` and for `codeassist ask`."""

from __future__ import annotations

import argparse
from typing import Any

from .config import ENGINES, FORMATS

# (names, arguments of argparse's add_argument); values are None where they were not given.
OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (
        ("-f", "--format"),
        {"choices": FORMATS, "help": "How to answer and to show the answer."},
    ),
    (("-m", "--model"), {"metavar": "NAME", "help": "Model for this question."}),
    (
        ("--temperature",),
        {"type": float, "metavar": "T", "help": "0, the default, gives the same answer each time."},
    ),
    (("--max-tokens",), {"type": int, "metavar": "N", "help": "Longest answer, in tokens."}),
    (("--seed",), {"type": int, "metavar": "N", "help": "Seed for temperatures above 0."}),
    (
        ("--engine",),
        {
            "choices": ENGINES,
            "help": "llama_cpp: the local model; openai: your server; echo: repeats you.",
        },
    ),
    (
        ("--no-context",),
        {"action": "store_true", "help": "Send the question alone: no cells, variables or chat."},
    ),
)


def settings_of(args: argparse.Namespace) -> dict[str, Any]:
    """The settings that these options override; None means not given."""
    names = ("format", "model", "temperature", "max_tokens", "seed", "engine")
    return {name: getattr(args, name) for name in names}
