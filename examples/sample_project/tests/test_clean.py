from datetime import date

import pandas as pd
import pytest
from etl.clean import OrderCleaner, normalize_names, parse_amount, parse_date
from etl.errors import TooManyRejects


def test_one_customer_has_one_spelling():
    names = pd.Series(["  ADA  lovelace", "ada Lovelace", "vincent VAN gogh"])
    assert normalize_names(names).tolist() == ["Ada Lovelace", "Ada Lovelace", "Vincent van Gogh"]


@pytest.mark.parametrize("text", ["2026-03-01", "01.03.2026", " 03/01/2026 "])
def test_dates_of_all_tills(text):
    assert parse_date(text) == date(2026, 3, 1)


def test_an_unknown_date_format_is_none():
    assert parse_date("1 March") is None


def test_decimal_signs():
    assert parse_amount("1.234,50") == parse_amount("1,234.50") == parse_amount("1234.5") == 1234.5


def test_too_many_rejects_stop_the_pipeline():
    orders = pd.DataFrame(
        {"customer": ["a"], "ordered_at": ["soon"], "region": ["eu"], "amount": ["1"]}
    )
    with pytest.raises(TooManyRejects):
        OrderCleaner().clean(orders)
