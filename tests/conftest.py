"""Every test lives in a data folder of its own; hosts and models come from the fixtures here."""

from __future__ import annotations

import json
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from codeassist_jupyter import config
from codeassist_jupyter.config import Settings
from codeassist_jupyter.host import launcher
from codeassist_jupyter.host.app import create_app
from codeassist_jupyter.host.client import HostClient
from codeassist_jupyter.host.endpoint import Endpoint
from codeassist_jupyter.host.pool import EnginePool
from codeassist_jupyter.models import catalogue, download

# Models are fetched once into the real folder; read before any test moves the data folder away.
REAL_MODELS = config.load().models_path

# As in the host: an engine's idle threads must not burn the cores that the tests need.
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

Script = Callable[[list[dict[str, Any]]], None]
Serve = Callable[[Settings], AbstractContextManager[Endpoint]]


def _clear_settings(patch: pytest.MonkeyPatch) -> None:
    for name in config.NAMES:
        patch.delenv(f"CODEASSIST_{name.upper()}", raising=False)
    patch.setenv("CODEASSIST_MODELS_DIR", str(REAL_MODELS))


def _stop_host() -> None:
    launcher.stop_host(patience_s=3.0)
    shutil.rmtree(config.runtime_dir(), ignore_errors=True)


@pytest.fixture(autouse=True)
def codeassist_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Move all our data into the test's own folder; a host started there ends with the test."""
    home = tmp_path / "codeassist"
    home.mkdir()
    _clear_settings(monkeypatch)
    monkeypatch.setenv("CODEASSIST_HOME", str(home))
    yield home
    monkeypatch.setenv("CODEASSIST_HOME", str(home))
    if config.runtime_dir().exists():
        _stop_host()


@pytest.fixture(scope="session")
def echo_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder whose host answers with the echo engine; shared, as starting one takes time."""
    home = tmp_path_factory.mktemp("echo-home")
    script = home / "script.json"
    script.write_text("[]")
    # JSON strings are TOML strings too
    (home / "config.toml").write_text(
        f'engine = "echo"\necho_script = {json.dumps(str(script))}\nstall_timeout_s = 10.0\n'
    )
    yield home
    with pytest.MonkeyPatch.context() as patch:
        _clear_settings(patch)
        patch.setenv("CODEASSIST_HOME", str(home))
        _stop_host()


@pytest.fixture
def echo(echo_home: Path, codeassist_home: Path, monkeypatch: pytest.MonkeyPatch) -> Script:
    """Make this test use the shared echo host; call it with rules to script the answers."""
    monkeypatch.setenv("CODEASSIST_HOME", str(echo_home))

    def script(rules: list[dict[str, Any]]) -> None:
        part = echo_home / "script.part"
        part.write_text(json.dumps(rules))
        os.replace(part, echo_home / "script.json")

    script([])
    return script


@pytest.fixture
def host(echo: Script) -> Endpoint:
    """A running echo host."""
    return launcher.ensure_host(config.load())


@pytest.fixture
def client(echo: Script) -> Iterator[HostClient]:
    """A client of the shared echo host, over its real socket."""
    client = HostClient(config.load())
    yield client
    client.close()


@pytest.fixture(scope="session")
def serve() -> Serve:
    """Serve the app from a thread of this process on a loopback port: no process to wait for."""

    @contextmanager
    def serving(settings: Settings) -> Iterator[Endpoint]:
        app = create_app("the-key", EnginePool(lambda: settings))
        server = uvicorn.Server(uvicorn.Config(app, http="h11", loop="asyncio", log_config=None))
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
            thread.start()
            try:
                yield Endpoint(os.getpid(), "", "the-key", port=listener.getsockname()[1])
            finally:
                server.should_exit = True
                thread.join()

    return serving


@pytest.fixture(scope="session")
def smollm() -> str:
    """The name of the small test model, fetched and verified on first use."""
    model = catalogue.find("smollm2-135m")
    download.fetch(model, REAL_MODELS)
    return model.name
