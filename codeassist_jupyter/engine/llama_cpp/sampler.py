"""Chooses the next token: greedy at temperature 0, else top-k, top-p, min-p; JSON by grammar."""

from __future__ import annotations

import json
from typing import Any

from ...errors import SchemaInvalid
from ...types import Sampling
from .native import Context, Model, lib

_MAX_SCHEMA_BYTES = 64_000


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
    text = json.dumps(schema)
    if len(text) > _MAX_SCHEMA_BYTES:
        raise SchemaInvalid(f"the JSON schema has {len(text)} bytes; {_MAX_SCHEMA_BYTES} at most")
    try:
        return str(json_schema_to_gbnf(text))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, AssertionError) as exc:
        raise SchemaInvalid(f"the JSON schema cannot be used: {exc}") from exc
