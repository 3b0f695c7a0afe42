"""What an installed package consists of: one version, the extension, the data, the command."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.metadata import distribution, entry_points
from pathlib import Path

from jsonschema import Draft7Validator

import codeassist_jupyter

ROOT = Path(__file__).parents[1]
LABEXTENSION = ROOT / "labextension"
INSTALLED = distribution("codeassist-jupyter")
MANIFEST = json.loads((LABEXTENSION / "package.json").read_text())


def shipped_files() -> list[str]:
    assert INSTALLED.files is not None
    return [file.as_posix() for file in INSTALLED.files]


def run_elsewhere(tmp_path: Path, *arguments: str) -> str:
    """Run Python in another folder, so that it sees the installed package, not the checkout."""
    result = subprocess.run(
        [sys.executable, *arguments],
        cwd=tmp_path,
        env={**os.environ, "JUPYTER_CONFIG_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout + result.stderr


def test_there_is_one_version() -> None:
    assert INSTALLED.version == MANIFEST["version"] == codeassist_jupyter.__version__


def test_the_prebuilt_extension_ships_once_and_alone() -> None:
    shared = "share/jupyter/labextensions/codeassist-jupyter/"
    bundle = [file.split(shared)[1] for file in shipped_files() if shared in file]
    assert {"package.json", "install.json", "static/style.js"} <= set(bundle)
    assert (
        sum(file.startswith("static/remoteEntry.") and file.endswith(".js") for file in bundle) == 1
    )
    inside = [
        file for file in shipped_files() if file.startswith("codeassist_jupyter/labextension")
    ]
    assert not inside
    assert not [file for file in shipped_files() if "node_modules" in file]


def test_jupyterlab_accepts_the_extension(tmp_path: Path) -> None:
    listed = run_elsewhere(tmp_path, "-m", "jupyter", "labextension", "list")
    listed = re.sub(r"\x1b\[\d+m", "", listed)
    assert f"codeassist-jupyter v{MANIFEST['version']} enabled OK" in listed


def test_the_names_of_the_extension_agree() -> None:
    paths = codeassist_jupyter._jupyter_labextension_paths()
    output = (LABEXTENSION / MANIFEST["jupyterlab"]["outputDir"]).resolve()
    assert output == ROOT / "codeassist_jupyter" / paths[0]["src"]
    assert paths[0]["dest"] == MANIFEST["name"]
    # JupyterLab finds the settings of plugin NAME:x in schema/x.json.
    assert "'codeassist-jupyter:plugin'" in (LABEXTENSION / "src" / "index.ts").read_text()


def test_every_settings_schema_is_valid() -> None:
    schemas = list((LABEXTENSION / "schema").glob("*.json"))
    assert schemas
    for path in schemas:
        Draft7Validator.check_schema(json.loads(path.read_text()))


def test_the_lock_file_names_no_registry() -> None:
    assert "://" not in (LABEXTENSION / "yarn.lock").read_text()


def test_the_catalogue_ships(tmp_path: Path) -> None:
    script = (
        "from importlib.resources import files\n"
        "print((files('codeassist_jupyter.models') / 'catalogue.json').read_text())"
    )
    assert json.loads(run_elsewhere(tmp_path, "-c", script))


def test_the_command_resolves() -> None:
    (command,) = entry_points(group="console_scripts", name="codeassist")
    assert callable(command.load())


def test_readme_gives_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert 'python -m pip install ".[local]" && codeassist demo' in readme
    assert 'python -m pip install ".[local,test]" && python -m pytest' in readme
