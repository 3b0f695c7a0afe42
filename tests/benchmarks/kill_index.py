"""Kill the indexing process at random moments, again and again, and look at what is left.

    python tests/benchmarks/kill_index.py [--rounds 1000] [--seed 1]

Each round opens the index that the round before left behind, checks it, edits and indexes files,
and is killed with SIGKILL: while it opens, recovers, writes, embeds or closes. Checked is that

- nothing is lost that was reported durable: files that have not changed since are all there, and
  so are their vectors;
- nothing is there twice, and manifest, text index and vectors agree;
- after the refresh the index says what the files say;
- nothing had to be thrown away.

Processes are forked from this one, which has imported everything and opened nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from typing import Any, TextIO

sys.path.insert(0, str(Path(__file__).parents[1]))
import lancedb  # noqa: F401 - takes a second, which would count as recovery
import tiny_encoder

from codeassist_jupyter.index import build, vectors
from codeassist_jupyter.index.project import Index
from codeassist_jupyter.retrieval.search import search

_FILES = 12
_TURNS_OPEN = 4  # then the index is closed, which writes it out, and opened again
_LONGEST_ROUND_S = 60.0
# Lance restarts its threads in the child; nothing of it was used before the fork.
warnings.filterwarnings("ignore", "lancedb fork support", RuntimeWarning)

Versions = dict[str, int]  # of each file by path: the number that its functions return


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=1000)
    options.add_argument("--seed", type=int, default=1)
    args = options.parse_args()
    chance = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "project").mkdir()
        durable: Versions = {}
        checks: list[dict[str, float]] = []
        for number in range(1, args.rounds + 1):
            said = _round(place, durable, chance, args.seed * 1_000_000 + number)
            for message in said:
                if "failed" in message:
                    print(f"round {number}: {message['failed']}")
                    return 1
                if "checked" in message:
                    checks.append(message["checked"])
                durable = message.get("durable", durable)
            if number % 50 == 0 or number == args.rounds:
                print(f"{number} kills, {len(checks)} whole checks, {_times(checks)}", flush=True)
    return 0


def _times(checks: list[dict[str, float]]) -> str:
    shown = []
    for name in ("open_s", "fresh_s"):
        values = [check[name] for check in checks] or [0.0]
        shown.append(f"{name} median {statistics.median(values):.2f} max {max(values):.2f}")
    return ", ".join(shown)


def _round(place: Path, durable: Versions, chance: random.Random, seed: int) -> list[Any]:
    """Let a process work, kill it, and return all that it said."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(ours)
        with os.fdopen(theirs, "w") as out:
            try:
                _work(place, durable, random.Random(seed), out)
            except BaseException:
                _say(out, failed=traceback.format_exc())
            out.flush()
            os._exit(1)
    os.close(theirs)
    said: list[Any] = []
    with os.fdopen(ours) as lines:
        if chance.random() < 0.8:  # else it dies in the recovery
            said += [json.loads(line) for line in [lines.readline()] if line.strip()]
        time.sleep(chance.uniform(0.0, 0.5))
        os.kill(pid, signal.SIGKILL)
        said += [json.loads(line) for line in lines if line.endswith("\n")]
    os.waitpid(pid, 0)
    return said


def _say(out: TextIO, **message: object) -> None:
    out.write(json.dumps(message) + "\n")
    out.flush()


def _work(place: Path, durable: Versions, chance: random.Random, out: TextIO) -> None:
    """Check what is there, then edit and index until the end."""
    build._BATCH_FILES = 3
    vectors._OPTIMIZE_AFTER = 5
    signal.alarm(int(_LONGEST_ROUND_S))
    encoder = tiny_encoder.make(place / f"encoder-{os.getpid()}")
    root = place / "project"
    began = time.monotonic()
    index = Index.open(place / "index", root, [encoder])
    index.load_vectors()
    opened = time.monotonic()
    _check_kept(index, root, durable)
    checked = time.monotonic()
    build.refresh(index)
    fresh = time.monotonic()
    _check_all(index, root)
    build.embed_pending(index)
    durable = _on_disk(root)
    _say(
        out,
        checked={"open_s": opened - began, "fresh_s": fresh - checked + opened - began},
        durable=durable,
    )
    for turn in range(1, 10**9):
        _edit(root, chance)
        build.refresh(index)
        build.embed_pending(index)
        _say(out, durable=_on_disk(root))
        if turn % _TURNS_OPEN == 0:
            index.close()
            index = Index.open(place / "index", root, [encoder])


def _edit(root: Path, chance: random.Random) -> None:
    for _ in range(chance.randint(1, _FILES)):
        path = root / f"m{chance.randrange(_FILES)}.py"
        if chance.random() < 0.2:
            path.unlink(missing_ok=True)
        else:
            _write(path, chance.randrange(10**9))


def _write(path: Path, version: int) -> None:
    """Replace a file in one step; half a file would be another version that nobody knows."""
    part = path.with_suffix(".part")
    part.write_text(
        f'def work_{path.stem}():\n    """Load number {version % 5}."""\n    return {version}\n\n\n'
        f'def rest_{path.stem}():\n    """Plot a chart."""\n    return {version}\n'
    )
    part.replace(path)


def _on_disk(root: Path) -> Versions:
    return {path.name: int(path.read_text().split()[-1]) for path in root.glob("*.py")}


def _indexed(index: Index) -> Versions:
    """The version of each file by its chunks; raises AssertionError where they are not a pair."""
    numbers = [entry.no for entry in index.manifest.entries()]
    chunks = index.manifest.chunks(numbers).values()
    names = Counter((chunk.path, chunk.name) for chunk in chunks)
    assert set(names.values()) <= {1}, f"there twice: {names.most_common(3)}"
    found: dict[str, set[int]] = {}
    for chunk in chunks:
        found.setdefault(chunk.path, set()).add(int(chunk.text.split()[-1]))
    assert all(len(versions) == 1 for versions in found.values()), f"two versions: {found}"
    assert len(names) == 2 * len(found), f"half a file: {names}"
    assert len(index.roster) == index.lexical.size == len(names), "the stores disagree"
    return {path: next(iter(versions)) for path, versions in found.items()}


def _check_kept(index: Index, root: Path, durable: Versions) -> None:
    """What was reported durable and has not changed since is there, with its vectors."""
    assert index.message == "", index.message
    assert index.manifest.interrupted() == []
    disk, indexed = _on_disk(root), _indexed(index)
    unchanged = {path for path, version in durable.items() if disk.get(path) == version}
    lost = {path for path in unchanged if indexed.get(path) != durable[path]}
    assert not lost, f"lost: {lost}"
    (tier,) = index.tiers
    unread = {e.path for no in index.pending(tier) if (e := index.roster.get(no)) is not None}
    assert not unread & unchanged, f"vectors lost: {unread & unchanged}"


def _check_all(index: Index, root: Path) -> None:
    """The refreshed index says what the files say, and search finds each place once."""
    disk = _on_disk(root)
    assert _indexed(index) == disk
    for path, version in disk.items():
        hits = [hit.chunk for hit in search(index, f"work_{path[:-3]}").hits]
        exact = [chunk for chunk in hits if chunk.name == f"work_{path[:-3]}"]
        assert len(exact) == 1, f"{path} found {len(exact)} times"
        assert int(exact[0].text.split()[-1]) == version, f"{path} is outdated"


if __name__ == "__main__":
    sys.exit(main())
