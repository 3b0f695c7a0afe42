"""Classes and the project's own modules: what they really offer."""

from __future__ import annotations

from .case import Case

SHOP = '''"""A small shop."""


class Basket:
    """Things to buy; prices in cents."""

    def __init__(self, items=None):
        self.items = dict(items or {})

    def add(self, name, cents, amount=1):
        """Put `amount` of a thing into the basket."""
        self.items[name] = (cents, amount)

    @property
    def total_cents(self):
        """What all of it costs."""
        return sum(cents * amount for cents, amount in self.items.values())


def open_basket(customer, *, currency="EUR"):
    """A new basket of a customer."""
    basket = Basket()
    basket.customer, basket.currency = customer, currency
    return basket


def load_prices(path, *, sep=","):
    """Read `name<sep>cents` lines into a dict."""
    with open(path) as file:
        pairs = (line.strip().split(sep) for line in file)
        return {name: int(cents) for name, cents in pairs}
'''

OBJECTS = (
    Case(
        "property-is-called",
        "due = basket.total_cents()",
        "due = basket.total_cents",
        "assert due == 700",
        cells=(
            'import shop\n\nbasket = shop.Basket()\nbasket.add("tea", 250, 2)\n'
            'basket.add("cup", 200)',
        ),
        files={"shop.py": SHOP},
    ),
    Case(
        "attribute-by-another-name",
        "due = basket.total / 100",
        "due = basket.total_cents / 100",
        "assert due == 2.5",
        cells=('import shop\n\nbasket = shop.Basket()\nbasket.add("tea", 250)',),
        files={"shop.py": SHOP},
        live=True,
    ),
    Case(
        "argument-by-another-name",
        'prices = shop.load_prices("prices.txt", delimiter=";")',
        'prices = shop.load_prices("prices.txt", sep=";")',
        'assert prices == {"tea": 250, "cup": 200}',
        cells=("import shop",),
        files={"shop.py": SHOP, "prices.txt": "tea;250\ncup;200\n"},
        live=True,
    ),
    Case(
        "keyword-only-argument",
        'basket = shop.open_basket("ann", "CHF")',
        'basket = shop.open_basket("ann", currency="CHF")',
        'assert (basket.customer, basket.currency) == ("ann", "CHF")',
        cells=("import shop",),
        files={"shop.py": SHOP},
        live=True,
    ),
    Case(
        "function-under-another-name",
        'prices = shop.read_prices("prices.txt")',
        'prices = shop.load_prices("prices.txt")',
        'assert prices == {"tea": 250}',
        cells=("import shop",),
        files={"shop.py": SHOP, "prices.txt": "tea,250\n"},
        live=True,
    ),
    Case(
        "self-forgotten",
        "class Circle:\n    def __init__(self, radius):\n        self.radius = radius\n\n"
        "    def area():\n        return 3 * self.radius**2\n\n\narea = Circle(2).area()",
        "class Circle:\n    def __init__(self, radius):\n        self.radius = radius\n\n"
        "    def area(self):\n        return 3 * self.radius**2\n\n\narea = Circle(2).area()",
        "assert area == 12 and Circle(1).area() == 3",
    ),
    Case(
        "parent-not-initialised",
        "class Dog(Animal):\n    def __init__(self, name, tricks):\n"
        "        self.tricks = tricks\n\n\ncard = Dog('Rex', ['sit']).describe()",
        "class Dog(Animal):\n    def __init__(self, name, tricks):\n"
        "        super().__init__(name)\n        self.tricks = tricks\n\n\n"
        "card = Dog('Rex', ['sit']).describe()",
        "assert card == 'I am Rex' and Dog('Bo', []).tricks == []",
        cells=(
            "class Animal:\n    def __init__(self, name):\n        self.name = name\n\n"
            "    def describe(self):\n        return f'I am {self.name}'",
        ),
    ),
    Case(
        "list-as-a-default",
        "from dataclasses import dataclass\n\n\n@dataclass\nclass Order:\n    number: int\n"
        "    lines: list = []\n\n\norder = Order(1)\norder.lines.append('tea')",
        "from dataclasses import dataclass, field\n\n\n@dataclass\nclass Order:\n    number: int\n"
        "    lines: list = field(default_factory=list)\n\n\n"
        "order = Order(1)\norder.lines.append('tea')",
        "assert order.lines == ['tea'] and Order(2).lines == []",
    ),
    Case(
        "awaited-too-late",
        "prices = fetch_prices()\ncheapest = min(prices.values())",
        "prices = await fetch_prices()\ncheapest = min(prices.values())",
        "assert cheapest == 2",
        cells=(
            "import asyncio\n\n\nasync def fetch_prices():\n    await asyncio.sleep(0)\n"
            "    return {'tea': 2, 'cup': 5}",
        ),
    ),
    Case(
        "a-frame-that-became-a-column",
        '# rows above the average amount\nlarge = sales[sales["amount"] > sales["amount"].mean()]\n'
        'names = large["who"].tolist()',
        'sales = pd.read_csv("sales.csv")\n'
        'large = sales[sales["amount"] > sales["amount"].mean()]\nnames = large["who"].tolist()',
        'assert names == ["bob"]',
        cells=(
            'import pandas as pd\n\nsales = pd.read_csv("sales.csv")',
            'sales = sales["amount"]\nsales.max()',
        ),
        files={"sales.csv": "who,amount\nann,1\nbob,9\n"},
    ),
    Case(
        "member-by-another-name",
        'default = Level["high"].value',
        'default = Level["HIGH"].value',
        "assert default == 3",
        cells=("from alarms import Level",),
        files={
            "alarms.py": "from enum import Enum\n\n\nclass Level(Enum):\n"
            "    LOW = 1\n    MID = 2\n    HIGH = 3\n"
        },
        live=True,
    ),
    Case(
        "setting-by-another-name",
        'layers = settings["model"]["layers"]',
        'layers = settings["model"]["n_layers"]',
        "assert layers == 12",
        cells=("import training\n\nsettings = training.settings()",),
        files={
            "training.py": "def settings():\n"
            '    return {"model": {"n_layers": 12, "width": 64}, "rate": 0.01}\n'
        },
        live=True,
    ),
    Case(
        "frame-under-another-key",
        'north = int(frames["north"]["units"].sum())',
        'north = int(frames["North"]["units"].sum())',
        "assert north == 5",
        cells=("import regions\n\nframes = regions.frames()",),
        files={
            "regions.py": "import pandas as pd\n\n\ndef frames():\n"
            '    return {"North": pd.DataFrame({"units": [2, 3]}),'
            ' "South": pd.DataFrame({"units": [4]})}\n'
        },
        live=True,
    ),
)
