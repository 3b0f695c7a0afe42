"""From the shop's daily exports to revenue by region and month."""

from .clean import clean_orders, normalize_names, parse_date

__all__ = ["clean_orders", "normalize_names", "parse_date"]
