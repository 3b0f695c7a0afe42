"""What the machine has, within its limits; which model is recommended; the stored speed."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from codeassist_jupyter.models import catalogue, machine
from codeassist_jupyter.models.machine import Gpu, Limits, Machine
from codeassist_jupyter.types import Speed

GB = 1_000_000_000
LAPTOP = Machine(
    cpu="a laptop",
    physical_cores=4,
    logical_cores=8,
    total_bytes=16 * GB,
    available_bytes=10 * GB,
    memory_limit=None,
    disk_free_bytes=100 * GB,
    gpu=None,
)
SPEED = Speed(77.5, 21.0, 2, 1)


def recommended(found: Machine, tmp_path: Path) -> tuple[str, str]:
    model, reason = machine.recommend(found, tmp_path)
    return model.name, reason


@pytest.mark.parametrize(
    ("cores", "free_gb", "name"),
    [
        (1, 4, "qwen2.5-coder-1.5b"),
        (2, 24, "qwen2.5-coder-1.5b"),
        (4, 100, "qwen2.5-coder-1.5b"),
        (8, 10, "qwen2.5-coder-7b"),
        (8, 9, "qwen2.5-coder-1.5b"),
        (16, 64, "qwen3-coder-30b-a3b"),
        (64, 20, "qwen2.5-coder-7b"),
        (2, 3, "qwen2.5-coder-0.5b"),
        (2, 1, "qwen2.5-coder-0.5b"),
    ],
)
def test_the_tier_follows_cores_and_memory(
    tmp_path: Path, cores: int, free_gb: int, name: str
) -> None:
    found = replace(LAPTOP, physical_cores=cores, available_bytes=free_gb * GB)
    assert recommended(found, tmp_path)[0] == name


def test_the_reason_says_what_was_found(tmp_path: Path) -> None:
    assert recommended(LAPTOP, tmp_path)[1] == (
        "it is the largest that answers fluently with 4 cores and 10.0 GB of free memory"
    )
    short = replace(LAPTOP, available_bytes=GB)
    assert "the memory is short" in recommended(short, tmp_path)[1]
    one = replace(LAPTOP, physical_cores=1)
    assert "1 core and" in recommended(one, tmp_path)[1]


def test_a_full_disk_asks_for_a_smaller_model(tmp_path: Path) -> None:
    large = replace(LAPTOP, physical_cores=8, disk_free_bytes=4 * GB)
    name, reason = recommended(large, tmp_path)
    assert name == "qwen2.5-coder-1.5b" and "no room for qwen2.5-coder-7b" in reason
    name, reason = recommended(replace(LAPTOP, disk_free_bytes=0), tmp_path)
    assert name == "qwen2.5-coder-0.5b" and "the disk is short" in reason


def test_what_is_on_the_disk_already_needs_no_room(tmp_path: Path) -> None:
    file = catalogue.find("qwen2.5-coder-1.5b").files[0]
    with (tmp_path / file.path).open("wb") as stream:
        stream.truncate(file.size)
    found = replace(LAPTOP, disk_free_bytes=GB)
    assert recommended(found, tmp_path)[0] == "qwen2.5-coder-1.5b"


@pytest.mark.parametrize(
    ("free_gb", "name"),
    [
        (3, "qwen2.5-coder-0.5b"),
        (12, "qwen2.5-coder-7b"),
        (24, "qwen2.5-coder-14b"),
        (80, "qwen2.5-coder-32b"),
    ],
)
def test_a_usable_gpu_decides_by_its_memory(tmp_path: Path, free_gb: int, name: str) -> None:
    found = replace(LAPTOP, gpu=Gpu("cuda", "A GPU", free_gb * GB, usable=True))
    assert recommended(found, tmp_path) == (name, f"it fits into the {free_gb}.0 GB of A GPU")


def test_a_gpu_that_is_too_small_leaves_the_choice_to_the_cpu(tmp_path: Path) -> None:
    found = replace(LAPTOP, gpu=Gpu("cuda", "A GPU", GB, usable=True))
    assert recommended(found, tmp_path)[0] == "qwen2.5-coder-1.5b"


def test_a_gpu_that_the_engine_cannot_use_is_said_to_be_unused(tmp_path: Path) -> None:
    found = replace(LAPTOP, gpu=Gpu("cuda", "A GPU", 80 * GB, usable=False))
    name, reason = recommended(found, tmp_path)
    assert name == "qwen2.5-coder-1.5b" and "A GPU stays unused" in reason


def test_no_machine_is_recommended_a_model_that_is_not_for_everyone(tmp_path: Path) -> None:
    for cores in (1, 2, 4, 8, 16, 128):
        for memory in range(0, 130, 2):
            for gpu in (None, Gpu("cuda", "A GPU", memory * GB, usable=True)):
                found = replace(LAPTOP, physical_cores=cores, available_bytes=memory * GB, gpu=gpu)
                model, _ = machine.recommend(found, tmp_path)
                assert model.commercial and model.recommended and model.task == "chat"


def test_this_machine_is_described(tmp_path: Path) -> None:
    found = machine.inspect(tmp_path / "not" / "there" / "yet")
    assert 0 < found.available_bytes <= found.total_bytes
    assert 1 <= found.physical_cores <= found.logical_cores <= (os.cpu_count() or 1)
    assert found.disk_free_bytes > 0 and found.cpu


def test_the_affinity_of_the_process_counts() -> None:
    program = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from pathlib import Path; from codeassist_jupyter.models import machine\n"
        "found = machine.inspect(Path('/')); print(found.physical_cores, found.logical_cores)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "1 1\n", done.stderr


# Control groups, as files


def write(folder: Path, **contents: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in contents.items():
        (folder / name.replace("__", ".")).write_text(text + "\n")


def limits(tmp_path: Path, membership: str) -> Limits:
    (tmp_path / "membership").write_text(membership)
    return machine.read_limits(tmp_path / "membership", tmp_path / "cgroup")


def test_version_2_the_tightest_group_up_to_the_root_wins(tmp_path: Path) -> None:
    slice_ = tmp_path / "cgroup" / "user.slice"
    write(slice_, memory__max="2000000000", memory__current="900000000", cpu__max="150000 100000")
    write(slice_, memory__stat="anon 100\ninactive_file 400000000")
    write(slice_ / "session", memory__max="max", memory__current="1", cpu__max="max 100000")
    found = limits(tmp_path, "0::/user.slice/session\n")
    assert found == Limits(2_000_000_000, 500_000_000, 1.5)


def test_version_2_in_a_container_the_root_has_the_limits(tmp_path: Path) -> None:
    write(tmp_path / "cgroup", memory__max="1000", memory__current="10", cpu__max="50000 100000")
    assert limits(tmp_path, "0::/docker/abc\n") == Limits(1000, 10, 0.5)


def test_version_1_has_a_folder_per_controller(tmp_path: Path) -> None:
    memory = tmp_path / "cgroup" / "memory" / "job"
    write(memory, memory__limit_in_bytes="4096", memory__usage_in_bytes="96")
    write(memory.parent, memory__limit_in_bytes="9223372036854771712")
    cpu = tmp_path / "cgroup" / "cpu,cpuacct" / "job"
    write(cpu, cpu__cfs_quota_us="300000", cpu__cfs_period_us="100000")
    membership = "9:name=systemd:/\n4:memory:/job\n2:cpu,cpuacct:/job\n0::/\n"
    assert limits(tmp_path, membership) == Limits(4096, 96, 3.0)


def test_no_limit_is_no_limit(tmp_path: Path) -> None:
    write(tmp_path / "cgroup", memory__max="max", cpu__max="max 100000")
    assert limits(tmp_path, "0::/\n") == Limits(None, 0, None)
    memory = tmp_path / "cgroup" / "memory"
    write(memory, memory__limit_in_bytes="9223372036854771712", memory__usage_in_bytes="5")
    write(tmp_path / "cgroup" / "cpu", cpu__cfs_quota_us="-1", cpu__cfs_period_us="100000")
    assert limits(tmp_path, "4:memory:/\n1:cpu:/\n") == Limits(None, 0, None)


@pytest.mark.parametrize("text", ["", "garbage", "-5", "12 34 56", "1e9"])
def test_odd_contents_are_no_limit(tmp_path: Path, text: str) -> None:
    write(tmp_path / "cgroup", memory__max=text, cpu__max=text)
    assert limits(tmp_path, "0::/\n").memory_bytes is None


def test_a_system_without_control_groups_has_no_limits(tmp_path: Path) -> None:
    assert machine.read_limits(tmp_path / "none", tmp_path) == Limits()


# nvidia-smi, as a program on the path


def put_nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")


def test_the_gpu_with_the_most_free_memory_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_nvidia_smi(
        tmp_path, monkeypatch, "echo 'NVIDIA A, small, 1000'; echo 'NVIDIA B, 81000'; echo odd"
    )
    gpu = machine.inspect(tmp_path).gpu
    assert gpu is not None
    assert (gpu.kind, gpu.name, gpu.free_bytes) == ("cuda", "NVIDIA B", 81000 * 1024 * 1024)


@pytest.mark.parametrize("script", ["exit 9", "echo 'No devices were found'", "echo ''"])
def test_a_driver_without_a_gpu_is_no_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    put_nvidia_smi(tmp_path, monkeypatch, script)
    assert machine.inspect(tmp_path).gpu is None


# The stored speed


def test_the_speed_of_each_model_is_kept() -> None:
    assert machine.load_speed("a") is None
    machine.save_speed("a", SPEED)
    machine.save_speed("b", replace(SPEED, decode_threads=7))
    assert machine.load_speed("a") == SPEED
    assert machine.load_speed("b") == replace(SPEED, decode_threads=7)
    assert machine.load_speed("c") is None


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"x": 1}', "\x00"])
def test_a_damaged_speed_file_counts_as_not_measured(text: str, codeassist_home: Path) -> None:
    machine.save_speed("a", SPEED)
    (codeassist_home / "machine.json").write_text(text)
    assert machine.load_speed("a") is None
    machine.save_speed("a", SPEED)
    assert machine.load_speed("a") == SPEED


def test_a_speed_with_a_missing_number_counts_as_not_measured(codeassist_home: Path) -> None:
    machine.save_speed("a", SPEED)
    path = codeassist_home / "machine.json"
    path.write_text(path.read_text().replace("decode_threads", "threads"))
    assert machine.load_speed("a") is None


def test_another_machine_with_the_same_home_measures_for_itself() -> None:
    machine.save_speed("a", SPEED)
    program = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from codeassist_jupyter.models import machine; print(machine.load_speed('a'))"
    )
    if len(os.sched_getaffinity(0)) > 1:  # on one core the two would be the same machine
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        assert done.stdout == "None\n", done.stderr
