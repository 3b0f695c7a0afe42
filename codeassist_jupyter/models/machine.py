"""What this machine has, which model suits it, and how fast models were measured to run here.

Does not run a model; `codeassist setup` measures and stores the speed here.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .. import config
from ..types import Speed
from . import files
from .catalogue import Model, all_models, readable

# Load only if this much more than the estimate is free: other programs grow too.
HEADROOM = 1.25
RESERVE_BYTES = 1_000_000_000
# Limits at and above this mean "no limit" in cgroup v1.
NO_LIMIT = 1 << 60


@dataclass(frozen=True, slots=True)
class Gpu:
    """A graphics processor of kind "cuda" or "metal"; `free_bytes` is memory for models.

    `usable` says whether the installed engine was built for it.
    """

    kind: str
    name: str
    free_bytes: int
    usable: bool = False


@dataclass(frozen=True, slots=True)
class Machine:
    """Memory and disk in bytes; cores that this process may use.

    `available_bytes` heeds a cgroup limit, which is `memory_limit` (None: no limit).
    """

    cpu: str
    physical_cores: int
    logical_cores: int
    total_bytes: int
    available_bytes: int
    memory_limit: int | None
    disk_free_bytes: int
    gpu: Gpu | None


@dataclass(frozen=True, slots=True)
class Limits:
    """What the cgroups of this process allow; None means no limit."""

    memory_bytes: int | None = None
    memory_used: int = 0
    cpus: float | None = None


def inspect(models_path: Path) -> Machine:
    """Look at memory, cores, the disk of `models_path` and the GPU."""
    import psutil

    memory = psutil.virtual_memory()
    limits = read_limits()
    available = memory.available
    if limits.memory_bytes is not None:
        available = min(available, max(limits.memory_bytes - limits.memory_used, 0))
    physical, logical = _cores(limits.cpus)
    return Machine(
        cpu=_cpu_name(),
        physical_cores=physical,
        logical_cores=logical,
        total_bytes=memory.total,
        available_bytes=available,
        memory_limit=limits.memory_bytes,
        disk_free_bytes=shutil.disk_usage(_existing(models_path)).free,
        gpu=_gpu(memory.total),
    )


def fits(model: Model, memory_bytes: int) -> bool:
    """Whether a model can be loaded into this much free memory, with room to spare."""
    return memory_bytes >= HEADROOM * model.min_ram_bytes + RESERVE_BYTES


def recommend(machine: Machine, models_path: Path) -> tuple[Model, str]:
    """The largest recommended model that suits this machine, and why, in a sentence.

    Never one that commercial users may not use. `gpu_engine`: the installed engine can use a GPU.
    The smallest one is the answer where even that does not fit; the reason then says so.
    """
    tiers = sorted(
        (m for m in all_models() if m.recommended and m.commercial), key=lambda m: m.min_ram_bytes
    )
    gpu = machine.gpu
    if gpu is not None and gpu.usable:
        on_gpu = [m for m in tiers if fits(m, gpu.free_bytes) and _room(m, machine, models_path)]
        if on_gpu:
            return on_gpu[-1], f"it fits into the {readable(gpu.free_bytes)} of {gpu.name}"
    cores, memory = machine.physical_cores, machine.available_bytes
    suited = [m for m in tiers if fits(m, memory) and _fluent(m, cores)]
    stored = [m for m in suited if _room(m, machine, models_path)]
    have = f"{cores} core{'s' * (cores != 1)} and {readable(memory)} of free memory"
    if gpu is not None and not gpu.usable:
        have += f"; {gpu.name} stays unused, as the installed engine was not built for it"
    if not stored:
        short = "disk" if suited else "memory"
        return tiers[0], f"it is the smallest, and the {short} is short here: {have}"
    if stored[-1] is not suited[-1]:
        return stored[-1], f"the disk has no room for {suited[-1].name}: {have}"
    return stored[-1], f"it is the largest that answers fluently with {have}"


def save_speed(model_id: str, speed: Speed) -> None:
    """Remember how fast a model runs on this machine."""
    speeds = _speeds()
    speeds.setdefault(_fingerprint(), {})[model_id] = asdict(speed)
    files.write_text(_speed_file(), json.dumps(speeds, indent=1) + "\n")


def load_speed(model_id: str) -> Speed | None:
    """What set-up measured for this model on this very machine, None if it did not."""
    try:
        found = _speeds()[_fingerprint()][model_id]
        return Speed(
            float(found["prefill_tokens_per_s"]),
            float(found["decode_tokens_per_s"]),
            int(found["prefill_threads"]),
            int(found["decode_threads"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _speed_file() -> Path:
    return config.home() / "machine.json"


def _speeds() -> dict[str, Any]:
    """Read the file; one that is damaged counts as empty: measuring again mends it."""
    try:
        speeds = json.loads(_speed_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return speeds if isinstance(speeds, dict) else {}


def _fingerprint() -> str:
    """Name this machine by what decides its speed; a home folder may be shared by several."""
    import psutil

    cores = _cores(read_limits().cpus)
    gigabytes = psutil.virtual_memory().total >> 30
    return hashlib.sha256(f"{_cpu_name()}|{cores}|{gigabytes}".encode()).hexdigest()[:16]


def _fluent(model: Model, cores: int) -> bool:
    return model.min_cpu_cores is not None and model.min_cpu_cores <= cores


def _room(model: Model, machine: Machine, models_path: Path) -> bool:
    here = sum(
        path.stat().st_size
        for file in model.files
        for path in (models_path / file.path, models_path / f"{file.path}.part")
        if path.exists()
    )
    return machine.disk_free_bytes >= model.size - here + RESERVE_BYTES


def _existing(path: Path) -> Path:
    """The path, or its nearest parent that exists."""
    return next(folder for folder in (path, *path.absolute().parents) if folder.exists())


def read_limits(
    membership: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")
) -> Limits:
    """Read the tightest memory and CPU limits of our cgroups, version 1 or 2; none off Linux."""
    try:
        lines = membership.read_text(encoding="utf-8").splitlines()
    except OSError:
        return Limits()
    memory, used, cpus = None, 0, None
    for line in lines:
        _, controllers, path = line.split(":", 2)
        for folder in _groups(root, controllers, path):
            limit = _limit(folder)
            if limit is not None and (memory is None or limit < memory):
                memory, used = limit, _used(folder)
            quota = _quota(folder)
            if quota is not None:
                cpus = min(quota, cpus) if cpus is not None else quota
    return Limits(memory, used, cpus)


def _groups(root: Path, controllers: str, path: str) -> list[Path]:
    """Folders of a cgroup and its parents, innermost first.

    In a container the inner path may not exist; its limits are then at the root.
    """
    names = controllers.split(",") if controllers else ["", "unified"]
    folders = []
    for name in [controllers, *names] if controllers else names:
        base = root / name
        inner = base / path.lstrip("/")
        while inner != base and base in inner.parents:
            folders.append(inner)
            inner = inner.parent
        folders.append(base)
    return list(dict.fromkeys(folders))


def _limit(folder: Path) -> int | None:
    for name in ("memory.max", "memory.limit_in_bytes"):
        text = _first_line(folder / name)
        if text.isdecimal() and int(text) < NO_LIMIT:
            return int(text)
    return None


def _used(folder: Path) -> int:
    """Bytes in use that cannot be dropped: without the cached pages of files."""
    for name in ("memory.current", "memory.usage_in_bytes"):
        text = _first_line(folder / name)
        if text.isdecimal():
            return max(int(text) - _cached(folder), 0)
    return 0


def _cached(folder: Path) -> int:
    with contextlib.suppress(OSError):
        for line in (folder / "memory.stat").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(" ")
            if name in ("inactive_file", "total_inactive_file") and value.isdecimal():
                return int(value)
    return 0


def _quota(folder: Path) -> float | None:
    quota, _, period = _first_line(folder / "cpu.max").partition(" ")
    if not quota:
        quota = _first_line(folder / "cpu.cfs_quota_us")
        period = _first_line(folder / "cpu.cfs_period_us")
    if quota.isdecimal() and period.isdecimal() and int(period):
        return int(quota) / int(period)
    return None


def _first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").partition("\n")[0].strip()
    except OSError:
        return ""


def _cores(quota: float | None) -> tuple[int, int]:
    """Physical and logical cores within the CPU affinity and the cgroup's quota."""
    import psutil

    if hasattr(os, "sched_getaffinity"):
        usable = os.sched_getaffinity(0)
        physical = _physical(usable)
        logical = len(usable)
    else:
        logical = os.cpu_count() or 1
        physical = psutil.cpu_count(logical=False) or logical
    if quota is not None:
        whole = max(int(quota), 1)
        physical, logical = min(physical, whole), min(logical, whole)
    return physical, logical


def _physical(usable: set[int]) -> int:
    """Count the cores behind these logical CPUs: siblings share one."""
    folder = Path("/sys/devices/system/cpu")
    cores = {_first_line(folder / f"cpu{n}/topology/thread_siblings_list") for n in usable}
    return len(usable) if "" in cores else len(cores)


def _cpu_name() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _gpu(total_bytes: int) -> Gpu | None:
    if sys.platform == "darwin" and platform.machine() == "arm64":
        # Metal lets one process use about three quarters of the shared memory.
        return Gpu("metal", "Apple GPU", total_bytes * 3 // 4, _engine_has("metal"))
    return _nvidia()


def _engine_has(kind: str) -> bool:
    """Whether the engine's package brings llama.cpp's library for this kind of GPU.

    Its files tell; loading it would put native code into this process.
    """
    try:
        found = importlib.metadata.files("llama-cpp-python") or []
    except importlib.metadata.PackageNotFoundError:
        return False
    return any(f"ggml-{kind}." in file.name for file in found)


def _nvidia() -> Gpu | None:
    """Ask nvidia-smi for the GPU with the most free memory; None without one."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return None
    query = [command, "--query-gpu=name,memory.free", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    gpus = []
    for line in answer.stdout.splitlines():
        name, _, free = line.rpartition(",")
        if free.strip().isdecimal():
            gpus.append(Gpu("cuda", name.strip(), int(free) << 20, _engine_has("cuda")))
    return max(gpus, key=lambda gpu: gpu.free_bytes, default=None)
