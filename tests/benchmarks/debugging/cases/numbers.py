"""Arrays: shapes, axes, kinds."""

from __future__ import annotations

from .case import Case

MODULE = (
    "import numpy as np\n\n\ndef features():\n    return np.arange(12.0).reshape(4, 3)\n\n\n"
    "def row_means():\n    return features().mean(axis=1)\n\n\n"
    "def images():\n    return np.arange(5 * 48).reshape(5, 48)\n\n\n"
    "def weights():\n    return np.arange(6.0).reshape(2, 3)\n"
)

NUMBERS = (
    Case(
        "broadcast-along-the-other-axis",
        "# every row without its own mean\ncentred = X - means",
        "centred = X - means[:, None]",
        "assert centred.shape == (4, 3) and abs(centred.mean(axis=1)).max() < 1e-12",
        cells=("import lab\n\nX = lab.features()\nmeans = lab.row_means()",),
        files={"lab.py": MODULE},
        live=True,
    ),
    Case(
        "matrices-that-do-not-fit",
        "scores = X @ W",
        "scores = X @ W.T",
        "assert scores.shape == (4, 2) and scores[0].tolist() == [5.0, 14.0]",
        cells=("import lab\n\nX = lab.features()\nW = lab.weights()",),
        files={"lab.py": MODULE},
        live=True,
    ),
    Case(
        "reshape-to-the-wrong-size",
        "# 6 rows of pixels each\npictures = flat.reshape(5, 6, 6)",
        "pictures = flat.reshape(5, 6, 8)",
        "assert pictures.shape == (5, 6, 8) and pictures[1, 0, 0] == 48",
        cells=("import lab\n\nflat = lab.images()",),
        files={"lab.py": MODULE},
        live=True,
    ),
    Case(
        "axis-that-is-not-there",
        "# one mean for each row\nper_row = X.mean(axis=2)",
        "per_row = X.mean(axis=1)",
        "assert per_row.tolist() == [1.0, 4.0, 7.0, 10.0]",
        cells=("import lab\n\nX = lab.features()",),
        files={"lab.py": MODULE},
    ),
    Case(
        "a-row-to-add-below",
        "more = np.concatenate([table, extra])",
        "more = np.vstack([table, extra])",
        "assert more.shape == (3, 3) and more[-1].tolist() == [7, 8, 9]",
        cells=(
            "import numpy as np\n\ntable = np.array([[1, 2, 3], [4, 5, 6]])\n"
            "extra = np.array([7, 8, 9])",
        ),
    ),
    Case(
        "np-float-is-gone",
        'values = np.array(["1.5", "2"], dtype=np.float)\ntotal = values.sum()',
        'values = np.array(["1.5", "2"], dtype=float)\ntotal = values.sum()',
        "assert total == 3.5",
        cells=("import numpy as np",),
    ),
    Case(
        "numbers-that-are-text",
        "doubled = counts * 2",
        "doubled = counts.astype(int) * 2",
        "assert [int(v) for v in doubled] == [6, 10, 2]",
        cells=('import numpy as np\n\ncounts = np.loadtxt("counts.txt", dtype=str)',),
        files={"counts.txt": "3\n5\n1\n"},
    ),
    Case(
        "json-of-numpy-numbers",
        "text = json.dumps(summary)",
        "text = json.dumps({name: value.item() for name, value in summary.items()})",
        'assert json.loads(text) == {"n": 3, "mean": 2.0}',
        cells=(
            "import json\n\nimport numpy as np\n\ndata = np.array([1, 2, 3])\n"
            'summary = {"n": np.int64(data.size), "mean": np.float32(data.mean())}',
        ),
    ),
)
