"""ImportError: the package that is missing, what installs it, and names that impostors use."""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path

from .. import exceptions
from ..peek import module_dict
from .closest import closest, edits
from .scene import Hint, Scene

# Import name -> the distribution that brings it, where the two differ.
_DISTRIBUTIONS = {
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "cv2": "opencv-python",
    "PIL": "Pillow",
    "yaml": "PyYAML",
    "bs4": "beautifulsoup4",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "docx": "python-docx",
    "pptx": "python-pptx",
    "jwt": "PyJWT",
    "Crypto": "pycryptodome",
    "OpenSSL": "pyOpenSSL",
    "serial": "pyserial",
    "usb": "pyusb",
    "fitz": "PyMuPDF",
    "git": "GitPython",
    "github": "PyGithub",
    "MySQLdb": "mysqlclient",
    "psycopg2": "psycopg2-binary",
    "magic": "python-magic",
    "slugify": "python-slugify",
    "umap": "umap-learn",
    "igraph": "python-igraph",
    "osgeo": "GDAL",
    "mpl_toolkits": "matplotlib",
    "pkg_resources": "setuptools",
    "attr": "attrs",
    "zmq": "pyzmq",
    "win32com": "pywin32",
    "faiss": "faiss-cpu",
    "Bio": "biopython",
    "ruamel": "ruamel.yaml",
    "community": "python-louvain",
    "wx": "wxPython",
    "gi": "PyGObject",
    "telegram": "python-telegram-bot",
}
# Packages whose misspellings have been used by impostors on the package index.
_POPULAR = (
    *("numpy", "pandas", "requests", "matplotlib", "scipy", "seaborn", "tensorflow", "torch"),
    *("keras", "django", "flask", "urllib3", "beautifulsoup4", "selenium", "openpyxl", "pillow"),
    *("cryptography", "setuptools", "colorama", "pyyaml", "polars", "plotly", "sqlalchemy"),
    *("jupyter", "fastapi", "pydantic", "boto3", "transformers", "statsmodels", "xgboost"),
    *("lightgbm", "pytorch", "aiohttp", "httpx", "scrapy", "networkx", "dateutil", "sklearn"),
)
_MOVED = {
    "sklearn.cross_validation": "sklearn.model_selection",
    "sklearn.externals.joblib": "joblib",
    "pandas.util.testing": "pandas.testing",
    "collections": "collections.abc",
}
_ABSTRACT = frozenset({"Mapping", "MutableMapping", "Sequence", "Iterable", "Callable", "Iterator"})
_MOST_FILES = 500


def missing(scene: Scene) -> Hint | None:
    """A module that cannot be found."""
    name = exceptions.field(scene.error, ImportError, "name")
    if type(name) is not str or not name or not name.replace(".", "").isidentifier():
        return None
    top, _, rest = name.partition(".")
    if rest and top in sys.modules:
        return _submodule(scene, name)
    return (
        _own_module(scene, name) or _misspelt(scene, top) or _impostor(top) or _not_installed(top)
    )


def _submodule(scene: Scene, name: str) -> Hint | None:
    meant = _MOVED.get(name)
    if meant is not None and _is_there(meant.partition(".")[0]):
        hint = f"`{name}` moved to `{meant}`"
        return Hint(hint, _respelt(scene, name, meant), "import")
    parent, _, last = name.rpartition(".")
    package = sys.modules.get(parent)
    folders = module_dict(package).get("__path__") if type(package) is type(ast) else None
    if type(folders) is not list:
        return None
    found = [entry for folder in folders for entry in _modules_in(Path(str(folder)))]
    meant = closest(last, found)
    if meant is None:
        return None
    whole = f"{parent}.{meant}"
    return Hint(
        f"no module `{name}`; the closest is `{whole}`", _respelt(scene, name, whole), "import"
    )


def _modules_in(folder: Path) -> list[str]:
    """Names that could be imported from a folder."""
    try:
        entries = sorted(folder.iterdir())[:_MOST_FILES]
    except OSError:
        return []
    found = [e.stem.partition(".")[0] for e in entries if e.suffix in (".py", ".so", ".pyd")]
    found += [e.name for e in entries if e.is_dir() and (e / "__init__.py").exists()]
    return [name for name in found if name.isidentifier() and not name.startswith("_")]


def _own_module(scene: Scene, name: str) -> Hint | None:
    """A module of the project that lies elsewhere than where Python looks, or is misspelt."""
    top = name.partition(".")[0]
    try:
        here = Path.cwd()
        own = _modules_in(here)
        near = [
            p for f in ("src", "lib", "..") if (p := here / f).is_dir() and top in _modules_in(p)
        ]
    except OSError:
        return None
    meant = closest(top, own)
    if meant is not None:
        edited = _respelt(scene, top, meant)
        return Hint(f"no module `{top}`; this folder has `{meant}`", edited, "import")
    if len(near) == 1:
        place = "the folder above" if near[0].name == ".." else f"the folder {near[0].name}"
        return Hint(f"`{top}` lies in {place}, which is not on sys.path", (), "import")
    return None


def _misspelt(scene: Scene, name: str) -> Hint | None:
    """A module that is installed, misspelt."""
    known = {*sys.stdlib_module_names, *_installed(), *_top_levels()}
    meant = closest(name, sorted(k for k in known if not k.startswith("_")))
    if meant is None or not _is_there(meant):
        return None
    text = f"no module `{name}`; the closest that is installed is `{meant}`"
    if name.lower() not in known and _near_popular(name):
        text += " (do not install the other: impostors use names one letter off a known one)"
    return Hint(text, _respelt(scene, name, meant), "import")


def _top_levels() -> list[str]:
    return [name for name in list(sys.modules) if "." not in name]


def _installed() -> set[str]:
    """Names of installed packages, from their folders' names alone."""
    found: set[str] = set()
    for folder in sys.path:
        if folder.endswith(("site-packages", "dist-packages")):
            try:
                entries = [e.name for e in Path(folder).iterdir()]
            except OSError:
                continue
            found |= {e for e in entries if e.isidentifier()}
    return found


def _near_popular(name: str) -> str | None:
    lower = name.lower()
    if lower in _POPULAR or name in _DISTRIBUTIONS:
        return None
    near = [p for p in _POPULAR if edits(lower, p, 1) <= 1 and len(p) > 4]
    return near[0] if len(near) == 1 else None


def _impostor(name: str) -> Hint | None:
    """A name one letter off a well-known package that is not installed either."""
    meant = _near_popular(name)
    if meant is None:
        return None
    text = (
        f"no module `{name}`. It is one letter off `{meant}`; "
        "impostors use such names, so do not install it"
    )
    return Hint(text, (), "import")


def _not_installed(name: str) -> Hint | None:
    distribution = _DISTRIBUTIONS.get(name)
    if distribution is not None and distribution != name:
        text = f"`{name}` comes with the package {distribution}: `%pip install {distribution}`"
        if name == "sklearn":
            text += " (not `sklearn`, which is no longer the package)"
        return Hint(text, (), "import")
    if name.lower() in _POPULAR:
        return Hint(f"`{name}` is not installed: `%pip install {name}`", (), "import")
    return None


def _is_there(name: str) -> bool:
    try:
        return name in sys.modules or importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def name_of_module(scene: Scene) -> Hint | None:
    """`from module import name` where the module has no such name."""
    module = exceptions.field(scene.error, ImportError, "name")
    statement = scene.statement
    if type(module) is not str or not isinstance(statement, ast.ImportFrom):
        return None
    found = sys.modules.get(module)
    if type(found) is not type(ast):
        return None
    names = module_dict(found)
    lacking = [a for a in statement.names if a.name not in names and a.name in scene.message]
    if len(lacking) != 1:
        return None
    alias = lacking[0]
    if module == "collections" and alias.name in _ABSTRACT:
        fixed = _respelt(scene, "collections", "collections.abc")
        return Hint(f"`{alias.name}` is in `collections.abc`", fixed, "import")
    public = [k for k in names if type(k) is str and not k.startswith("_")]
    meant = closest(alias.name, public)
    if meant is None:
        return None
    spelt = f"{meant} as {alias.asname}" if alias.asname else meant
    text = f"`{module}` has no `{alias.name}`; the closest is `{meant}`"
    return Hint(text, scene.replaced((alias, spelt)), "import")


def _respelt(scene: Scene, name: str, meant: str) -> tuple[str, ...]:
    """The cell with the module's name written right in the import that failed."""
    statement = scene.statement
    if not scene.in_cell or not isinstance(statement, ast.Import | ast.ImportFrom):
        return ()
    if isinstance(statement, ast.ImportFrom):
        module = _swapped(statement.module or "", name, meant)
        fixed: ast.stmt = ast.ImportFrom(module, statement.names, statement.level)
    else:
        names = [ast.alias(_swapped(a.name, name, meant), a.asname) for a in statement.names]
        fixed = ast.Import(names)
        uses = [n for n in ast.walk(scene.tree or fixed) if isinstance(n, ast.Name)]
        unnamed = [a for a in statement.names if a.name.split(".")[0] == name and not a.asname]
        if unnamed and any(n.id == name for n in uses):
            renamed = [(n, meant) for n in uses if n.id == name]
            return scene.replaced((statement, ast.unparse(fixed)), *renamed)
    return scene.replaced((statement, ast.unparse(fixed)))


def _swapped(module: str, name: str, meant: str) -> str:
    if module == name or module.startswith(f"{name}."):
        return meant + module[len(name) :]
    return module
