"""What discover offers and what it leaves out, on real folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from codeassist_jupyter.index import discover
from codeassist_jupyter.index.discover import Found, Skipped, find_root, walk
from codeassist_jupyter.security import may_read

SAMPLE = Path(__file__).parent.parent / "examples" / "sample_project"


def write(root: Path, files: dict[str, str | bytes]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def found(root: Path) -> list[str]:
    return [item.path for item in walk(root) if isinstance(item, Found)]


def skipped(root: Path) -> dict[str, str]:
    return {item.path: item.reason for item in walk(root) if isinstance(item, Skipped)}


def test_sample_project_is_found_whole_and_in_order():
    paths = found(SAMPLE)
    assert {"README.md", "eda.ipynb", "etl/clean.py", "web/chart.ts", "data/orders.csv"} <= set(
        paths
    )
    assert paths == found(SAMPLE)


def test_a_found_file_says_what_stat_says(tmp_path):
    write(tmp_path, {"a.py": "x = 1\n"})
    info = (tmp_path / "a.py").stat()
    assert list(walk(tmp_path)) == [Found("a.py", info.st_size, info.st_mtime_ns, info.st_ino)]


def test_ignore_files_nest_and_the_inner_one_wins(tmp_path):
    write(
        tmp_path,
        {
            ".gitignore": "*.log\n/out/\n# note\n\ndocs/*.txt\n",
            "a.log": "x",
            "out/b.py": "x",
            "deep/out/c.py": "x",
            "docs/d.txt": "x",
            "docs/deeper/e.txt": "x",
            "logs/.gitignore": "!keep.log\nprivate.py\n",
            "logs/keep.log": "x",
            "logs/other.log": "x",
            "logs/private.py": "x",
            "logs/below/private.py": "x",
            "private.py": "x",
            ".codeassistignore": "secretplan.md\n",
            "secretplan.md": "x",
        },
    )
    assert [p for p in found(tmp_path) if "ignore" not in p] == [
        "private.py",
        "deep/out/c.py",
        "docs/deeper/e.txt",
        "logs/keep.log",
    ]
    reasons = skipped(tmp_path)
    assert reasons["a.log"] == reasons["out/"] == reasons["secretplan.md"]
    assert reasons["a.log"] == "ignored by an ignore file"


def test_git_info_exclude_counts_and_broken_patterns_do_not(tmp_path):
    write(
        tmp_path,
        {".git/info/exclude": "mine.py\n", ".gitignore": b"!\n\xff\xfe\n[z-a]\n/\nb.py\n"},
    )
    write(tmp_path, {"mine.py": "x", "b.py": "x", "c.py": "x"})
    assert "c.py" in found(tmp_path)
    assert {"mine.py", "b.py"} <= skipped(tmp_path).keys()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (".env", "may hold secrets"),
        (".env.production", "may hold secrets"),
        ("deploy.PEM", "may hold secrets"),
        ("id_ed25519", "may hold secrets"),
        ("poetry.lock", "lock file"),
        ("app.min.js", "generated"),
        ("photo.png", "binary"),
    ],
)
def test_files_left_out_by_name(tmp_path, name, reason):
    write(tmp_path, {name: "x", "kept.py": "x"})
    assert skipped(tmp_path)[name] == reason
    assert found(tmp_path) == ["kept.py"]


def test_names_are_judged_as_security_judges_them(tmp_path):
    names = [".env", ".env.example", "a.key", "id_rsa", "token.json", "keys.py", "x.tfvars", "a.md"]
    write(tmp_path, dict.fromkeys(names, "x"))
    allowed = sorted(name for name in names if may_read(tmp_path / name, tmp_path))
    assert sorted(found(tmp_path)) == allowed


@pytest.mark.parametrize(
    "folder", [".git", "node_modules", "__pycache__", ".ipynb_checkpoints", "x.egg-info", ".ssh"]
)
def test_folders_left_out_are_listed_once(tmp_path, folder):
    write(tmp_path, {f"{folder}/a.py": "x", f"{folder}/b/c.py": "x", "kept.py": "x"})
    assert found(tmp_path) == ["kept.py"]
    assert list(skipped(tmp_path)) == [f"{folder}/"]


def test_a_virtual_environment_is_known_by_its_file(tmp_path):
    write(tmp_path, {"env/pyvenv.cfg": "x", "env/lib/a.py": "x", "environment/a.py": "x"})
    assert found(tmp_path) == ["environment/a.py"]
    assert skipped(tmp_path)["env/"] == "virtual environment"


def test_large_and_empty_files(tmp_path):
    write(
        tmp_path,
        {"big.py": b"#" * 1_000_001, "big.ipynb": b" " * 1_000_001, "empty.py": "", "ok.py": "x"},
    )
    assert found(tmp_path) == ["big.ipynb", "ok.py"]
    assert skipped(tmp_path) == {"big.py": "larger than 1 MB", "empty.py": "empty"}


def test_links_are_not_followed_so_that_no_loop_can_be(tmp_path):
    write(tmp_path, {"a/b.py": "x"})
    (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "link.py").symlink_to(tmp_path / "a" / "b.py")
    (tmp_path / "self").symlink_to("self")
    assert found(tmp_path) == ["a/b.py"]
    assert set(skipped(tmp_path).values()) == {"symbolic link"}


def test_pipes_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.py")
    assert skipped(tmp_path) == {"pipe.py": "not a regular file"}


def test_what_cannot_be_listed_is_said(tmp_path):
    write(tmp_path, {"file.py": "x"})
    [gone] = walk(tmp_path / "gone")
    [no_folder] = walk(tmp_path / "file.py")
    assert isinstance(gone, Skipped) and gone.reason.startswith("unreadable: ")
    assert isinstance(no_folder, Skipped) and no_folder.reason.startswith("unreadable: ")


def test_a_file_that_vanishes_during_the_walk_is_no_error(tmp_path):
    write(tmp_path, {"a.py": "x", "b/c.py": "x", "b/d.py": "x"})
    walking = walk(tmp_path)
    assert next(walking).path == "a.py"
    (tmp_path / "b" / "c.py").unlink()
    assert [item.path for item in walking] == ["b/d.py"]


def test_a_name_that_is_no_text_is_left_out(tmp_path):
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.py"))).write_text("x")
    assert skipped(tmp_path) == {"bad?.py": "name is not UTF-8"}


def test_a_notebook_pair_is_offered_once(tmp_path):
    header = (
        "# ---\n# jupyter:\n#   jupytext:\n#     formats: ipynb,py:percent\n# ---\n\n# %%\nx = 1\n"
    )
    write(
        tmp_path,
        {
            "paired.ipynb": "{}",
            "paired.py": header,
            "alone.py": header,
            "other.ipynb": "{}",
            "other.py": "def other(): ...\n",
        },
    )
    assert found(tmp_path) == ["alone.py", "other.ipynb", "other.py", "paired.ipynb"]
    assert skipped(tmp_path) == {"paired.py": "the same cells as paired.ipynb"}


def test_too_many_files_are_cut_with_a_word(tmp_path, monkeypatch):
    monkeypatch.setattr(discover, "MAX_FILES", 3)
    write(tmp_path, {f"f{i}.py": "x" for i in range(5)})
    assert len(found(tmp_path)) == 3
    assert "first 3 files" in skipped(tmp_path)["./"]


def test_root_is_the_nearest_project_then_the_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    write(tmp_path, {"home/repo/.git/HEAD": "x", "home/repo/pkg/pyproject.toml": "x"})
    write(tmp_path, {"home/repo/pkg/src/a.ipynb": "x", "home/lone/pyproject.toml": "x"})
    write(tmp_path, {"home/lone/deep/a.py": "x", "home/nb/a.ipynb": "x", "home/.git/HEAD": "x"})
    home = (tmp_path / "home").resolve()
    assert find_root(home / "repo/pkg/src/a.ipynb") == home / "repo/pkg"
    assert find_root(home / "repo/pkg/src") == home / "repo/pkg"
    assert find_root(home / "lone/deep/a.py") == home / "lone"
    assert find_root(home / "nb/a.ipynb") == home / "nb"
    assert find_root(home / "nb/not-saved-yet.ipynb") == home / "nb"
