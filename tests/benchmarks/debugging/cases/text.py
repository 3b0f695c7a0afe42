"""Text that does not look as the code thinks: patterns, formats, parts."""

from __future__ import annotations

from .case import Case

TEXT = (
    Case(
        "pattern-that-does-not-match",
        'number = int(re.search(r"order (\\d+)", first).group(1))',
        'number = int(re.search(r"Order #(\\d+)", first).group(1))',
        "assert number == 4711",
        cells=('import re\n\nwith open("mail.txt") as file:\n    first = file.readline()',),
        files={"mail.txt": "Re: Order #4711 was shipped on Monday\nThanks\n"},
        live=True,
    ),
    Case(
        "bracket-not-closed",
        'years = re.findall(r"((\\d{4})", "from 1999 to 2004")',
        'years = re.findall(r"(\\d{4})", "from 1999 to 2004")',
        'assert years == ["1999", "2004"]',
        cells=("import re",),
    ),
    Case(
        "time-beside-the-date",
        'start = datetime.strptime(stamp, "%Y-%m-%d")',
        'start = datetime.strptime(stamp, "%Y-%m-%dT%H:%M")',
        "assert (start.year, start.month, start.day) == (2023, 5, 1)",
        cells=('from datetime import datetime\n\nstamp = open("stamp.txt").read().strip()',),
        files={"stamp.txt": "2023-05-01T14:30\n"},
    ),
    Case(
        "more-parts-than-names",
        "pairs = {}\nfor line in lines:\n    name, phone = line.split(',')\n"
        "    pairs[name] = phone",
        "pairs = {}\nfor line in lines:\n    name, _, phone = line.split(',')\n"
        "    pairs[name] = phone",
        "assert pairs == {'ann': '555', 'bob': '777'}",
        cells=("lines = open('phones.txt').read().splitlines()",),
        files={"phones.txt": "ann,sales,555\nbob,lab,777\n"},
        live=True,
    ),
    Case(
        "equals-sign-in-the-value",
        'options = dict(line.split("=") for line in lines)',
        'options = dict(line.split("=", 1) for line in lines)',
        'assert options == {"query": "a=b", "size": "3"}',
        cells=('lines = open("options.txt").read().splitlines()',),
        files={"options.txt": "query=a=b\nsize=3\n"},
        live=True,
    ),
    Case(
        "whole-numbers-with-a-point",
        'ids = [int(part) for part in open("ids.txt").read().split()]',
        'ids = [int(float(part)) for part in open("ids.txt").read().split()]',
        "assert ids == [12, 7, 30]",
        files={"ids.txt": "12.0 7.0 30.0\n"},
    ),
    Case(
        "list-under-a-key",
        'names = [user["name"] for user in reply]',
        'names = [user["name"] for user in reply["results"]]',
        'assert names == ["ann", "bob"]',
        cells=('import json\n\nreply = json.load(open("reply.json"))',),
        files={"reply.json": '{"count": 2, "results": [{"name": "ann"}, {"name": "bob"}]}'},
        live=True,
    ),
    Case(
        "some-records-say-it-otherwise",
        'cities = [person["address"]["city"] for person in people]',
        'cities = [person.get("address", person.get("location"))["city"] for person in people]',
        'assert cities == ["Rome", "Lima", "Oslo"]',
        cells=('import json\n\npeople = json.load(open("people.json"))',),
        files={
            "people.json": '[{"address": {"city": "Rome"}}, {"location": {"city": "Lima"}},'
            ' {"address": {"city": "Oslo"}}]'
        },
        live=True,
    ),
    Case(
        "numbers-as-keys",
        'wanted = ["3", "1"]\nnames = [stations[number] for number in wanted]',
        'wanted = ["3", "1"]\nnames = [stations[int(number)] for number in wanted]',
        'assert names == ["Harbour", "Centre"]',
        cells=("import depot\n\nstations = depot.stations()",),
        files={
            "depot.py": 'def stations():\n    return {1: "Centre", 2: "Market", 3: "Harbour"}\n'
        },
        live=True,
    ),
)
