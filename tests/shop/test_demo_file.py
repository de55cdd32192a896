"""The demo's two readings of a file: what the client finds out as it goes, and what independent code makes of it."""

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from ops.demo.expected import Expected, expect
from ops.demo.generate import generate
from ops.demo.invoices import InvoiceFileError, Line, read_invoices
from ops.demo.purchases import Part, Purchases, Whole
from ops.demo.requests import Requests
from ops.demo.source import REAL

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
real_data = pytest.mark.skipif(not REAL.is_file(), reason="the real invoices are no part of the repository")


def counted(expected: Expected) -> tuple[int, ...]:
    return expected.invoices, len(expected.orders), expected.cancelled, expected.unmatched, expected.refused


def bought(*lines: tuple[str, int, int]) -> list[Line]:
    """Lines of (code, quantity, pence)."""
    return [Line(code, "", quantity, pence) for code, quantity, pence in lines]


def client_reading(path: Path) -> tuple[Counter[str], dict[str, dict[tuple[str, int], int]], set[str]]:
    """Where the invoices go, what is left of each order, which are cancelled, as the client goes through them."""
    counts: Counter[str] = Counter()
    left: dict[str, dict[tuple[str, int], int]] = {}
    cancelled: set[str] = set()
    customers: dict[str, Purchases] = {}
    for invoice in read_invoices(path):
        purchases = customers.setdefault(Requests("r", invoice).customer, Purchases())
        if not invoice.is_cancellation:
            if any(line.quantity < 1 or line.pence < 0 for line in invoice.lines):
                counts["refused"] += 1
                continue
            purchases.bought(invoice.number, invoice.lines)
            held: Counter[tuple[str, int]] = Counter()
            for line in invoice.lines:
                held[line.code, line.pence] += line.quantity
            left[invoice.number] = dict(held)
            counts["orders"] += 1
        elif (found := purchases.find(invoice.lines)) is None:
            counts["unmatched"] += 1
        else:
            counts["cancelled"] += 1
            purchases.settle(found)
            if isinstance(found, Whole):
                cancelled.add(found.order_id)
            else:
                left[found.order_id].update(found.left)
    return counts, left, cancelled


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_both_readings_of_a_generated_file_agree(tmp_path: Path, seed: int) -> None:
    generate(tmp_path / "invoices.csv", 1_000, seed)
    expected = expect(tmp_path / "invoices.csv")
    counts, left, cancelled = client_reading(tmp_path / "invoices.csv")
    assert min(len(expected.orders), expected.cancelled, expected.unmatched, expected.refused) > 0
    assert counted(expected) == (
        1_000,
        counts["orders"],
        counts["cancelled"],
        counts["unmatched"],
        counts["refused"],
    )
    assert {order.invoice for order in expected.orders if order.cancelled} == cancelled
    for order in expected.orders:
        held = {line: quantity for line, quantity in left[order.invoice].items() if quantity}
        assert {(code, int(price * 100)): n for (code, price), n in order.quantities.items()} == held


def test_the_same_seed_gives_the_same_file(tmp_path: Path) -> None:
    for name in ("one", "other"):
        generate(tmp_path / name, 50)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


@real_data
def test_every_invoice_of_the_real_file_has_its_place() -> None:
    expected = expect(REAL)
    assert counted(expected) == (5_000, 3_973, 432, 378, 217)
    assert (expected.lines, expected.revenue) == (105_233, Decimal("1979916.92"))
    assert sum(order.cancelled for order in expected.orders) == 20


@real_data
def test_both_readings_of_the_real_file_agree() -> None:
    counts, _, cancelled = client_reading(REAL)
    assert counts == Counter(orders=3_973, cancelled=432, unmatched=378, refused=217)
    assert len(cancelled) == 20


def test_an_order_that_is_cancelled_whole_is_the_latest_equal_one() -> None:
    purchases = Purchases()
    for order_id in ("first", "second"):
        purchases.bought(order_id, bought(("a", 2, 100), ("a", 1, 90)))
    purchases.bought("third", bought(("a", 5, 100)))
    found = purchases.find(bought(("a", -3, 100)))
    assert found == Whole("second")
    purchases.settle(Whole("second"))
    assert purchases.find(bought(("a", -3, 100))) == Whole("first")


def test_a_part_comes_off_the_latest_order_that_covers_it_and_off_its_own_price_first() -> None:
    purchases = Purchases()
    purchases.bought("first", bought(("a", 9, 100), ("b", 1, 5)))
    purchases.bought("second", bought(("a", 4, 90), ("a", 3, 100), ("b", 1, 5)))
    purchases.bought("third", bought(("a", 1, 100)))
    part = Part("second", ((("a", 90), 3), (("a", 100), 0)))
    assert purchases.find(bought(("a", -4, 100))) == part
    purchases.settle(part)
    assert purchases.find(bought(("a", -3, 90), ("b", -1, 5))) == Whole("second")


def test_what_nobody_bought_or_is_no_return_is_found_nowhere() -> None:
    purchases = Purchases()
    purchases.bought("first", bought(("a", 2, 100)))
    assert purchases.find(bought(("a", -3, 100))) is None
    assert purchases.find(bought(("z", -1, 100))) is None
    assert purchases.find(bought(("a", 2, 100))) is None


def test_a_file_that_cannot_be_read_says_where_and_why(tmp_path: Path) -> None:
    path = tmp_path / "invoices.csv"
    for content, text in (
        ("InvoiceNo,StockCode\n", "has no column Description"),
        (HEADER + "1,a,A,many,2010-12-01T08:26:00,2.55,7,UK\n", "invoice 1: invalid literal"),
        (HEADER + "1,a,A,1,2010-12-01T08:26:00,2.555,7,UK\n", "invoice 1: price 2.555 is no whole number of pence"),
        (HEADER + "1,a,A,1,yesterday,2.55,7,UK\n", "invoice 1: Invalid isoformat"),
    ):
        path.write_text(content)
        with pytest.raises(InvoiceFileError, match=text):
            read_invoices(path)


def test_commands_of_two_runs_never_share_an_id(tmp_path: Path) -> None:
    generate(tmp_path / "invoices.csv", 30)
    ids: list[str] = []
    for run in ("run-1", "run-2"):
        for invoice in read_invoices(tmp_path / "invoices.csv"):
            requests = Requests(run, invoice)
            assert requests.customer.startswith(run)
            ids += [add.context.command_id for add in requests.adds()]
            ids += [requests.create().context.command_id, requests.clear().context.command_id]
            ids += [requests.cancel(Whole("x")).context.command_id]
    assert len(ids) == len(set(ids))
