"""Data frames: columns, keys, shapes and methods that are gone."""

from __future__ import annotations

from .case import Case

SALES = (
    "Region,Product,Unit Price,Units,Sold On\n"
    "North,Tea,2.50,10,2023-01-05\n"
    "South,Tea,2.75,4,2023-01-09\n"
    "North,Coffee,4.00,7,2023-02-11\n"
    "South,Coffee,4.20,6,2023-02-20\n"
    "West,Tea,2.60,9,2023-03-02\n"
)
LOAD = 'import pandas as pd\n\nsales = pd.read_csv("sales.csv")'

FRAMES = (
    Case(
        "column-case",
        'units = sales.groupby("region")["Units"].sum()',
        'units = sales.groupby("Region")["Units"].sum()',
        'assert units.to_dict() == {"North": 17, "South": 10, "West": 9}',
        cells=(LOAD,),
        files={"sales.csv": SALES},
        live=True,
    ),
    Case(
        "two-columns-misspelt",
        'sales["revenue"] = sales["unit_price"] * sales["units"]\ntotal = sales["revenue"].sum()',
        'sales["revenue"] = sales["Unit Price"] * sales["Units"]\ntotal = sales["revenue"].sum()',
        "assert abs(total - 112.6) < 1e-6",
        cells=(LOAD,),
        files={"sales.csv": SALES},
        live=True,
    ),
    Case(
        "column-with-blanks",
        'by_city = readings.groupby("city")["pm10"].mean().round(1)',
        'by_city = readings.groupby(" city ")["pm10 "].mean().round(1)',
        "assert sorted(float(v) for v in by_city) == [12.5, 31.0]",
        cells=('import pandas as pd\n\nreadings = pd.read_csv("air.csv")',),
        files={"air.csv": "station, city ,pm10 \n1,Oslo,12\n2,Oslo,13\n3,Delhi,31\n"},
        live=True,
    ),
    Case(
        "other-name-for-column",
        "oldest = staff.sort_values('age', ascending=False).iloc[0]['name']",
        "oldest = staff.sort_values('age_years', ascending=False).iloc[0]['full_name']",
        "assert oldest == 'Ines Duarte'",
        cells=("import pandas as pd\n\nstaff = pd.read_json('staff.json')",),
        files={
            "staff.json": '[{"full_name": "Bo Lind", "age_years": 31, "dept": "IT"},'
            ' {"full_name": "Ines Duarte", "age_years": 58, "dept": "HR"}]'
        },
        live=True,
    ),
    Case(
        "columns-in-two-levels",
        'top = stats.sort_values("mean", ascending=False).index[0]',
        'top = stats.sort_values(("score", "mean"), ascending=False).index[0]',
        'assert top == "b"',
        cells=(
            "import pandas as pd\n\n"
            'scores = pd.DataFrame({"team": list("aabbcc"), "score": [1, 2, 9, 8, 4, 3]})\n'
            'stats = scores.groupby("team").agg({"score": ["mean", "max"]})',
        ),
    ),
    Case(
        "merge-on-a-key-that-one-side-lacks",
        'joined = orders.merge(customers, on="customer_id")',
        'joined = orders.merge(customers, left_on="customer_id", right_on="cust")',
        'assert len(joined) == 3 and sorted(joined["name"]) == ["Ann", "Ann", "Bob"]',
        cells=(
            "import pandas as pd\n\n"
            'orders = pd.read_csv("orders.csv")\ncustomers = pd.read_csv("customers.csv")',
        ),
        files={
            "orders.csv": "order,customer_id\n1,7\n2,8\n3,7\n",
            "customers.csv": "cust,name\n7,Ann\n8,Bob\n9,Eve\n",
        },
        live=True,
    ),
    Case(
        "merge-of-text-with-numbers",
        'joined = visits.merge(patients, on="patient")',
        'joined = visits.merge(patients.assign(patient=patients["patient"].astype(int)),'
        ' on="patient")',
        'assert len(joined) == 2 and set(joined["ward"]) == {"A", "B"}',
        cells=(
            "import pandas as pd\n\n"
            'visits = pd.read_csv("visits.csv")\n'
            'patients = pd.read_csv("patients.csv", dtype=str)',
        ),
        files={
            "visits.csv": "patient,day\n11,1\n12,2\n",
            "patients.csv": "patient,ward\n11,A\n12,B\n",
        },
    ),
    Case(
        "pivot-with-duplicates",
        "# units by region and product, duplicates added up\n"
        'table = sales.pivot(index="Region", columns="Product", values="Units")',
        'table = sales.pivot_table(index="Region", columns="Product", values="Units",'
        ' aggfunc="sum")',
        'assert table.loc["North", "Tea"] == 13 and table.loc["South", "Coffee"] == 6',
        cells=(LOAD,),
        files={"sales.csv": SALES + "North,Tea,2.50,3,2023-04-01\n"},
    ),
    Case(
        "mean-of-text-columns",
        'means = sales.groupby("Product").mean()',
        'means = sales.groupby("Product").mean(numeric_only=True)',
        'assert abs(means.loc["Coffee", "Units"] - 6.5) < 1e-9 and "Region" not in means',
        cells=(LOAD,),
        files={"sales.csv": SALES},
    ),
    Case(
        "append-is-gone",
        'log = log.append({"step": 3, "loss": 0.2}, ignore_index=True)',
        'log = pd.concat([log, pd.DataFrame([{"step": 3, "loss": 0.2}])], ignore_index=True)',
        'assert log["loss"].tolist() == [0.9, 0.4, 0.2] and log["step"].tolist() == [1, 2, 3]',
        cells=('import pandas as pd\n\nlog = pd.DataFrame({"step": [1, 2], "loss": [0.9, 0.4]})',),
    ),
    Case(
        "fillna-method-is-gone",
        'filled = temps.fillna(method="ffill")',
        "filled = temps.ffill()",
        "assert filled.tolist() == [20.0, 20.0, 21.5, 21.5]",
        cells=("import pandas as pd\n\ntemps = pd.Series([20.0, None, 21.5, None])",),
    ),
    Case(
        "in-place-gives-none",
        'ranked = sales.sort_values("Units", ascending=False, inplace=True)\n'
        'best = ranked["Product"].iloc[0]',
        'ranked = sales.sort_values("Units", ascending=False)\nbest = ranked["Product"].iloc[0]',
        'assert best == "Tea" and ranked["Units"].is_monotonic_decreasing',
        cells=(LOAD,),
        files={"sales.csv": SALES},
    ),
    Case(
        "and-between-masks",
        'picked = sales[(sales["Units"] > 5) and (sales["Product"] == "Tea")]',
        'picked = sales[(sales["Units"] > 5) & (sales["Product"] == "Tea")]',
        'assert picked["Units"].tolist() == [10, 9]',
        cells=(LOAD,),
        files={"sales.csv": SALES},
    ),
    Case(
        "query-of-a-column-with-a-space",
        'dear = sales.query("Unit_Price > 3")',
        'dear = sales.query("`Unit Price` > 3")',
        'assert len(dear) == 2 and set(dear["Product"]) == {"Coffee"}',
        cells=(LOAD,),
        files={"sales.csv": SALES},
        live=True,
    ),
    Case(
        "differences-are-one-short",
        '# change against the day before\nprices["change"] = np.diff(prices["close"])',
        'prices["change"] = prices["close"].diff()',
        'assert prices["change"].iloc[1:].tolist() == [2.0, -1.0, 4.0] and len(prices) == 4',
        cells=(
            "import numpy as np\nimport pandas as pd\n\n"
            'prices = pd.DataFrame({"close": [10.0, 12.0, 11.0, 15.0]})',
        ),
    ),
    Case(
        "label-of-another-type",
        'gdp_2021 = gdp.loc["2021", "Norway"]',
        'gdp_2021 = gdp.loc[2021, "Norway"]',
        "assert gdp_2021 == 490",
        cells=('import pandas as pd\n\ngdp = pd.read_csv("gdp.csv", index_col="year")',),
        files={"gdp.csv": "year,Norway,Kenya\n2020,362,101\n2021,490,110\n"},
        live=True,
    ),
    Case(
        "empty-for-a-wrong-spelling",
        "# average price of the flats in Paris\n"
        'paris = flats[flats["city"] == "Paris"]\n'
        'average = sum(paris["price"]) / len(paris)',
        'paris = flats[flats["city"] == "PARIS"]\naverage = sum(paris["price"]) / len(paris)',
        "assert abs(average - 450.0) < 1e-9",
        cells=('import pandas as pd\n\nflats = pd.read_csv("flats.csv")',),
        files={"flats.csv": "city,price\nPARIS,400\nLYON,200\nPARIS,500\n"},
        live=True,
    ),
    Case(
        "reindex-with-duplicates",
        "# stock per item, missing items 0\n"
        'stock = counts.reindex(["bolt", "nut", "screw"]).fillna(0)',
        'stock = counts.groupby(level=0).sum().reindex(["bolt", "nut", "screw"]).fillna(0)',
        'assert stock.to_dict() == {"bolt": 7, "nut": 3, "screw": 0}',
        cells=('import pandas as pd\n\ncounts = pd.read_csv("counts.csv").set_index("item")["n"]',),
        files={"counts.csv": "item,n\nbolt,5\nnut,3\nbolt,2\n"},
    ),
    Case(
        "years-as-text",
        "growth = people[2021] - people[2020]",
        'growth = people["2021"] - people["2020"]',
        "assert growth.tolist() == [5, -2]",
        cells=('import pandas as pd\n\npeople = pd.read_csv("people.csv", index_col="town")',),
        files={"people.csv": "town,2020,2021\nA,100,105\nB,80,78\n"},
        live=True,
    ),
    Case(
        "level-by-another-name",
        'oslo = air.xs("Oslo", level="city")["pm10"].tolist()',
        'oslo = air.xs("Oslo", level="town")["pm10"].tolist()',
        "assert oslo == [11, 12]",
        cells=("import station\n\nair = station.readings()",),
        files={
            "station.py": "import pandas as pd\n\n\ndef readings():\n"
            '    index = pd.MultiIndex.from_product([["Oslo", "Rome"], [1, 2]],'
            ' names=["town", "day"])\n'
            '    return pd.DataFrame({"pm10": [11, 12, 30, 31]}, index=index)\n'
        },
        live=True,
    ),
    Case(
        "renamed-what-is-not-there",
        'costs = costs.rename(columns={"amt": "amount"})\ntotal = int(costs["amount"].sum())',
        'costs = costs.rename(columns={"AMT": "amount"})\ntotal = int(costs["amount"].sum())',
        "assert total == 30",
        cells=('import pandas as pd\n\ncosts = pd.read_csv("costs.csv")',),
        files={"costs.csv": "DEPT,AMT\nA,10\nB,20\n"},
        live=True,
    ),
)
