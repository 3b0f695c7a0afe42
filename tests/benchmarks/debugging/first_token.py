"""Time from `%assist fix` to the model's first token: facts read ahead, and not.

    python tests/benchmarks/debugging/first_token.py [ROUNDS]

Each round fails a cell whose values are new, so that nothing of it is cached. "Not read ahead" is
a host without a model, which reads nothing ahead; loading it is not counted. Uses the set-up of
CODEASSIST_HOME.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # the tests' own front end
from front_end import FrontEnd

from codeassist_jupyter import config
from codeassist_jupyter.host.client import HostClient

_CELLS = (
    "import json, random\nrandom.seed({seed})",
    "rows = [{{'id': n, 'name': f'n{{random.random()}}', 'kind': 'a'}} for n in range(40)]",
    "groups = {{}}\nfor row in rows:\n    groups.setdefault(row['kind'], []).append(row['id'])",
    "def pick(rows, kind):\n    return [row for row in rows if row['kind'] == kind]",
)
_BROKEN = "total = sum(left + right for left, right in pick(rows, 'a'))  # {seed}"


def first_token_ms(seed: int, read_ahead: bool, client: HostClient) -> float:
    """Fail a cell in a new kernel, wait for the reading if there is one, and ask."""
    with tempfile.TemporaryDirectory() as name:
        front = FrontEnd(Path(name))
        try:
            front.run("%load_ext codeassist_jupyter")
            if read_ahead:
                front.run("%assist --no-context --max-tokens 1 hello")  # loads the model
            else:
                client.shutdown()
            for cell in _CELLS:
                front.run(cell.format(seed=seed))
            front.run(_BROKEN.format(seed=seed))
            if read_ahead:
                _wait(client)
            front.run("%assist fix -o r_ --max-tokens 24")
            return float(front.value("r_.usages[0].ttft_ms"))
        finally:
            front.close()


def _wait(client: HostClient) -> None:
    """Until the host has worked and is at rest again."""
    worked, deadline = False, time.monotonic() + 120
    while time.monotonic() < deadline:
        health = client.health(start=False)
        active = bool(health and health["active"])
        if worked and not active:
            return
        worked = worked or active
        time.sleep(0.01)
    raise TimeoutError("nothing was read ahead")


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    client = HostClient(config.load())
    cold = [first_token_ms(seed, False, client) for seed in range(rounds)]
    ahead = [first_token_ms(100 + seed, True, client) for seed in range(rounds)]
    for name, values in (("not read ahead", cold), ("read ahead", ahead)):
        print(f"{name}: {', '.join(f'{value:.0f}' for value in values)} ms")
    ratio = statistics.median(ahead) / statistics.median(cold)
    print(f"ratio of medians {ratio:.3f}, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
