"""Which engines are open, and when one is closed or replaced."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from conftest import REAL_MODELS

from codeassist_jupyter.config import Settings
from codeassist_jupyter.errors import ConfigError, ModelMissing, ModelUnknown, ModelUnusable
from codeassist_jupyter.host.pool import EnginePool
from codeassist_jupyter.models import catalogue
from codeassist_jupyter.types import Done, Message, Prompt, Request, Sampling

ECHO = Settings(engine="echo")


def test_an_engine_is_opened_once_and_shared() -> None:
    pool = EnginePool(lambda: ECHO)
    assert pool.engines() == []
    with pool.lease(None, None) as first, pool.lease("echo", "whatever") as second:
        assert first is second
    assert pool.engines() == [first]


def test_changed_settings_open_another_engine() -> None:
    settings = [ECHO]
    pool = EnginePool(lambda: settings[0])
    with pool.lease(None, None) as first:
        settings[0] = Settings(engine="echo", context_length=1000)
        with pool.lease(None, None) as second:
            assert second.abilities.context_length == 1000
            assert pool.engines()[0] is not pool.engines()[1]  # the first is still in use
    assert first is not second
    assert pool.engines() == [second]


def test_what_is_idle_is_unloaded_and_what_is_used_is_not() -> None:
    pool = EnginePool(lambda: ECHO)
    with pool.lease(None, None):
        pool.unload_idle(0)
        assert len(pool.engines()) == 1
    pool.unload_idle(60)
    assert len(pool.engines()) == 1
    pool.unload_idle(0)
    assert pool.engines() == []


def test_closing_waits_for_the_last_user() -> None:
    pool = EnginePool(lambda: ECHO)
    with pool.lease(None, None):
        pool.close()
        assert len(pool.engines()) == 1
    assert pool.engines() == []


def test_many_threads_open_one_engine() -> None:
    pool = EnginePool(lambda: ECHO)
    gate = threading.Barrier(16)
    found = []

    def lease() -> None:
        gate.wait()
        with pool.lease(None, None) as engine:
            found.append(engine)

    threads = [threading.Thread(target=lease) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert {id(engine) for engine in found} == {id(pool.engines()[0])}


def test_what_cannot_be_opened_is_said(tmp_path: Path) -> None:
    pool = EnginePool(lambda: Settings(models_dir=str(tmp_path)))
    for engine, model, error in (
        ("nothing", None, ConfigError),
        ("openai", None, ConfigError),
        ("llama_cpp", "no-such-model", ModelUnknown),
        (None, None, ModelMissing),
    ):
        with pytest.raises(error), pool.lease(engine, model):
            pass
    assert pool.engines() == []
    assert not pool.loading


@pytest.fixture
def local(smollm: str) -> Settings:
    return Settings(model=smollm, models_dir=str(REAL_MODELS), context_length=512)


@pytest.mark.model
def test_a_model_that_does_not_load_leaves_the_old_one(local: Settings, tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.gguf"
    garbage.write_bytes(b"GGUF" + b"\xff" * 5000)
    name = catalogue.import_file(garbage).name
    pool = EnginePool(lambda: local)
    with pool.lease(None, None) as engine:
        pass
    with pytest.raises(ModelUnusable), pool.lease(None, name):
        pass
    assert pool.engines() == [engine]
    with pool.lease(None, None) as again:
        request = Request(Prompt((Message("user", "Hello"),)), Sampling(max_tokens=2))
        assert isinstance(list(again.generate(request))[-1], Done)
    pool.close()


@pytest.mark.model
def test_too_little_memory_is_said_before_anything_is_loaded(local: Settings) -> None:
    pool = EnginePool(lambda: local, free_memory=lambda _: 10_000_000)
    with pytest.raises(ModelUnusable, match=r"only 10 MB are free"), pool.lease(None, None):
        pass
    assert pool.engines() == []


@pytest.mark.model
def test_where_two_models_do_not_fit_the_old_one_goes_first(local: Settings, smollm: str) -> None:
    needed = catalogue.find(smollm).min_ram_bytes
    room = int(needed * 1.5) + 1_000_000_000
    settings = [local]
    pool = EnginePool(lambda: settings[0], lambda _: room - needed * len(pool.engines()))
    used, done = threading.Event(), threading.Event()

    def use() -> None:
        with pool.lease(None, None):
            used.set()
            done.wait(30)

    user = threading.Thread(target=use)
    user.start()
    assert used.wait(30)
    old = pool.engines()[0]
    settings[0] = Settings(model=smollm, models_dir=str(REAL_MODELS), context_length=256)
    opened = []

    def switch() -> None:
        with pool.lease(None, None) as engine:
            opened.append(engine)

    switcher = threading.Thread(target=switch)
    switcher.start()
    time.sleep(0.2)
    assert pool.engines() == [old]  # nothing is taken from who uses it
    done.set()
    user.join()
    switcher.join()
    assert pool.engines() == opened
    assert opened[0].abilities.context_length == 256
    pool.close()
