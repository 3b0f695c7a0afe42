"""The catalogue's data, names, imported models, and the check before a file is used."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from codeassist_jupyter import config
from codeassist_jupyter.errors import (
    ModelDamaged,
    ModelError,
    ModelMissing,
    ModelUnknown,
    UsageError,
)
from codeassist_jupyter.models import catalogue

CHAT = "smollm2-135m"
GGUF = b"GGUF" + bytes(range(256)) * 20


@pytest.fixture
def models_path(tmp_path: Path) -> Path:
    folder = tmp_path / "models with späces"
    folder.mkdir()
    return folder


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A GGUF file of the user's."""
    path = tmp_path / "My Model.Q4_K_M.gguf"
    path.write_bytes(GGUF)
    return path


@pytest.mark.parametrize("model", catalogue.all_models(), ids=lambda model: model.id)
def test_every_entry_is_pinned_and_complete(model: catalogue.Model) -> None:
    assert model.licence and model.licence_url and model.min_ram_bytes > 0 and model.params
    assert model.hub_repo or model.wheels
    assert not model.hub_repo or re.fullmatch(r"[0-9a-f]{40}", model.revision)
    for file in model.files:
        assert file.size > 0 and re.fullmatch(r"[0-9a-f]{64}", file.sha256)
        assert bool(file.hub_path) == bool(model.hub_repo)
        assert not Path(file.path).is_absolute() and ".." not in Path(file.path).parts
    for wheel in model.wheels:
        assert re.fullmatch(r"[a-z0-9-]+==[a-z0-9.]+", wheel.requirement)
        assert re.fullmatch(r"[0-9a-f]{64}", wheel.sha256)
        assert wheel.filename.startswith(wheel.requirement.split("==")[0].replace("-", "_"))


@pytest.mark.parametrize("model", catalogue.all_models(), ids=lambda model: model.id)
def test_the_members_of_wheels_make_up_the_whole_files(model: catalogue.Model) -> None:
    for file in model.files:
        end = 0
        members = [m for wheel in model.wheels for m in wheel.members if m.file == file.path]
        for member in members:
            assert member.offset == end
            end += member.size
        assert end == (file.size if model.wheels else 0)


def test_ids_and_aliases_are_unique_and_find_their_model() -> None:
    names = [name for m in catalogue.all_models() for name in (m.id, *m.aliases)]
    assert len(names) == len(set(names))
    for model in catalogue.all_models():
        for name in (model.id, *model.aliases):
            assert catalogue.find(name.upper() + " ") == model
    assert catalogue.find(config.Settings().model).params == "1.54B"


def test_the_research_model_is_listed_but_not_recommended() -> None:
    model = catalogue.find("qwen2.5-coder-3b")
    assert not model.commercial and not model.recommended


def test_files_of_a_model_for_search_lie_in_one_folder(models_path: Path) -> None:
    for name in ("bge-small-en-v1.5-onnx-q8", "potion-base-8m", "potion-code-16m-v2"):
        weights, tokenizer = catalogue.find(name).files
        assert Path(weights.path).with_name("tokenizer.json") == Path(tokenizer.path)


def test_an_unknown_name_gets_the_closest_ones() -> None:
    with pytest.raises(ModelUnknown) as caught:
        catalogue.find("qwen2.5-coder-1.5")
    assert "qwen2.5-coder-1.5b" in caught.value.hint
    with pytest.raises(ModelUnknown, match="no model named 'zzz'") as caught:
        catalogue.find("zzz")
    assert "codeassist models list" in caught.value.hint


def test_the_path_of_a_file_is_answered_with_how_to_import_it() -> None:
    with pytest.raises(ModelUnknown) as caught:
        catalogue.find("/home/me/model.gguf")
    assert "codeassist models import" in caught.value.hint


def test_a_missing_model_names_the_command_and_the_place_to_copy_to(models_path: Path) -> None:
    with pytest.raises(ModelMissing) as caught:
        catalogue.verified_path(CHAT, models_path)
    assert f"codeassist models fetch {CHAT}" in caught.value.hint
    assert str(models_path / "smollm2-135m-instruct-q4_1.gguf") in caught.value.hint
    with pytest.raises(ModelMissing) as caught:
        catalogue.verified_path(config.Settings().model, models_path / "not there")
    assert "codeassist setup" in caught.value.hint


def test_looking_for_a_missing_model_opens_no_socket_and_loads_nothing_heavy(
    models_path: Path,
) -> None:
    program = f"""
import sys
opened = []
sys.addaudithook(lambda event, args: opened.append(event) if event.startswith("socket.") else None)
from pathlib import Path
from codeassist_jupyter.models import catalogue, download
from codeassist_jupyter.errors import ModelMissing
try:
    catalogue.verified_path({CHAT!r}, Path({str(models_path)!r}))
except ModelMissing:
    heavy = {{"httpx", "huggingface_hub", "rich", "psutil", "filelock", "pydantic"}}
    print(opened, sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "[] []\n", done.stderr


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html>please log in</html>", "HTML page"),
        (b"\n  <html lang='en'>", "HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:b179", "git-LFS pointer"),
        (b"GGUF garbage", "truncated: 12 of 98,362,432 bytes"),
    ],
)
def test_a_file_that_is_no_model_is_named_for_what_it_is(
    models_path: Path, content: bytes, reason: str
) -> None:
    path = models_path / catalogue.find(CHAT).files[0].path
    path.write_bytes(content)
    with pytest.raises(ModelDamaged) as caught:
        catalogue.verified_path(CHAT, models_path)
    assert reason in caught.value.message and str(path) in caught.value.message
    assert f"codeassist models fetch {CHAT}" in caught.value.hint
    assert catalogue.installed(CHAT, models_path) is None


@pytest.mark.parametrize("share", [0.001, 0.05, 0.5, 0.999])
def test_a_truncated_file_is_refused(models_path: Path, share: float) -> None:
    file = catalogue.find(CHAT).files[0]
    with (models_path / file.path).open("wb") as stream:
        stream.truncate(int(file.size * share))
        stream.write(b"GGUF")
    with pytest.raises(ModelDamaged, match="truncated"):
        catalogue.verified_path(CHAT, models_path)


def test_a_file_of_the_right_size_is_hashed(models_path: Path) -> None:
    file = catalogue.find("potion-base-8m").files[1]
    for each in catalogue.find("potion-base-8m").files:
        path = models_path / each.path
        path.parent.mkdir(exist_ok=True)
        with path.open("wb") as stream:
            stream.truncate(each.size)
    assert catalogue.installed("potion-base-8m", models_path) is not None
    with pytest.raises(ModelDamaged, match="SHA-256"):
        catalogue.verified_path("potion-base-8m", models_path)
    assert not (models_path / f"{file.path}.verified.json").exists()


def test_a_folder_in_place_of_the_file_is_one_clear_error(models_path: Path) -> None:
    (models_path / catalogue.find(CHAT).files[0].path).mkdir()
    with pytest.raises(ModelDamaged):
        catalogue.verified_path(CHAT, models_path)


def test_an_imported_file_stays_in_place_and_is_found_by_name(
    mine: Path, models_path: Path
) -> None:
    model = catalogue.import_file(mine)
    assert model.name == "my-model.q4_k_m" and model.imported
    assert catalogue.find("My-Model.Q4_K_M") == model
    assert model in catalogue.all_models()
    assert catalogue.verified_path(model.id, models_path) == mine
    assert catalogue.installed(model.id, models_path) == mine
    assert sorted(p.name for p in mine.parent.glob("My Model*")) == [mine.name]


def test_a_flipped_bit_in_an_imported_file_is_found(mine: Path, models_path: Path) -> None:
    name = catalogue.import_file(mine).id
    catalogue.verified_path(name, models_path)
    flipped = bytearray(GGUF)
    flipped[1000] ^= 4
    mine.write_bytes(flipped)
    with pytest.raises(ModelDamaged, match="SHA-256") as caught:
        catalogue.verified_path(name, models_path)
    assert "codeassist models import" in caught.value.hint
    catalogue.import_file(mine)
    assert catalogue.verified_path(name, models_path) == mine


def test_a_file_is_hashed_again_only_when_its_identity_changed(
    mine: Path, models_path: Path
) -> None:
    """Bytes changed behind an unchanged mtime stay unseen; a new mtime or inode shows them."""
    name = catalogue.import_file(mine).id
    catalogue.verified_path(name, models_path)
    before = mine.stat()
    with mine.open("r+b") as file:
        file.seek(500)
        file.write(b"XXXX")
    os.utime(mine, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert catalogue.verified_path(name, models_path) == mine
    os.utime(mine, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    with pytest.raises(ModelDamaged):
        catalogue.verified_path(name, models_path)


def test_a_replaced_file_with_the_same_mtime_is_hashed_again(mine: Path, models_path: Path) -> None:
    name = catalogue.import_file(mine).id
    catalogue.verified_path(name, models_path)
    before = mine.stat()
    other = mine.with_name("other")
    other.write_bytes(GGUF[:-1] + b"!")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(mine)
    with pytest.raises(ModelDamaged):
        catalogue.verified_path(name, models_path)


@pytest.mark.parametrize("stamp", ["", "{", "[]", '{"size": 1}', "\x00"])
def test_a_damaged_stamp_only_costs_a_hash(mine: Path, models_path: Path, stamp: str) -> None:
    model = catalogue.import_file(mine)
    (models_path / f"{model.id}.verified.json").write_text(stamp)
    assert catalogue.verified_path(model.id, models_path) == mine
    stored = json.loads((models_path / f"{model.id}.verified.json").read_text())
    assert stored["sha256"] == hashlib.sha256(GGUF).hexdigest()


def test_a_folder_where_no_stamp_can_be_written_still_works(mine: Path, tmp_path: Path) -> None:
    name = catalogue.import_file(mine).id
    blocked = tmp_path / "a file"
    blocked.write_text("where the models folder should be")
    assert catalogue.verified_path(name, blocked) == mine


def test_an_imported_file_that_is_gone_says_so(mine: Path, models_path: Path) -> None:
    model = catalogue.import_file(mine)
    mine.unlink()
    with pytest.raises(ModelMissing, match="is gone") as caught:
        catalogue.verified_path(model.id, models_path)
    assert f"codeassist models remove {model.id}" in caught.value.hint
    catalogue.forget_import(model)
    with pytest.raises(ModelUnknown):
        catalogue.find(model.id)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is not a GGUF file"),
        (b"PK\x03\x04", "is not a GGUF file"),
        (b"<html>", "HTML page"),
        (b"version https://git-lfs.github.com/spec/v1", "git-LFS pointer"),
    ],
)
def test_only_gguf_files_can_be_imported(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=reason):
        catalogue.import_file(path)


def test_importing_what_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        catalogue.import_file(tmp_path / "nothing.gguf")
    with pytest.raises(UsageError, match="cannot read"):
        catalogue.import_file(tmp_path)


def test_an_import_cannot_take_the_name_of_another_model(mine: Path) -> None:
    with pytest.raises(UsageError, match="belongs to another model") as caught:
        catalogue.import_file(mine, name=CHAT)
    assert "--name" in caught.value.hint
    assert catalogue.import_file(mine, name="Mine: the 2nd!").name == "mine-the-2nd"


def test_importing_again_replaces_the_record(mine: Path) -> None:
    catalogue.import_file(mine)
    mine.write_bytes(GGUF * 2)
    model = catalogue.import_file(mine)
    assert [m.size for m in catalogue.all_models() if m.imported] == [2 * len(GGUF)]
    assert catalogue.find(model.id).size == 2 * len(GGUF)


@pytest.mark.parametrize("text", ["", "[]", '{"models": [{}]}', "{", '{"models": [{"id": 1}]}'])
def test_a_damaged_list_of_imports_is_named(text: str, codeassist_home: Path) -> None:
    (codeassist_home / "imported.json").write_text(text)
    with pytest.raises(ModelError, match=r"imported\.json") as caught:
        catalogue.all_models()
    assert "import your models again" in caught.value.hint


def test_sizes_are_written_for_people() -> None:
    sizes = [0, 999, 1_000, 98_362_432, 1_117_320_768]
    assert [catalogue.readable(size) for size in sizes] == [
        *("0 bytes", "999 bytes", "1 kB", "98 MB", "1.1 GB")
    ]
