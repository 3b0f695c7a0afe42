"""With encryption on, words that go through every feature stand in no file: a byte search.

A real kernel and a real host, both with data, runtime, cache and temporary folders of their own.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from file_keyring import FileKeyring
from front_end import FrontEnd

from codeassist_jupyter import config
from codeassist_jupyter.errors import IndexFailed
from codeassist_jupyter.host import index_home, launcher
from codeassist_jupyter.host.client import HostClient
from codeassist_jupyter.host.memory_client import MemoryClient
from codeassist_jupyter.memory import keys
from codeassist_jupyter.memory.conversations import Conversations

# One per way in, so that a failure names the leak.
QUESTION, ANSWER, VARIABLE = "zqcanaryquestion", "zqcanaryanswer", "zqcanaryvariable"
CUT, ERROR, SOURCE, TRIED = "zqcanarycut", "zqcanaryerror", "zqcanarysource", "zqcanarytried"
EVERY = [QUESTION, ANSWER, VARIABLE, CUT, ERROR, SOURCE, TRIED]
RULES = [
    {"match": "slowly", "answer": f"{CUT} " * 300, "delay_s": 0.02},
    {"match": "failing", "answer": "", "fail": {"code": "EngineError", "message": ERROR}},
    {"match": QUESTION, "answer": f"Use this.\n\n```python\n{ANSWER} = 'a value'\n```\n"},
    {"match": TRIED, "answer": f"```python\n{TRIED} = 1\nprint({TRIED})\n```"},
]


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """The folders that may hold none of it; our processes have no others to write to."""
    names = ("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "TMPDIR", "MPLCONFIGDIR")
    folders = [tmp_path / name.lower() for name in names]
    # A socket's path must be short.
    folders.append(Path(tempfile.mkdtemp(prefix="ca")))
    for name, folder in zip((*names, "XDG_RUNTIME_DIR"), folders, strict=True):
        folder.mkdir(exist_ok=True)
        monkeypatch.setenv(name, str(folder))
    # What IPython itself keeps of the cells is the user's own record.
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("TEST_KEYRING", str(tmp_path / "keyring.json"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "file_keyring.FileKeyring")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
    monkeypatch.setenv("CODEASSIST_ENGINE", "echo")
    script = tmp_path / "script.json"
    script.write_text(json.dumps(RULES))
    monkeypatch.setenv("CODEASSIST_ECHO_SCRIPT", str(script))
    monkeypatch.setenv("CODEASSIST_ENCRYPTION", "keyring")
    before = keyring.get_keyring()
    keyring.set_keyring(FileKeyring())
    yield [config.home(), *folders]
    keyring.set_keyring(before)
    launcher.stop_host()
    shutil.rmtree(folders[-1], ignore_errors=True)


@pytest.fixture
def kernel(places: list[Path], tmp_path: Path) -> Iterator[FrontEnd]:
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text("[project]\nname = 'shop'\n")
    (project / "clean.py").write_text(f'def tidy_names():\n    """{SOURCE} is done here."""\n')
    front_end = FrontEnd(project)
    front_end.run("%load_ext codeassist_jupyter")
    yield front_end
    front_end.close()


def test_no_file_holds_what_went_through_every_feature(
    kernel: FrontEnd, places: list[Path]
) -> None:
    use_everything(kernel)
    assert leaks(places) == []  # while all of it is in use
    client = HostClient(config.load())
    memory = MemoryClient(client)
    found = memory.search(QUESTION)
    assert ANSWER in found[0].exchange.answer
    assert memory.snippets(ANSWER)[0].code.startswith(ANSWER)
    client.close()
    assert in_memory()
    assert launcher.stop_host()
    assert not in_memory()
    assert leaks(places) == []
    cipher = keys.open_cipher(config.load())
    store = Conversations(keys.store_path(), cipher)
    told = json.dumps(list(store.export()))
    store.close()
    assert all(word in told for word in (QUESTION, ANSWER, CUT))
    assert leaks(places) == []


def use_everything(kernel: FrontEnd) -> None:
    """Each command must have worked: what fails early writes nothing."""
    kernel.run(f"{VARIABLE} = '{VARIABLE}'")
    asked = kernel.run(f"%%assist\nwhat is {QUESTION}?")
    assert ANSWER in asked.markdown
    stopped = kernel.run("%%assist\nslowly, please", kernel.interrupt_after(0.5))
    assert CUT in stopped.markdown
    kernel.run("%%assist\nthe failing one")
    kernel.run(f"raise RuntimeError('{ERROR}')")
    kernel.run(f"%assist explain {VARIABLE}")
    kernel.run(f"1 / len('') + {TRIED!r}")
    kernel.run("%assist fix")
    assert "clean.py" in kernel.run(f"%assist search {SOURCE}").printed
    for command in (f"history search {QUESTION}", "history", "snippets", "metrics", "context"):
        shown = kernel.run(f"%assist {command}")
        assert shown.status == "ok", shown.error


def leaks(places: list[Path]) -> list[str]:
    """Each file that holds one of the words, in any common writing, with that word."""
    found = []
    for path in (path for place in places for path in place.rglob("*") if path.is_file()):
        data = path.read_bytes().lower()
        found += [f"{word} in {path}" for word in EVERY if written(word, data)]
    return found


def written(word: str, data: bytes) -> bool:
    return word.encode() in data or word.encode("utf-16-le") in data


def in_memory() -> list[Path]:
    """The index's folder outside of every disk."""
    return list(Path("/dev/shm").glob(config.runtime_dir().name))


def test_the_search_finds_a_leak(places: list[Path]) -> None:
    assert leaks(places) == []
    (places[1] / "deep").mkdir()
    (places[1] / "deep" / "file").write_bytes(b"\0" + ERROR.upper().encode())
    assert leaks(places) == [f"{ERROR} in {places[1] / 'deep' / 'file'}"]


def test_without_a_folder_in_memory_there_is_no_index(
    places: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_home, "_MEMORY", tmp_path)  # on a disk, or on none we know of
    with pytest.raises(IndexFailed, match="not indexed"):
        index_home.index_home()
    assert list(tmp_path.glob("codeassist-*")) == []


def test_a_host_removes_what_a_killed_one_left(places: list[Path]) -> None:
    left = index_home.index_home()
    (left / "words").write_text(SOURCE)
    assert left.stat().st_mode & 0o777 == 0o700
    plain = config.home() / "index"
    plain.mkdir()
    (plain / "words").write_text(SOURCE)
    launcher.ensure_host(config.load())
    assert not left.exists()
    assert not plain.exists()
    assert leaks(places) == []


def test_a_folder_in_memory_that_is_not_ours_is_not_used(
    places: list[Path], tmp_path: Path
) -> None:
    folder = Path("/dev/shm") / config.runtime_dir().name
    folder.symlink_to(tmp_path)
    try:
        with pytest.raises(IndexFailed, match="not belong"):
            index_home.index_home()
    finally:
        folder.unlink()
