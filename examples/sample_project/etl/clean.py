"""Makes the columns of an export uniform: names, dates, amounts."""

from __future__ import annotations

import re
from datetime import date, datetime

import pandas as pd

from .errors import TooManyRejects

# Each region's till writes its own; the order decides where a date can be read in two ways.
DATE_FORMATS = ("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y")
MAX_REJECTED = 0.05


def normalize_names(names: pd.Series) -> pd.Series:
    """Strip, collapse inner blanks and capitalise, so that one customer has one spelling.

    "  ADA  lovelace" becomes "Ada Lovelace"; particles such as "van" stay in lower case.
    """
    return names.map(_normalize_name)


def _normalize_name(name: str) -> str:
    words = re.sub(r"\s+", " ", name.strip()).lower().split(" ")
    return " ".join(
        word if word in {"van", "von", "de", "der"} else word.capitalize() for word in words
    )


def parse_date(text: str) -> date | None:
    """Read a date in any of the formats that the tills write; None if it is in none of them."""
    for pattern in DATE_FORMATS:
        try:
            return datetime.strptime(text.strip(), pattern).date()
        except ValueError:
            continue
    return None


def parse_amount(text: str) -> float:
    """Read an amount with a point or a comma as the decimal sign.

    Raises ValueError if it is neither.
    """
    text = text.strip().replace(" ", "")
    if "," in text and "." in text:
        text = text.replace("." if text.rfind(",") > text.rfind(".") else ",", "")
    return float(text.replace(",", "."))


class OrderCleaner:
    """Cleans exports and counts what it had to reject."""

    def __init__(self, max_rejected: float = MAX_REJECTED) -> None:
        self.max_rejected = max_rejected
        self.rejected = 0
        self.seen = 0

    def clean(self, orders: pd.DataFrame) -> pd.DataFrame:
        """Return the readable rows with typed columns.

        Raises TooManyRejects if more than `max_rejected` of them are unreadable.
        """
        dates = orders["ordered_at"].map(parse_date)
        cleaned = orders.assign(
            customer=normalize_names(orders["customer"]),
            ordered_at=pd.to_datetime(dates),
            region=orders["region"].str.upper(),
            amount=orders["amount"].map(parse_amount),
        ).loc[dates.notna()]
        self.seen += len(orders)
        self.rejected += len(orders) - len(cleaned)
        if self.seen and self.rejected / self.seen > self.max_rejected:
            raise TooManyRejects(f"{self.rejected} of {self.seen} rows have an unreadable date")
        return cleaned


def clean_orders(orders: pd.DataFrame) -> pd.DataFrame:
    """Clean one export with the usual limit."""
    return OrderCleaner().clean(orders)
