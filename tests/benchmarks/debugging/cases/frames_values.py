"""Data frames whose values are not what the code takes them for: dates, numbers, flags."""

from __future__ import annotations

from .case import Case

FRAME_VALUES = (
    Case(
        "day-first-dates",
        'rides["day"] = pd.to_datetime(rides["day"], format="%m/%d/%Y")\n'
        'months = rides["day"].dt.month.tolist()',
        'rides["day"] = pd.to_datetime(rides["day"], format="%d/%m/%Y")\n'
        'months = rides["day"].dt.month.tolist()',
        "assert months == [1, 2, 3]",
        cells=('import pandas as pd\n\nrides = pd.read_csv("rides.csv")',),
        files={"rides.csv": "day,km\n05/01/2023,3\n11/02/2023,8\n28/03/2023,5\n"},
        live=True,
    ),
    Case(
        "dates-are-still-text",
        'per_month = log.groupby(log["when"].dt.month)["n"].sum()',
        'per_month = log.groupby(pd.to_datetime(log["when"]).dt.month)["n"].sum()',
        "assert per_month.to_dict() == {1: 3, 2: 5}",
        cells=('import pandas as pd\n\nlog = pd.read_csv("log.csv")',),
        files={"log.csv": "when,n\n2023-01-04,1\n2023-01-30,2\n2023-02-01,5\n"},
    ),
    Case(
        "resample-without-a-date-index",
        'weekly = power.resample("W")["kwh"].sum()',
        'power["time"] = pd.to_datetime(power["time"])\n'
        'weekly = power.resample("W", on="time")["kwh"].sum()',
        "assert weekly.tolist() == [3.0, 9.0]",
        cells=('import pandas as pd\n\npower = pd.read_csv("power.csv")',),
        files={"power.csv": "time,kwh\n2023-01-02,1\n2023-01-05,2\n2023-01-09,4\n2023-01-12,5\n"},
        live=True,
    ),
    Case(
        "aware-against-naive-time",
        'recent = jobs[jobs["ended"] > datetime(2023, 5, 1)]',
        'recent = jobs[jobs["ended"] > datetime(2023, 5, 1, tzinfo=timezone.utc)]',
        'assert recent["job"].tolist() == ["b"]',
        cells=(
            "from datetime import datetime, timezone\n\nimport pandas as pd\n\n"
            'jobs = pd.read_csv("jobs.csv", parse_dates=["ended"])',
        ),
        files={"jobs.csv": "job,ended\na,2023-04-01T10:00:00Z\nb,2023-05-02T11:00:00Z\n"},
    ),
    Case(
        "thousands-separators",
        'population["people"] = population["people"].astype(int)\n'
        'total = int(population["people"].sum())',
        'population["people"] = population["people"].str.replace(",", "").astype(int)\n'
        'total = int(population["people"].sum())',
        "assert total == 2345678",
        cells=('import pandas as pd\n\npopulation = pd.read_csv("people.csv")',),
        files={"people.csv": 'town,people\nA,"1,345,678"\nB,"1,000,000"\n'},
    ),
    Case(
        "currency-signs",
        'average = bills["amount"].astype(float).mean()',
        'average = bills["amount"].str.lstrip("$").astype(float).mean()',
        "assert abs(average - 20.0) < 1e-9",
        cells=('import pandas as pd\n\nbills = pd.read_csv("bills.csv")',),
        files={"bills.csv": "who,amount\nann,$12.50\nbob,$27.50\n"},
    ),
    Case(
        "missing-marked-by-words",
        '# mean of the readings that are there\nmean = sensors["value"].astype(float).mean()',
        'mean = pd.to_numeric(sensors["value"], errors="coerce").mean()',
        "assert abs(mean - 2.0) < 1e-9",
        cells=('import pandas as pd\n\nsensors = pd.read_csv("sensors.csv")',),
        files={"sensors.csv": "id,value\n1,1.5\n2,broken\n3,2.5\n4,offline\n"},
        live=True,
    ),
    Case(
        "percent-signs",
        '# as fractions\nrates = polls["share"].astype(float)',
        'rates = polls["share"].str.rstrip("%").astype(float) / 100',
        "assert [round(float(r), 4) for r in rates] == [0.455, 0.3]",
        cells=('import pandas as pd\n\npolls = pd.read_csv("polls.csv")',),
        files={"polls.csv": "party,share\nX,45.5%\nY,30%\n"},
    ),
    Case(
        "decimal-commas",
        'heaviest = parcels["kg"].astype(float).max()',
        'heaviest = parcels["kg"].str.replace(",", ".").astype(float).max()',
        "assert heaviest == 12.75",
        cells=('import pandas as pd\n\nparcels = pd.read_csv("parcels.csv", sep=";")',),
        files={"parcels.csv": "id;kg\n1;3,5\n2;12,75\n3;0,9\n"},
    ),
    Case(
        "flags-in-words",
        'active = sum(int(flag) for flag in users["active"])',
        'active = sum(flag == "Y" for flag in users["active"])',
        "assert active == 3",
        cells=('import pandas as pd\n\nusers = pd.read_csv("users.csv")',),
        files={"users.csv": "user,active\na,Y\nb,N\nc,Y\nd,Y\n"},
        live=True,
    ),
    Case(
        "holes-in-integers",
        '# whole numbers, holes kept\nages = people["age"].astype(int)',
        'ages = people["age"].astype("Int64")',
        "assert ages.isna().sum() == 1 and ages.dropna().astype(int).tolist() == [31, 47]",
        cells=('import pandas as pd\n\npeople = pd.read_csv("people.csv")',),
        files={"people.csv": "name,age\na,31\nb,\nc,47\n"},
    ),
    Case(
        "units-in-the-values",
        '# in metres\ntallest = trees["height"].astype(float).max()',
        'tallest = trees["height"].str.removesuffix(" m").astype(float).max()',
        "assert tallest == 31.5",
        cells=('import pandas as pd\n\ntrees = pd.read_csv("trees.csv")',),
        files={"trees.csv": "kind,height\noak,21 m\nfir,31.5 m\n"},
        live=True,
    ),
    Case(
        "lists-stored-as-text",
        '# how many of the tags are "sale"\n'
        'tags = items["tags"].explode()\nsales = int(tags.value_counts()["sale"])',
        "import ast\n\n"
        'tags = items["tags"].map(ast.literal_eval).explode()\n'
        'sales = int(tags.value_counts()["sale"])',
        "assert sales == 2",
        cells=('import pandas as pd\n\nitems = pd.read_csv("items.csv")',),
        files={"items.csv": "id,tags\n1,\"['new', 'sale']\"\n2,\"['sale']\"\n3,\"['old']\"\n"},
        live=True,
    ),
    Case(
        "months-by-name",
        "# in the order of the year\n"
        'rain["month"] = rain["month"].astype(int)\n'
        'ordered = rain.sort_values("month")["mm"].tolist()',
        'rain["month"] = pd.to_datetime(rain["month"], format="%b").dt.month\n'
        'ordered = rain.sort_values("month")["mm"].tolist()',
        "assert ordered == [50, 40, 61]",
        cells=('import pandas as pd\n\nrain = pd.read_csv("rain.csv")',),
        files={"rain.csv": "month,mm\nMar,61\nJan,50\nFeb,40\n"},
        live=True,
    ),
)
