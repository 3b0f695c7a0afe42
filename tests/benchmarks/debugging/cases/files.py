"""Files that are elsewhere, or otherwise than thought."""

from __future__ import annotations

from .case import Case

FILES = (
    Case(
        "another-file-name",
        'sales = pd.read_csv("data/sales_2023.csv")\ntotal = int(sales["units"].sum())',
        'sales = pd.read_csv("data/sales-2023.csv")\ntotal = int(sales["units"].sum())',
        "assert total == 12",
        cells=("import pandas as pd",),
        files={"data/sales-2023.csv": "units\n5\n7\n", "data/notes.txt": "none"},
        live=True,
    ),
    Case(
        "another-folder",
        'with open("config.json") as file:\n    config = json.load(file)\nrate = config["rate"]',
        'with open("settings/config.json") as file:\n    config = json.load(file)\n'
        'rate = config["rate"]',
        "assert rate == 0.25",
        cells=("import json",),
        files={"settings/config.json": '{"rate": 0.25}', "readme.md": "# hello"},
        live=True,
    ),
    Case(
        "latin-letters",
        'towns = pd.read_csv("towns.csv")\nfirst = towns["town"].iloc[0]',
        'towns = pd.read_csv("towns.csv", encoding="latin-1")\nfirst = towns["town"].iloc[0]',
        'assert first == "Málaga" and towns["people"].sum() == 1100',
        cells=("import pandas as pd",),
        files={"towns.csv": "town,people\nMálaga,580\nGijón,520\n".encode("latin-1")},
    ),
    Case(
        "semicolons",
        'stations = pd.read_csv("stations.csv")\nhighest = stations["altitude"].max()',
        'stations = pd.read_csv("stations.csv", sep=";")\nhighest = stations["altitude"].max()',
        "assert highest == 3571",
        cells=("import pandas as pd",),
        files={"stations.csv": "station;altitude\nBern;553\nJungfrau;3571\n"},
        live=True,
    ),
    Case(
        "lines-of-json",
        'with open("events.json") as file:\n    events = json.load(file)\n'
        'kinds = [event["kind"] for event in events]',
        'with open("events.json") as file:\n    events = [json.loads(line) for line in file]\n'
        'kinds = [event["kind"] for event in events]',
        'assert kinds == ["open", "click", "close"]',
        cells=("import json",),
        files={"events.json": '{"kind": "open"}\n{"kind": "click"}\n{"kind": "close"}\n'},
    ),
    Case(
        "byte-order-mark",
        'with open("users.json", encoding="utf-8") as file:\n    users = json.load(file)',
        'with open("users.json", encoding="utf-8-sig") as file:\n    users = json.load(file)',
        'assert users == ["ann", "bob"]',
        cells=("import json",),
        files={"users.json": '["ann", "bob"]'.encode("utf-8-sig")},
    ),
    Case(
        "remarks-before-the-table",
        'weather = pd.read_csv("weather.csv")\nwarmest = weather["temp"].max()',
        'weather = pd.read_csv("weather.csv", comment="#")\nwarmest = weather["temp"].max()',
        "assert warmest == 21",
        cells=("import pandas as pd",),
        files={"weather.csv": "# station 12\n# by hand, daily\nday,temp,wind\n1,18,3\n2,21,4\n"},
        live=True,
    ),
    Case(
        "total-line-below-the-table",
        "# sum of all departments\n"
        'costs = pd.read_csv("costs.csv")\ntotal = costs["cost"].astype(int).sum()',
        'costs = pd.read_csv("costs.csv", skipfooter=1, engine="python")\n'
        'total = costs["cost"].astype(int).sum()',
        "assert int(total) == 700",
        cells=("import pandas as pd",),
        files={"costs.csv": "dept,cost\nA,300\nB,400\n-- end of report --,see page 2\n"},
        live=True,
    ),
    Case(
        "columns-to-read",
        'series = pd.read_csv("series.csv", usecols=["date", "value"])\n'
        'total = int(series["value"].sum())',
        'series = pd.read_csv("series.csv", usecols=["Date", "Value"])\n'
        'total = int(series["Value"].sum())',
        "assert total == 9",
        cells=("import pandas as pd",),
        files={"series.csv": "Id,Date,Value\n1,2023-01-01,4\n2,2023-01-02,5\n"},
        live=True,
    ),
    Case(
        "date-column-to-parse",
        'series = pd.read_csv("series.csv", parse_dates=["date"])\n'
        'first = series["date"].min().day',
        'series = pd.read_csv("series.csv", parse_dates=["Measured"])\n'
        'first = series["Measured"].min().day',
        "assert first == 3",
        cells=("import pandas as pd",),
        files={"series.csv": "Measured,Value\n2023-01-04,4\n2023-01-03,5\n"},
        live=True,
    ),
    Case(
        "table-with-other-columns",
        'rows = db.execute("SELECT name FROM staff WHERE age > 40").fetchall()',
        'rows = db.execute("SELECT full_name FROM staff WHERE age > 40").fetchall()',
        'assert rows == [("Ines Duarte",)]',
        cells=("import archive\n\ndb = archive.connect()",),
        files={
            "archive.py": "import sqlite3\n\n\ndef connect():\n"
            '    db = sqlite3.connect(":memory:")\n'
            '    db.execute("CREATE TABLE staff (full_name TEXT, age INTEGER)")\n'
            "    db.execute(\"INSERT INTO staff VALUES ('Ines Duarte', 58), ('Bo Lind', 31)\")\n"
            "    return db\n"
        },
        live=True,
    ),
)
