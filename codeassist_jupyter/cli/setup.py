"""`codeassist setup`: look at the machine, choose a model, fetch it, measure it, sum up."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .. import config
from ..errors import CodeAssistError, DownloadError, UsageError
from ..models import catalogue, download, machine
from ..models.catalogue import Model, readable
from ..models.machine import Machine
from ..types import Speed
from . import config_file, keys
from .models import add_source_option, fetch_with_bar

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def add(subparsers: _SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `setup`."""
    parser = subparsers.add_parser(
        "setup", help="choose, fetch and measure a model for this machine"
    )
    parser.add_argument("--yes", action="store_true", help="ask nothing, take what is recommended")
    parser.add_argument(
        "--model", default="", metavar="NAME", help="instead of the recommended one"
    )
    add_source_option(parser)
    parser.set_defaults(func=_setup)


def _setup(args: argparse.Namespace) -> int:
    settings = config.load()
    found = machine.inspect(settings.models_path)
    _show_machine(found, settings.models_path)
    model = _choose(args.model, found, settings.models_path)
    if not args.yes and sys.stdin.isatty() and not _agreed(model, settings.models_path):
        print("nothing fetched; `codeassist setup --model NAME` takes another model")
        return 0
    _fetch_and_measure(model, settings, args.source)
    _fetch_encoders(settings, args.source)
    _make_default(model, settings)
    if not args.yes:
        offer_encryption(settings)
    print("\nReady. Next: `codeassist demo`, or in a notebook: %load_ext codeassist_jupyter")
    return 0


def ensure(settings: config.Settings, source: download.Source = "auto") -> None:
    """Fetch and measure the models of these settings, as far as that was not done before."""
    model = catalogue.find(settings.model)
    if (
        catalogue.installed(model.id, settings.models_path) is None
        or machine.load_speed(model.id) is None
    ):
        _fetch_and_measure(model, settings, source)
    _fetch_encoders(settings, source)


def _fetch_encoders(settings: config.Settings, source: download.Source) -> None:
    """Fetch what the index reads with, 65 MB; without it, search goes by words alone."""
    for choices in (catalogue.STATIC_ENCODERS, (catalogue.ENCODER,)):
        if any(catalogue.installed(name, settings.models_path) for name in choices):
            continue
        for name in choices:
            try:
                path = fetch_with_bar(catalogue.find(name), settings, source).path
            except DownloadError as exc:
                print(f"  {name} was not fetched: {exc.message}", file=sys.stderr)
            else:
                print(f"Search:   {name}, verified, in {path.parent}")
                break


def _fetch_and_measure(model: Model, settings: config.Settings, source: download.Source) -> None:
    path = fetch_with_bar(model, settings, source).path
    print(f"\nModel:    {model.name}, verified, in {path}")
    speed = _measured(model, path, machine.inspect(settings.models_path))
    if speed is not None:
        print(
            f"Speed:    reads {speed.prefill_tokens_per_s:.0f} tokens/s (threads: "
            f"{speed.prefill_threads}), writes {speed.decode_tokens_per_s:.0f} tokens/s (threads: "
            f"{speed.decode_threads})"
        )


def _show_machine(found: Machine, models_path: Path) -> None:
    limit = ""
    if found.memory_limit is not None:
        limit = f", limited to {readable(found.memory_limit)} by a cgroup"
    print(f"CPU:      {found.cpu}")
    print(f"Cores:    {found.physical_cores} ({found.logical_cores} logical) for this process")
    print(
        f"Memory:   {readable(found.available_bytes)} free of {readable(found.total_bytes)}{limit}"
    )
    print(f"Disk:     {readable(found.disk_free_bytes)} free for {models_path}")
    gpu = f"{found.gpu.name}, {readable(found.gpu.free_bytes)} free" if found.gpu else "none found"
    print(f"GPU:      {gpu}")


def _choose(name: str, found: Machine, models_path: Path) -> Model:
    recommended, reason = machine.recommend(found, models_path)
    print(f"\nRecommended: {recommended.name} ({readable(recommended.size)}): {reason}.")
    if not name:
        return recommended
    model = catalogue.find(name)
    if model.task != "chat":
        raise UsageError(
            f"{model.name} is not a chat model", "`codeassist models list` shows tasks."
        )
    print(f"Chosen:      {model.name} ({readable(model.size)})")
    if not machine.fits(model, found.available_bytes):
        print(
            f"  note: it needs about {readable(model.min_ram_bytes)} of memory; that is tight here"
        )
    if not model.commercial:
        print(f"  note: {model.licence}: for research only ({model.licence_url})")
    return model


def _agreed(model: Model, models_path: Path) -> bool:
    if catalogue.installed(model.id, models_path) is not None:
        return True
    answer = input(f"Fetch {model.name} ({readable(model.size)}) now? [Y/n] ")
    return answer.strip().lower() in ("", "y", "yes")


def _measured(model: Model, path: Path, found: Machine) -> Speed | None:
    """Measure once per machine; None, with the hint printed, if the engine cannot."""
    speed = machine.load_speed(model.id)
    if speed is not None:
        return speed
    print("Speed:    measuring, a minute at most", flush=True)
    try:
        from ..engine.llama_cpp import measure

        speed = measure(path, thread_choices(found))
    except CodeAssistError as exc:
        print(f"  not measured: {exc}", file=sys.stderr)
        return None
    machine.save_speed(model.id, speed)
    return speed


def thread_choices(found: Machine) -> list[int]:
    """Numbers of threads worth measuring: one per core, half of that, one less."""
    cores = found.physical_cores
    return sorted({cores, max(cores // 2, 1), max(cores - 1, 1)})


def _make_default(model: Model, settings: config.Settings) -> None:
    """Let the chosen model be the one that answers, in the settings file."""
    if catalogue.find(settings.model).id == model.id:
        return
    if settings.origin.get("model") == "environment":
        print(f"  note: CODEASSIST_MODEL={settings.model} is set and wins over {model.name}")
        return
    config_file.put("model", model.name)
    print(f"Default:  {model.name}, set in {config.config_file()}")


def offer_encryption(settings: config.Settings) -> None:
    """Ask once, at the first set-up in a terminal; off is what a plain Enter means."""
    from ..memory import keys as stored_keys

    if settings.encryption != "off" or stored_keys.exists() or not sys.stdin.isatty():
        return
    print("\nConversations are kept on this machine only. They can be encrypted as well;")
    print("indexes then live in memory, and a lost key or passphrase means lost conversations.")
    if input("Encrypt them? [y/N] ").strip().lower() in ("y", "yes"):
        keys.encrypt()
