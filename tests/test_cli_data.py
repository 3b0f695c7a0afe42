"""`codeassist keys` and `codeassist data` as a user types them, with a real host."""

from __future__ import annotations

import getpass
import io
import json
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from file_keyring import FileKeyring
from keyring.backends import fail

from codeassist_jupyter import config
from codeassist_jupyter.cli import config_file, main, setup
from codeassist_jupyter.errors import MemoryLocked
from codeassist_jupyter.host.client import HostClient
from codeassist_jupyter.host.memory_client import MemoryClient
from codeassist_jupyter.memory import keys
from codeassist_jupyter.memory.conversations import Conversations
from codeassist_jupyter.memory.crypto import Plain
from codeassist_jupyter.types import Exchange

WORDS = "correct horse battery"
SECRET = "the canary sang at dawn"
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def os_ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A key ring that this process and the host share."""
    monkeypatch.setenv("TEST_KEYRING", str(tmp_path / "keyring.json"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "file_keyring.FileKeyring")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
    monkeypatch.delenv(keys.PASSPHRASE, raising=False)
    monkeypatch.setenv("CODEASSIST_ENGINE", "echo")
    before = keyring.get_keyring()
    keyring.set_keyring(FileKeyring())
    yield
    keyring.set_keyring(before)


@pytest.fixture
def memory() -> Iterator[MemoryClient]:
    client = HostClient(config.load())
    yield MemoryClient(client)
    client.close()


def ask(memory: MemoryClient) -> str:
    conversation = memory.begin("/project", "a.ipynb").id
    memory.save(conversation, Exchange(f"where? {SECRET}", f"```python\nprint('{SECRET}')\n```"))
    return conversation


def write() -> str:
    """As `ask`, but before there is any host; they take a while to start."""
    store = Conversations(keys.store_path(), Plain())
    store.begin("c", "/project", "a.ipynb")
    store.save("c", Exchange(f"where? {SECRET}", f"```python\nprint('{SECRET}')\n```"))
    store.close()
    return "c"


class Terminal(io.StringIO):
    """A standard input that somebody types into."""

    def isatty(self) -> bool:
        return True


def type_in(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    text = "".join(f"{line}\n" for line in lines)
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def hits() -> list[Path]:
    wanted = SECRET.encode()
    files = (path for path in config.home().rglob("*") if path.is_file())
    return [path for path in files if wanted in path.read_bytes()]


def test_encrypt_with_the_key_ring_and_decrypt_again(memory: MemoryClient, capsys: Capture) -> None:
    conversation = write()
    assert hits()
    assert main(["keys", "encrypt"]) == 0
    assert hits() == []
    assert memory.exchanges(conversation)[0].question == f"where? {SECRET}"
    assert memory.state()["encrypted"]
    assert main(["keys", "rotate"]) == 0
    assert main(["keys", "status"]) == 0
    assert "key:        number 2" in capsys.readouterr().out
    assert main(["keys", "decrypt", "--yes"]) == 0
    assert memory.exchanges(conversation)[0].question == f"where? {SECRET}"
    assert not memory.state()["encrypted"]
    assert not keys.exists()


def test_a_passphrase_locks_until_it_is_given(
    memory: MemoryClient, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    conversation = write()
    type_in(monkeypatch, WORDS)
    assert main(["keys", "encrypt", "--with", "passphrase"]) == 0
    assert hits() == []
    with pytest.raises(MemoryLocked, match="locked"):
        memory.exchanges(conversation)
    with pytest.raises(MemoryLocked, match="does not open"):
        memory.unlock("not this one")
    memory.unlock(WORDS)
    assert memory.exchanges(conversation)[0].question == f"where? {SECRET}"
    type_in(monkeypatch, WORDS, "another passphrase")
    assert main(["keys", "change-passphrase"]) == 0
    type_in(monkeypatch, WORDS)
    assert main(["keys", "rotate"]) == 1
    assert "does not open" in capsys.readouterr().err
    type_in(monkeypatch, "another passphrase")
    assert main(["keys", "decrypt", "--yes"]) == 0
    assert hits()


def test_the_host_takes_the_passphrase_from_its_environment(
    memory: MemoryClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    type_in(monkeypatch, WORDS)
    assert main(["keys", "encrypt", "--with", "passphrase"]) == 0
    monkeypatch.setenv(keys.PASSPHRASE, WORDS)
    conversation = ask(memory)
    assert memory.exchanges(conversation)[0].question == f"where? {SECRET}"
    assert hits() == []


def test_without_a_key_ring_nothing_is_kept(
    memory: MemoryClient, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    config_file.put("encryption", "keyring")
    with pytest.raises(MemoryLocked, match="no key ring"):
        memory.begin("/project", "a.ipynb")
    assert hits() == []
    keyring.set_keyring(fail.Keyring())
    assert main(["keys", "encrypt", "--with", "keyring"]) == 1
    assert "no key ring" in capsys.readouterr().err
    assert not keys.exists()


@pytest.mark.parametrize(
    ("arguments", "typed", "words"),
    [
        (["keys", "rotate"], [], "is not there"),
        (["keys", "change-passphrase"], [], "is not there"),
        (["keys", "decrypt"], [], "no terminal"),
        (["keys", "encrypt", "--with", "passphrase"], [], "no passphrase"),
        (["keys", "encrypt", "--with", "passphrase"], ["short"], "fewer than 8"),
        (["data", "import", "missing.jsonl"], [], "cannot read"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_hint(
    arguments: list[str],
    typed: list[str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
) -> None:
    type_in(monkeypatch, *typed)
    assert main(arguments) == 1
    assert words in capsys.readouterr().err
    assert not keys.exists()
    assert config.load().encryption == "off"


def test_export_and_import_carry_conversations_to_another_home(
    memory: MemoryClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    conversation = ask(memory)
    file = tmp_path / "out.jsonl"
    assert main(["data", "export", str(file)]) == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert SECRET in file.read_text(encoding="utf-8")
    assert all(json.loads(line) for line in file.read_text(encoding="utf-8").splitlines())
    assert main(["data", "export", str(file)]) == 1
    assert "exists already" in capsys.readouterr().err
    assert main(["data", "erase", "--yes"]) == 0
    assert hits() == []
    assert memory.conversations() == ()
    for expected in ("1 answers", "0 answers"):
        assert main(["data", "import", str(file)]) == 0
        assert capsys.readouterr().out.splitlines()[-1].startswith(expected)
    assert memory.exchanges(conversation)[0].question == f"where? {SECRET}"


def test_erase_names_what_goes_and_keeps_models_and_settings(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    write()
    assert main(["keys", "encrypt"]) == 0
    config_file.put("format", "text")
    type_in(monkeypatch)
    assert main(["data", "erase"]) == 1
    out, err = capsys.readouterr()
    assert str(keys.store_path()) in out and "no terminal" in err
    assert keys.exists()
    assert main(["data", "where"]) == 0
    assert str(keys.path()) in capsys.readouterr().out
    assert main(["data", "size"]) == 0
    assert "in all" in capsys.readouterr().out
    assert main(["data", "erase", "--yes"]) == 0
    assert {path.name for path in config.home().iterdir()} <= {"config.toml", "fence.key"}
    assert json.loads(Path(os.environ["TEST_KEYRING"]).read_text()) == {}
    assert config.load().format == "text"
    assert main(["data", "erase", "--yes"]) == 0
    assert "nothing to erase" in capsys.readouterr().out


@pytest.mark.parametrize(("typed", "encryption"), [("y", "keyring"), ("", "off"), ("n", "off")])
def test_set_up_asks_once_whether_to_encrypt(
    typed: str, encryption: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(f"{typed}\n"))
    setup.offer_encryption(config.load())
    assert config.load().encryption == encryption
    assert keys.exists() == (encryption != "off")
    if keys.exists():
        capsys.readouterr()
        setup.offer_encryption(config.load())
        assert capsys.readouterr().out == ""


def test_a_new_passphrase_is_asked_for_twice(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal())
    typed = iter([WORDS, WORDS + "?", WORDS, WORDS])
    monkeypatch.setattr(getpass, "getpass", lambda _: next(typed))
    assert main(["keys", "encrypt", "--with", "passphrase"]) == 1
    assert "not the same" in capsys.readouterr().err
    assert not keys.exists()
    assert main(["keys", "encrypt", "--with", "passphrase"]) == 0
    assert keys.read().wrapper == "passphrase"
    assert main(["keys", "encrypt", "--with", "keyring"]) == 1
    assert "encrypted already" in capsys.readouterr().err


def test_a_setting_is_written_without_touching_the_others() -> None:
    file = config.config_file()
    file.write_text('# mine\nformat = "text"\nencryption = "off"\nseed = 3\n')
    config_file.put("encryption", "keyring")
    config_file.put("model", "echo")
    assert file.read_text() == (
        'model = "echo"\n# mine\nformat = "text"\nencryption = "keyring"\nseed = 3\n'
    )
