"""The panel: its journeys in a real browser on a real JupyterLab, and Jest, run from here.

Node and Chromium must be there; the tests' own packages are installed from their locks where they
are missing. What cannot be had is a reason to skip; a panel older than this checkout fails.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import REAL_MODELS

from codeassist_jupyter import config
from codeassist_jupyter.models import catalogue, download

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "labextension"
JOURNEYS = SOURCE / "ui-tests"
BUILT = ROOT / "codeassist_jupyter" / "labextension"
INSTALLED = Path(sys.prefix) / "share" / "jupyter" / "labextensions" / "codeassist-jupyter"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WITH_MODEL = "guide.spec.ts"
WITHOUT_MODEL = sorted({path.name for path in JOURNEYS.glob("*.spec.ts")} - {WITH_MODEL})
LONGEST_JOURNEY_MS = 540_000  # so that Playwright says what it waited for before pytest ends it

pytestmark = pytest.mark.browser


@pytest.fixture(scope="session")
def node_path() -> str:
    """The PATH for Node's programs: first those of the Python that runs the tests."""
    if shutil.which("node") is None:
        pytest.skip("Node.js is not installed")
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


@pytest.fixture(scope="session")
def panel_packages(node_path: str) -> Path:
    """The panel's folder, with the packages that Jest needs."""
    return _with_packages(SOURCE, node_path)


@pytest.fixture(scope="session")
def journey_packages(node_path: str) -> Path:
    """The journeys' folder, with the packages that Playwright needs."""
    return _with_packages(JOURNEYS, node_path)


@pytest.fixture(scope="session")
def browser() -> str:
    """The system's Chromium; none is downloaded."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is on the PATH")
    return found


@pytest.fixture(scope="session")
def installed_panel() -> None:
    """Make sure that JupyterLab will show the panel of this checkout and no other."""
    if not (BUILT / "package.json").exists() or not (INSTALLED / "package.json").exists():
        pytest.skip("the panel of this checkout is not installed: python -m pip install .")
    sources = [path for part in ("src", "style", "schema") for path in (SOURCE / part).rglob("*")]
    built_at = (BUILT / "package.json").stat().st_mtime
    changed = [str(p.relative_to(ROOT)) for p in sources if p.stat().st_mtime > built_at]
    if changed or _bundle(BUILT) != _bundle(INSTALLED):
        pytest.fail(
            f"the installed panel is older than {', '.join(changed[:3]) or BUILT}: "
            f"delete {BUILT}, then python -m pip install .",
            pytrace=False,
        )


def test_units_of_the_panel(panel_packages: Path, node_path: str) -> None:
    _run(panel_packages, node_path, ["node_modules/.bin/jest"])


def test_types_of_the_journeys(journey_packages: Path, node_path: str) -> None:
    _run(journey_packages, node_path, ["node_modules/.bin/tsc", "--noEmit"])


@pytest.mark.model
@pytest.mark.acceptance
def test_guide_with_the_default_model(
    journey_packages: Path, installed_panel: None, browser: str, node_path: str
) -> None:
    download.fetch(catalogue.find(config.Settings().model), REAL_MODELS)
    test_journey(WITH_MODEL, journey_packages, installed_panel, browser, node_path)


@pytest.mark.parametrize("journey", WITHOUT_MODEL)
def test_journey(
    journey: str, journey_packages: Path, installed_panel: None, browser: str, node_path: str
) -> None:
    program = ["node_modules/.bin/playwright", "test", "--project=tests", "--reporter=list"]
    options = [f"--global-timeout={LONGEST_JOURNEY_MS}", re.escape(f"/{journey}")]
    _run(journey_packages, node_path, program + options, CHROMIUM=browser)


def _with_packages(folder: Path, node_path: str) -> Path:
    """Install what the lock file of a folder names, unless it is there."""
    state = folder / "node_modules" / ".yarn-state.yml"
    if not state.exists() or state.stat().st_mtime < (folder / "yarn.lock").stat().st_mtime:
        done = _process(folder, node_path, ["jlpm", "install", "--immutable"])
        if done.returncode:
            pytest.skip(f"cannot install the packages of {folder.name}: {done.stdout[-500:]}")
        state.touch()
    return folder


def _bundle(folder: Path) -> Any:
    """What JupyterLab loads from a built panel; the name has a hash of the contents in it."""
    return json.loads((folder / "package.json").read_text("utf-8"))["jupyterlab"]["_build"]


def _run(folder: Path, node_path: str, command: list[str], **variables: str) -> None:
    done = _process(folder, node_path, command, **variables)
    if done.returncode:
        pytest.fail(f"{' '.join(command)}\n{done.stdout}", pytrace=False)


def _process(
    folder: Path, node_path: str, command: list[str], **variables: str
) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PATH": node_path, "CI": "1", "NO_COLOR": "1"} | variables
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
