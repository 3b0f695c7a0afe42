"""Sums cleaned orders."""

from __future__ import annotations

import pandas as pd


def revenue_by_month(orders: pd.DataFrame) -> pd.DataFrame:
    """Revenue per region and calendar month; cancelled orders (negative amounts) do not count."""
    kept = orders[orders["amount"] > 0]
    month = kept["ordered_at"].dt.to_period("M").rename("month")
    grouped = kept.groupby([kept["region"], month])["amount"]
    return grouped.agg(revenue="sum", orders="count").reset_index()


def top_customers(orders: pd.DataFrame, count: int = 10) -> pd.Series:
    """The customers with the highest revenue, highest first."""
    return orders.groupby("customer")["amount"].sum().nlargest(count)


def churned(orders: pd.DataFrame, days: int = 90) -> list[str]:
    """Customers whose last order is more than `days` before the newest order of all."""
    last = orders.groupby("customer")["ordered_at"].max()
    return sorted(last[last < orders["ordered_at"].max() - pd.Timedelta(days=days)].index)
