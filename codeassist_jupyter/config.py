"""Settings and where things live on disk; merges the layers in one function.

Order: defaults < config file < environment (CODEASSIST_*) < traitlets < magic argument.
"""

from __future__ import annotations

import hashlib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, get_type_hints

from .errors import ConfigError


def home() -> Path:
    """Folder of all our data: CODEASSIST_HOME, else the user data folder of the platform."""
    override = os.environ.get("CODEASSIST_HOME")
    if override:
        return Path(override).expanduser().absolute()
    import platformdirs  # not at the top: %load_ext must stay light

    return Path(platformdirs.user_data_dir("codeassist", appauthor=False))


def runtime_dir() -> Path:
    """Folder of the host's socket, lock and pid: short: a socket path has 107 bytes at most.

    One per data folder, so that two CODEASSIST_HOMEs never share a host.
    """
    import tempfile

    digest = hashlib.sha256(str(home()).encode()).hexdigest()[:12]
    base = os.environ.get("XDG_RUNTIME_DIR") or ""
    if not base or len(base) > 60 or not os.access(base, os.W_OK):
        base = tempfile.gettempdir()
        if len(base) > 60:
            base = "/tmp"
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    return Path(base) / f"codeassist-{user}-{digest}"


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting; `origin` says which layer a value that is not a default came from."""

    model: str = "qwen2.5-coder-1.5b"
    engine: str = "llama_cpp"
    context_length: int = 8192
    max_tokens: int = 1024
    temperature: float = 0.0
    seed: int = 0
    format: str = "markdown"
    latency_budget_s: float = 20.0
    keep_history: str = "on"
    history_turns: int = 20
    history_days: float = 0.0
    models_dir: str = ""
    mirror: str = ""
    openai_base_url: str = ""
    openai_model: str = ""
    openai_api_key: str = field(default="", repr=False)
    echo_script: str = ""
    hints: str = "on"
    encoder: str = ""
    encryption: str = "off"
    host_idle_exit_s: float = 4 * 3600.0
    host_idle_unload_s: float = 30 * 60.0
    stall_timeout_s: float = 30.0
    origin: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    @property
    def models_path(self) -> Path:
        return Path(self.models_dir).expanduser() if self.models_dir else home() / "models"


NAMES = tuple(f.name for f in fields(Settings) if f.name != "origin")
ENGINES = ("llama_cpp", "openai", "echo")
FORMATS = ("markdown", "text", "code", "json")
ENCRYPTIONS = ("off", "on", "keyring", "passphrase")  # on: whichever this machine can do


def config_file() -> Path:
    return home() / "config.toml"


def load(
    overrides: Mapping[str, Any] | None = None,
    traits: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Merge all layers into one Settings; a None in `overrides` or `traits` means "not given".

    Raises ConfigError for an unknown name in the file and for a value of the wrong type or range.
    """
    environ = os.environ if environ is None else environ
    layers: list[tuple[str, Mapping[str, Any]]] = [
        (str(config_file()), _read_file(config_file())),
        ("environment", _from_environ(environ)),
        ("traitlets", traits or {}),
        ("argument", overrides or {}),
    ]
    values: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for layer, given in layers:
        for name, raw in given.items():
            if raw is None:
                continue
            if name not in NAMES:
                raise ConfigError(f"unknown setting {name!r} in {layer}")
            values[name] = _convert(name, raw, layer)
            origin[name] = layer
    return _checked(replace(Settings(), **values, origin=origin))


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise ConfigError(f"cannot read {path}: {exc}", "Correct the file or remove it.") from exc


def _from_environ(environ: Mapping[str, str]) -> dict[str, str]:
    names = {f"CODEASSIST_{name.upper()}": name for name in NAMES}
    return {names[key]: value for key, value in environ.items() if key in names and value != ""}


def _convert(name: str, raw: Any, layer: str) -> Any:
    wanted = get_type_hints(Settings)[name]
    try:
        if isinstance(raw, bool) or (wanted is str and not isinstance(raw, str)):
            raise ValueError(raw)
        return wanted(raw)
    except (TypeError, ValueError) as exc:
        raise ConfigError(
            f"setting {name!r} from {layer} must be {wanted.__name__}, not {raw!r}"
        ) from exc


def _checked(settings: Settings) -> Settings:
    bounds = {
        "context_length": (256, 1_048_576),
        "max_tokens": (1, 131_072),
        "temperature": (0.0, 2.0),
        "seed": (0, 2**32 - 1),
        "latency_budget_s": (0.5, 3600.0),
        "history_turns": (0, 1000),
        "history_days": (0.0, 36_500.0),
        "host_idle_exit_s": (1.0, 1e9),
        "host_idle_unload_s": (1.0, 1e9),
        "stall_timeout_s": (1.0, 1e6),
    }
    for name, (low, high) in bounds.items():
        value = getattr(settings, name)
        if not low <= value <= high:  # also refuses NaN
            raise ConfigError(f"setting {name!r} must be between {low} and {high}, not {value}")
    if settings.engine not in ENGINES:
        raise ConfigError(f"unknown engine {settings.engine!r}", f"One of: {', '.join(ENGINES)}.")
    if settings.format not in FORMATS:
        raise ConfigError(f"unknown format {settings.format!r}", f"One of: {', '.join(FORMATS)}.")
    if settings.hints not in ("on", "off"):
        raise ConfigError(f"hints is on or off, not {settings.hints!r}")
    if settings.keep_history not in ("on", "off"):
        raise ConfigError(f"keep_history is on or off, not {settings.keep_history!r}")
    if settings.encryption not in ENCRYPTIONS:
        names = ", ".join(ENCRYPTIONS)
        raise ConfigError(f"unknown encryption {settings.encryption!r}", f"One of: {names}.")
    return settings
