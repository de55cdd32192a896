"""The fulfilment demo's two readings of a file: what its client sends, what independent code makes of it."""

import ast
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path
from types import ModuleType

import protovalidate
import pytest

from ops.demo import expected as placing
from ops.demo.generate import generate
from ops.demo.invoices import InvoiceFileError
from ops.demo.source import REAL
from ops.demo_fulfilment import cards, expected
from ops.demo_fulfilment.cards import DECLINED, FLAKY, OK, TIMEOUT, card
from ops.demo_fulfilment.day import day_of
from ops.demo_fulfilment.expected import CANCELLED, CONFIRMED, expect_day
from ops.demo_fulfilment.requests import Order, registrations
from ops.demo_fulfilment.run import Outcome
from ops.output import Trouble

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
real_data = pytest.mark.skipif(not REAL.is_file(), reason="the real invoices are no part of the repository")


def file_of(folder: Path, *rows: str) -> Path:
    path = folder / "invoices.csv"
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows))
    return path


def orders_of(path: Path) -> list[Order]:
    return [Order("r", number, invoice) for number, invoice in enumerate(day_of(path), 1)]


def test_of_a_hundred_orders_five_are_declined_two_not_answered_and_ten_flaky() -> None:
    for begin in (1, 43, 1_000):
        tokens = Counter(card(number) for number in range(begin, begin + 100))
        assert tokens == {DECLINED: 5, TIMEOUT: 2, FLAKY: 10, OK: 83}
    assert {card(number) for number in range(1, 8)} == {DECLINED, TIMEOUT, FLAKY, OK}


def test_the_busiest_day_counts_without_the_last_and_without_what_is_no_order(tmp_path: Path) -> None:
    path = file_of(
        tmp_path,
        "1,A,a,1,2010-12-01T09:00:00,1.00,7,UK",
        "2,A,a,1,2010-12-02T09:00:00,1.00,7,UK",
        "C3,A,a,-1,2010-12-01T10:00:00,1.00,7,UK",
        "4,A,a,-1,2010-12-01T10:00:00,0.00,,UK",
        "5,A,a,1,2010-12-01T10:00:00,-1.00,,UK",
        "6,A,a,2,2010-12-02T09:01:00,1.00,,UK",
        *(f"{number},A,a,1,2010-12-03T09:00:00,1.00,7,UK" for number in (7, 8, 9)),
    )
    assert [invoice.number for invoice in day_of(path)] == ["2", "6"]
    assert list(expect_day(path).outcomes) == ["2", "6"]


def test_of_equal_days_the_first_is_taken_and_an_only_day_is_taken_whole(tmp_path: Path) -> None:
    days = file_of(tmp_path, *(f"{day},A,a,1,2010-12-0{day}T09:00:00,1.00,7,UK" for day in (2, 1, 3)))
    assert [invoice.number for invoice in day_of(days)] == ["1"]
    assert list(expect_day(days).outcomes) == ["1"]
    only = file_of(tmp_path, "2,A,a,1,2010-12-02T09:00:00,1.00,7,UK", "1,A,a,1,2010-12-02T09:00:00,1.00,7,UK")
    assert [invoice.number for invoice in day_of(only)] == ["2", "1"]
    assert list(expect_day(only).outcomes) == ["2", "1"]


def test_a_file_without_an_order_or_without_a_column_says_so(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match="holds no order"):
        day_of(file_of(tmp_path, "C3,A,a,-1,2010-12-01T10:00:00,1.00,7,UK"))
    (tmp_path / "other.csv").write_text("InvoiceNo\n1\n")
    with pytest.raises(InvoiceFileError, match="has no column StockCode"):
        day_of(tmp_path / "other.csv")


def test_what_must_come_out_follows_from_the_cards(tmp_path: Path) -> None:
    rows = [f"{number},A,a,{number},2010-12-01T09:00:00,2.50,7,UK" for number in range(1, 8)]
    path = file_of(tmp_path, *rows, "3,B,b,5,2010-12-01T09:00:00,1.00,7,UK", "1,B,b,4,2010-12-01T09:00:00,0.00,7,UK")
    found = expect_day(path)
    assert found.outcomes == {str(number): CANCELLED if number in (3, 7) else CONFIRMED for number in range(1, 8)}
    assert found.totals == {str(number): Decimal("2.50") * number for number in (1, 2, 4, 5, 6)}
    assert found.captured == Decimal("45.00")
    assert found.left == {"A": 10, "B": 5}


def test_the_client_registers_exactly_what_it_orders_and_sends_only_what_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "invoices.csv"
    generate(path, 120)
    orders = orders_of(path)
    stock = registrations("r", [order.invoice for order in orders])
    ordered: Counter[str] = Counter()
    for order in orders:
        request = order.place()
        protovalidate.validate(request)
        assert (request.order_id, request.payment.token) == (order.order_id, card(order.number))
        for item in request.items:
            ordered[item.product_id] += item.quantity
    for each in stock:
        protovalidate.validate(each)
    assert {each.sku: each.on_hand for each in stock} == ordered
    assert len({each.context.command_id for each in stock}) == len(stock)


def test_a_customer_without_an_id_gets_one_of_the_invoice_and_addresses_stay_the_same(tmp_path: Path) -> None:
    path = file_of(tmp_path, "1,BANK CHARGES,a,1,2010-12-01T09:00:00,1.00,,UK", "2,A,a,1,2010-12-01T09:00:00,1.00,7,UK")
    first, second = (order.place() for order in orders_of(path))
    assert (first.user_id, first.customer_email) == ("r-guest-1", "customer-guest-1@example.com")
    assert (second.user_id, second.customer_email) == ("r-7", "customer-7@example.com")
    for request in registrations("r", day_of(path)):
        protovalidate.validate(request)


@pytest.mark.parametrize("module", [expected, cards, placing])
def test_the_independent_code_imports_nothing_of_the_shop(module: ModuleType) -> None:
    tree = ast.parse(Path(str(module.__file__)).read_text())
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    library = {name for name in imported if name.partition(".")[0] in sys.stdlib_module_names}
    assert imported - library <= {"ops.demo.expected", "ops.demo_fulfilment.cards"}


@real_data
def test_both_readings_of_the_real_file_take_the_same_orders() -> None:
    orders, found = orders_of(REAL), expect_day(REAL)
    assert [order.invoice.number for order in orders] == list(found.outcomes)
    assert len(orders) == 143
    assert Counter(found.outcomes.values()) == {CONFIRMED: 132, CANCELLED: 11}
    assert found.captured == Decimal("44826.69")
    for order in orders:
        protovalidate.validate(order.place())


def test_the_last_line_says_how_it_ended() -> None:
    line = "demo-fulfilment: placed=9 confirmed=6 cancelled=2 failed=1 mails=8 stock_negative=0 equal=no"
    assert str(Outcome(9, 6, 2, 1, 8, 0, equal=False)) == line
