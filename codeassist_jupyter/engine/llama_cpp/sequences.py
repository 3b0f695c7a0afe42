"""Which tokens each cached sequence holds, and which one a new prompt should go on from.

Pure bookkeeping over token lists; knows nothing of llama.cpp.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

# A sequence that would lose more than this is kept, and the prompt goes on from a copy; one that
# would lose less, such as the end of an answer cut short, only while there is an empty sequence.
_MAY_LOSE = 64


@dataclass(slots=True)
class Slot:
    """One sequence of the KV memory and the tokens in it, oldest first."""

    number: int
    tokens: list[int] = field(default_factory=list)
    last_used: int = 0
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a prompt goes: `slot` keeps `reused` tokens, first copied from `source` if given."""

    slot: Slot
    reused: int
    source: Slot | None = None


class SequenceCache:
    """A few token sequences, least recently used out first."""

    def __init__(self, size: int) -> None:
        self.slots = [Slot(number) for number in range(size)]
        self._clock = 0

    def place(self, prompt: Sequence[int]) -> Placement:
        """Choose a sequence for `prompt`; at least one of its tokens is left to be decoded."""
        best = max(self.slots, key=lambda slot: common_prefix(slot.tokens, prompt))
        reused = min(common_prefix(best.tokens, prompt), len(prompt) - 1)
        lost = len(best.tokens) - reused
        victim = self.least_recent(besides=best)
        if not best.pinned and lost <= _MAY_LOSE and (not lost or victim is None or victim.tokens):
            return self._use(best, reused, None)
        if victim is None:  # everything else is in use
            return self._use(best, reused, None)
        return self._use(victim, reused, best if reused else None)

    def least_recent(self, besides: Slot | None = None) -> Slot | None:
        """The free sequence that is missed least: an empty one, else the longest unused."""
        free = [slot for slot in self.slots if slot is not besides and not slot.pinned]
        return min(free, key=lambda slot: (bool(slot.tokens), slot.last_used), default=None)

    def clear(self) -> None:
        for slot in self.slots:
            slot.tokens.clear()

    def _use(self, slot: Slot, reused: int, source: Slot | None) -> Placement:
        self._clock += 1
        slot.last_used = self._clock
        if source is not None:
            source.last_used = self._clock
        return Placement(slot, reused, source)


def common_prefix(a: Sequence[int], b: Sequence[int]) -> int:
    """Length of the longest common prefix; compares slices first, for speed on long prompts."""
    limit = min(len(a), len(b))
    low = 0
    step = 256
    while low + step <= limit and a[low : low + step] == b[low : low + step]:
        low += step
    while low < limit and a[low] == b[low]:
        low += 1
    return low
