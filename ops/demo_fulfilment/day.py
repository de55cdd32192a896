"""Fulfilment demo, step 1: the orders of the file's busiest day."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ops.demo.invoices import Invoice, read_invoices
from ops.output import Trouble


def day_of(path: Path) -> Sequence[Invoice]:
    """The orders of the day with most of them, in file order; the last day may be cut off and counts only when it is
    the only one. Cancellations and what the shop refuses are none. Raises InvoiceFileError, and Trouble for no order.
    """
    orders = [invoice for invoice in read_invoices(path) if _is_order(invoice)]
    if not orders:
        raise Trouble(f"{path} holds no order: name a CSV file of invoices with DATA=path, or none")
    counts = Counter(order.time.date() for order in orders)
    whole = {day: count for day, count in counts.items() if day != max(counts)} or counts
    busiest = max(whole, key=lambda day: (whole[day], -day.toordinal()))
    return [order for order in orders if order.time.date() == busiest]


def _is_order(invoice: Invoice) -> bool:
    return not invoice.is_cancellation and all(line.quantity > 0 and line.pence >= 0 for line in invoice.lines)
