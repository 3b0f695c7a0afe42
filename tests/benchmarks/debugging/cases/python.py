"""Plain Python: names, scopes, types, syntax."""

from __future__ import annotations

from .case import Case

PYTHON = (
    Case(
        "name-misspelt",
        "shown = [round(v, 1) for v in resutls]",
        "shown = [round(v, 1) for v in results]",
        "assert shown == [1.2, 3.5]",
        cells=("results = [1.23, 3.46]",),
    ),
    Case(
        "import-forgotten",
        'words = Counter("to be or not to be".split())\ntop = words.most_common(1)[0]',
        "from collections import Counter\n\n"
        'words = Counter("to be or not to be".split())\ntop = words.most_common(1)[0]',
        'assert top[1] == 2 and words["or"] == 1',
    ),
    Case(
        "built-in-hidden",
        "average = sum(marks) / len(marks)",
        "import builtins\n\naverage = builtins.sum(marks) / len(marks)",
        "assert average == 4.0",
        cells=("marks = [3, 4, 5]", "sum = 0\nfor mark in marks:\n    sum = sum + mark"),
    ),
    Case(
        "counter-outside-the-function",
        "visits = 0\n\n\ndef visit():\n    visits += 1\n\n\nvisit()\nvisit()",
        "visits = 0\n\n\ndef visit():\n    global visits\n    visits += 1\n\n\nvisit()\nvisit()",
        "assert visits == 2",
    ),
    Case(
        "dict-changes-while-read",
        "# without the empty ones\nfor name in stock:\n    if stock[name] == 0:\n"
        "        del stock[name]",
        "for name in list(stock):\n    if stock[name] == 0:\n        del stock[name]",
        "assert stock == {'tea': 4, 'rum': 1}",
        cells=("stock = {'tea': 4, 'cup': 0, 'rum': 1, 'pot': 0}",),
    ),
    Case(
        "recursion-without-an-end",
        "def total(tree):\n    return tree['n'] + sum(total(child) for child in tree['children'])"
        "\n\n\namount = total(root)",
        "def total(tree):\n    children = tree.get('children', [])\n"
        "    return tree['n'] + sum(total(child) for child in children)\n\n\namount = total(root)",
        "assert amount == 6",
        cells=("root = {'n': 1, 'children': [{'n': 2}, {'n': 3, 'children': []}]}",),
    ),
    Case(
        "text-for-a-date",
        "from datetime import date\n\nage = date(2023, 6, 1) - born",
        "from datetime import date\n\nage = date(2023, 6, 1) - date.fromisoformat(born)",
        "assert age.days == 31",
        cells=("born = '2023-05-01'",),
    ),
    Case(
        "colon-forgotten",
        "evens = []\nfor n in range(6)\n    if n % 2 == 0:\n        evens.append(n)",
        "evens = []\nfor n in range(6):\n    if n % 2 == 0:\n        evens.append(n)",
        "assert evens == [0, 2, 4]",
    ),
    Case(
        "bracket-forgotten",
        "spread = max(max(values) - min(values), 1\nmiddle = min(values) + spread / 2",
        "spread = max(max(values) - min(values), 1)\nmiddle = min(values) + spread / 2",
        "assert spread == 8 and middle == 6",
        cells=("values = [2, 10, 4]",),
    ),
    Case(
        "sorted-in-place",
        "ordered = names.sort()\nfirst = ordered[0]",
        "ordered = sorted(names)\nfirst = ordered[0]",
        "assert first == 'ann' and list(ordered) == ['ann', 'bob', 'cy']",
        cells=("names = ['bob', 'cy', 'ann']",),
    ),
    Case(
        "one-value-is-none",
        "# mean of the marks that were given\nmean = sum(marks.values()) / len(marks)",
        "given = [m for m in marks.values() if m is not None]\nmean = sum(given) / len(given)",
        "assert mean == 4.0",
        cells=("import school\n\nmarks = school.marks()",),
        files={"school.py": "def marks():\n    return {'ann': 5, 'bob': None, 'cy': 3}\n"},
        live=True,
    ),
    Case(
        "deeper-than-thought",
        "longest = max(route['km'] for route in routes)",
        "longest = max(leg['km'] for route in routes for leg in route['legs'])",
        "assert longest == 80",
        cells=("import travel\n\nroutes = travel.routes()",),
        files={
            "travel.py": "def routes():\n    return [\n"
            "        {'id': 1, 'legs': [{'km': 12}, {'km': 80}]},\n"
            "        {'id': 2, 'legs': [{'km': 33}]},\n    ]\n"
        },
        live=True,
    ),
)
