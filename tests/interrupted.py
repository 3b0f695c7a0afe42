"""A script: kill one of the commands that seal a store anew at each of its steps, and run it again.

Prints the number of steps. This process forks, so it has no threads and opens no store itself.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import keyring.backends.chainer
import pyarrow.dataset  # noqa: F401 - once, not in every child, like the next
from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: F401
from file_keyring import FileKeyring

from codeassist_jupyter import config
from codeassist_jupyter.memory import keys, rekey
from codeassist_jupyter.memory.conversations import Conversations
from codeassist_jupyter.memory.crypto import Plain, Sealed
from codeassist_jupyter.types import Exchange

TEXT = "the canary sang at dawn"
RING = Path(os.environ["TEST_KEYRING"])
WORK = {
    "encrypt": lambda: rekey.encrypt("keyring", None),
    "rotate": lambda: rekey.rotate(None),
    "decrypt": lambda: rekey.decrypt(None),
}
DIED = 9


def main(name: str) -> None:
    keyring.set_keyring(FileKeyring())
    assert in_child(lambda: fill(name)) == 0
    before = {path: path.read_bytes() for path in [*config.home().iterdir(), RING] if path.exists()}
    step, code = 0, DIED
    while code == DIED:
        step += 1
        restore(before)
        code = in_child(lambda at=step: die_at(at, name))
        assert in_child(lambda: finish(name)) == 0, step
    assert code == 0
    print(step)


def in_child(work: Any) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def fill(name: str) -> None:
    if name != "encrypt":
        keys.create("keyring")
    store = Conversations(keys.store_path(), Plain() if name == "encrypt" else sealed())
    store.begin("c", "/project", "a.ipynb")
    store.save("c", Exchange(f"where? {TEXT}", f"```python\nprint('{TEXT}')\n```"))
    store.close()


def restore(before: dict[Path, bytes]) -> None:
    for path in [*config.home().iterdir(), RING]:
        path.unlink(missing_ok=True)
    for path, data in before.items():
        path.write_bytes(data)


def die_at(step: int, name: str) -> None:
    """Do the work, and die without a word at the n-th change."""
    left = step

    def count() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os._exit(DIED)

    def changes_file(event: str, args: tuple[Any, ...]) -> None:
        if event in ("os.rename", "os.remove") and str(config.home()) in str(args[0]):
            count()

    def passes(frame: FrameType, event: str, _: Any) -> None:
        # Within a transaction it makes no difference where: DuckDB does all or nothing.
        if frame.f_code.co_name in ("reseal", "rewrite", "sync") and event == "call":
            count()

    sys.addaudithook(changes_file)
    sys.setprofile(passes)
    WORK[name]()
    sys.setprofile(None)


def finish(name: str) -> None:
    """Run the command again; all must be there, sealed as it should be."""
    WORK[name]()
    plain = name == "decrypt"
    store = Conversations(keys.store_path(), Plain() if plain else sealed())
    assert TEXT in store.exchanges("c")[0].question
    assert not store.erasing
    store.close()
    assert keys.exists() != plain
    if not plain:
        assert len(keys.read().keys) == 1
        assert not any(TEXT.encode() in path.read_bytes() for path in config.home().iterdir())


def sealed() -> Sealed:
    return Sealed(keys.unwrap(keys.read(), None))


if __name__ == "__main__":
    main(sys.argv[1])
