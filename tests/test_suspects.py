"""What makes a corrected cell suspicious, and what does not."""

from __future__ import annotations

import pytest

from codeassist_jupyter.kernel.suspects import suspicions

CELL = 'total = sum(order["price"] for order in orders)\nmean = total / len(orders)'


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [
        (
            f"try:\n    {CELL.replace(chr(10), chr(10) + '    ')}\nexcept KeyError:\n    pass",
            "catches",
        ),
        ("try:\n    total = 1\n    mean = 2\nexcept Exception as e:\n    print(e)", "catches"),
        (f"import contextlib\nwith contextlib.suppress(KeyError):\n    x = 1\n{CELL}", "suppress"),
        ('total = sum(order["price"] for order in orders)', "no longer makes `mean`"),
        ("total = 0\nmean = 0", "`mean` is a fixed value"),
        ("total = -1.5\nmean = total / len(orders)", "`total` is a fixed value"),
        (CELL.replace('order["price"]', 'order.get("price", 0)'), "puts 0"),
        (CELL.replace('order["price"]', '(order["price"] or 0)'), "puts 0"),
        (CELL.replace("/ len(orders)", "/ len(orders) if orders else 0"), "puts 0"),
        (f"if False:\n    print(1)\n{CELL}", "never runs"),
        (
            'total = sum(order["price"] for order in orders)\n'
            'if "price" in orders[0]:\n    mean = total / len(orders)',
            "under a condition",
        ),
    ],
)
def test_silencing_is_seen(candidate: str, reason: str) -> None:
    found = suspicions(CELL, candidate)
    assert any(reason in flag for flag in found), found


FRAME = 'table["n"] = table["n"].astype(int)\nresult = table["n"].sum()'


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [
        (FRAME.replace("astype(int)", "fillna(0).astype(int)"), "puts 0"),
        (FRAME.replace("astype(int)", 'fillna(value="Unknown")'), "puts 'Unknown'"),
        (f"table = table.dropna()\n{FRAME}", "dropna()"),
        (
            'table["n"] = pd.to_numeric(table["n"], errors="coerce")\nresult = table["n"].sum()',
            "errors='coerce'",
        ),
        ('result = table["m"].sum()', "no longer makes `table`"),
    ],
)
def test_rows_that_go_and_values_that_come_are_seen(candidate: str, reason: str) -> None:
    found = suspicions(FRAME, candidate)
    assert any(reason in flag for flag in found), found


@pytest.mark.parametrize(
    "candidate",
    [
        CELL.replace("price", "cost"),
        f"import math\n\n{CELL}",
        CELL.replace("len(orders)", "max(len(orders), 1)"),
        f"prices = [order['price'] for order in orders]\n{CELL}",
        "try:\n    total = f()\n    mean = g()\nexcept KeyError as e:\n    raise ValueError from e",
        "def add(orders):\n    return 1\n\n\ntotal = add(orders)\nmean = total / len(orders)",
        "not python (",
    ],
)
def test_an_honest_change_is_not_suspicious(candidate: str) -> None:
    assert suspicions(CELL, candidate) == ()


def test_what_the_cell_did_itself_is_not_held_against_it() -> None:
    cell = 'n = d.get("a", 0)\ntry:\n    m = d["b"]\nexcept KeyError:\n    m = None\nt = T.dropna()'
    assert suspicions(cell, cell.replace('"b"', '"c"')) == ()


def test_of_a_syntax_error_only_new_handlers_count() -> None:
    broken = "for n in range(3)\n    print(n)"
    assert suspicions(broken, "for n in range(3):\n    print(n)") == ()
    silent = "try:\n    pass\nexcept Exception:\n    pass"
    assert suspicions(broken, silent)
