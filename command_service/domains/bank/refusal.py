"""Step 4: the bank's refusals, ready to be raised, and what their texts share."""

from cqrs.bank.v1.errors_pb2 import BankError
from cqrs.common.v1.common_pb2 import Money

from command_service.domains.money import spelled
from runtime.refusals import Refusals

refuse = Refusals(BankError)
"""`raise refuse(BANK_ERROR_…, text)`; the enum's comments say why and what to do."""

LARGEST_SUM = 2**63 - 1
"""What all credits of an account, and all its debits, may come to at most, in minor units: what Money holds."""


def money(minor_units: int, currency: str) -> Money:
    """An amount as messages hold it."""
    return Money(minor_units=minor_units, currency_code=currency)


def in_words(minor_units: int, currency: str) -> str:
    """An amount as texts spell it: "12.34 EUR"."""
    return f"{spelled(money(minor_units, currency))} {currency}"
