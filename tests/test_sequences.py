"""Which cached sequence a prompt goes on from, without any model."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from codeassist_jupyter.engine.llama_cpp.sequences import (
    Placement,
    SequenceCache,
    common_prefix,
)

TOKENS = st.lists(st.integers(0, 3), max_size=30)
PROMPTS = st.lists(st.integers(0, 3), min_size=1, max_size=30)


def ask(cache: SequenceCache, prompt: list[int], answer: list[int]) -> Placement:
    """Do to the bookkeeping what the engine does for one answer."""
    placed = cache.place(prompt)
    placed.slot.tokens = [*prompt, *answer]
    return placed


def run(start: int, size: int) -> list[int]:
    return list(range(start, start + size))


@given(TOKENS, TOKENS)
def test_a_common_prefix_is_common_and_longest(a: list[int], b: list[int]) -> None:
    size = common_prefix(a, b)
    assert a[:size] == b[:size]
    assert size == min(len(a), len(b)) or a[size] != b[size]


def test_a_common_prefix_is_found_across_the_blocks_it_is_compared_in() -> None:
    long = run(0, 2000)
    for size in (0, 1, 255, 256, 257, 511, 512, 1999, 2000):
        assert common_prefix(long, [*long[:size], -1, *long]) == size
    assert common_prefix(long, []) == 0


def test_a_longer_chat_goes_on_in_place() -> None:
    cache = SequenceCache(4)
    first = ask(cache, run(0, 300), run(1000, 50))
    assert (first.reused, first.source) == (0, None)
    second = ask(cache, [*run(0, 300), *run(1000, 50), *run(2000, 20)], [])
    assert second.slot is first.slot
    assert (second.reused, second.source) == (350, None)


def test_the_same_prompt_again_leaves_one_token_to_decode() -> None:
    cache = SequenceCache(2)
    ask(cache, run(0, 10), [])
    assert ask(cache, run(0, 10), []).reused == 9


def test_a_prompt_that_shares_the_beginning_goes_on_from_a_copy() -> None:
    cache = SequenceCache(4)
    first = ask(cache, run(0, 300), run(1000, 200))
    other = ask(cache, [*run(0, 200), *run(5000, 100)], [])
    assert other.slot is not first.slot
    assert other.source is first.slot
    assert other.reused == 200
    assert first.slot.tokens == [*run(0, 300), *run(1000, 200)]


def check_alternating(system: int, turn: int) -> None:
    cache = SequenceCache(4)
    chats = {name: run(0, system) for name in (1, 2)}
    for turns in range(12):
        for name in chats:
            prompt = [*chats[name], *run(name * 100_000 + turns * 1000, turn)]
            answer = run(name * 100_000 + turns * 1000 + 500, turn)
            placed = ask(cache, prompt, answer)
            if turns:
                assert placed.reused == len(chats[name])
            chats[name] = [*prompt, *answer]


def test_two_notebooks_in_turn_never_evict_each_other() -> None:
    check_alternating(system=200, turn=100)


def test_two_notebooks_of_short_chats_never_evict_each_other() -> None:
    check_alternating(system=30, turn=5)
    check_alternating(system=0, turn=3)


def test_a_slightly_different_end_does_not_cost_a_sequence_once_all_are_taken() -> None:
    cache = SequenceCache(2)
    other = ask(cache, run(9000, 100), [])
    ask(cache, run(0, 100), run(500, 5))
    again = ask(cache, [*run(0, 100), *run(600, 5)], [])
    assert (again.reused, again.source) == (100, None)
    assert other.slot.tokens == run(9000, 100)


def test_the_least_recently_used_goes_first() -> None:
    cache = SequenceCache(3)
    placed = [ask(cache, run(start, 100), []) for start in (0, 1000, 2000)]
    assert len({p.slot.number for p in placed}) == 3
    ask(cache, [*run(0, 100), 1], [])
    assert ask(cache, run(3000, 100), []).slot is placed[1].slot


def test_a_copied_from_sequence_counts_as_used() -> None:
    cache = SequenceCache(3)
    old, newer = ask(cache, run(0, 300), []), ask(cache, run(1000, 300), [])
    ask(cache, [*run(0, 150), *run(7000, 100)], [])
    assert ask(cache, run(3000, 300), []).slot is newer.slot
    assert old.slot.tokens == run(0, 300)


def test_a_pinned_sequence_is_copied_from_but_never_written_to() -> None:
    cache = SequenceCache(2)
    busy = ask(cache, run(0, 100), [])
    busy.slot.pinned = True
    for start in (0, 1000, 2000):
        placed = ask(cache, [*run(0, 50), *run(start, 80)], [])
        assert placed.slot is not busy.slot
        assert busy.slot.tokens == run(0, 100)
    extended = ask(cache, run(0, 150), [])
    assert (extended.source, extended.reused) == (busy.slot, 100)


def test_clearing_forgets_everything() -> None:
    cache = SequenceCache(2)
    ask(cache, run(0, 100), [])
    cache.clear()
    assert cache.place(run(0, 100)).reused == 0


@given(st.lists(st.tuples(PROMPTS, TOKENS, st.integers(-1, 2)), max_size=25))
def test_what_is_reused_is_always_a_true_prefix(
    asked: list[tuple[list[int], list[int], int]],
) -> None:
    cache = SequenceCache(3)
    for prompt, answer, pinned in asked:
        for slot in cache.slots:
            slot.pinned = slot.number == pinned
        placed = cache.place(prompt)
        held = (placed.source or placed.slot).tokens
        assert 0 <= placed.reused < len(prompt)
        assert held[: placed.reused] == prompt[: placed.reused]
        assert not placed.slot.pinned
        assert placed.source is not placed.slot
        assert placed.reused == min(
            len(prompt) - 1, max(common_prefix(slot.tokens, prompt) for slot in cache.slots)
        )
        placed.slot.tokens = [*prompt, *answer]
