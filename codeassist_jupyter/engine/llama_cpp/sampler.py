"""Chooses the next token: greedy at temperature 0, else top-k, top-p, min-p; JSON by grammar."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from ...errors import SchemaInvalid
from ...types import Sampling
from .native import Context, Model, lib

_MAX_SCHEMA_BYTES = 64_000
# The grammar spells repetitions out, and llama.cpp refuses more than these.
_MAX_REPEATS = 2000
_MAX_PATTERN_REPEATS = 20_000  # multiplied, as those of a pattern may be nested
# The converter's strings may hold raw line breaks, and those of a pattern quotes: no JSON.
_STRICTER = (
    (r'char ::= [^"\\] |', r'char ::= [^"\\\x7F\x00-\x1F] |'),
    (r"dot ::= [^\x0A\x0D]", r'dot ::= [^"\\\x7F\x00-\x1F]'),
)
# The converter checks little: what it raises at a schema that is none.
_REFUSALS = (ValueError, LookupError, TypeError, AttributeError, RuntimeError, AssertionError)
_COUNT = re.compile(r'"(?:min|max)(?:Items|Length)": ([0-9][0-9.e+]*)')
_PATTERN = re.compile(r'"pattern": "((?:[^"\\]|\\.)*)"')
_PATTERN_COUNT = re.compile(r"\{([0-9]+),?([0-9]*)\}")


class Sampler:
    """A llama.cpp sampler chain for one answer; raises SchemaInvalid for a schema it cannot use."""

    def __init__(self, model: Model, sampling: Sampling) -> None:
        grammar = None
        if sampling.json_schema is not None:
            source = grammar_of(sampling.json_schema).encode()
            grammar = lib.llama_sampler_init_grammar(model.vocab, source, b"root")
            if not grammar:
                raise SchemaInvalid("llama.cpp refuses the grammar of this JSON schema")
        self._chain = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
        if grammar is not None:
            lib.llama_sampler_chain_add(self._chain, grammar)
        for link in _links(sampling):
            lib.llama_sampler_chain_add(self._chain, link)

    def next(self, context: Context) -> int:
        """Pick a token from the logits of the last decode."""
        return int(lib.llama_sampler_sample(self._chain, context.handle, -1))

    def close(self) -> None:
        if self._chain:
            lib.llama_sampler_free(self._chain)
            self._chain = None


def _links(sampling: Sampling) -> list[Any]:
    if sampling.temperature == 0:
        return [lib.llama_sampler_init_greedy()]
    return [
        lib.llama_sampler_init_top_k(40),
        lib.llama_sampler_init_top_p(0.95, 1),
        lib.llama_sampler_init_min_p(0.05, 1),
        lib.llama_sampler_init_temp(sampling.temperature),
        lib.llama_sampler_init_dist(sampling.seed),
    ]


def grammar_of(schema: dict[str, Any]) -> str:
    """Turn a JSON schema into a GBNF grammar; the empty schema means any JSON value."""
    from llama_cpp.llama_grammar import JSON_GBNF, json_schema_to_gbnf

    if not schema:
        return str(JSON_GBNF)
    try:
        text = json.dumps(schema)
        _check_size(text)
        grammar = str(json_schema_to_gbnf(text))
    except _REFUSALS as exc:
        raise SchemaInvalid(f"the JSON schema cannot be used: {exc}") from exc
    for loose, strict in _STRICTER:
        grammar = grammar.replace(loose, strict)
    return grammar


def _check_size(schema: str) -> None:
    if len(schema) > _MAX_SCHEMA_BYTES:
        raise SchemaInvalid(f"the JSON schema has {len(schema)} bytes; {_MAX_SCHEMA_BYTES} at most")
    if any(float(count) > _MAX_REPEATS for count in _COUNT.findall(schema)):
        raise SchemaInvalid(f"the JSON schema asks for more than {_MAX_REPEATS} repetitions")
    for pattern in _PATTERN.findall(schema):
        counts = [float(most or least) for least, most in _PATTERN_COUNT.findall(pattern)]
        if math.prod(counts) > _MAX_PATTERN_REPEATS:
            raise SchemaInvalid("a pattern in the JSON schema repeats too much")
