"""The rules against fraud, each at its border, and what they add up to."""

import pytest
from cqrs.bank.v1.types_pb2 import FraudRule

from command_service.domains.bank.fraud import THRESHOLD, findings
from command_service.domains.bank.transfer_state import Transfer

RULES = [
    (Transfer(amount=12_345), {}),
    (Transfer(amount=899_999), {}),
    (Transfer(amount=900_001), {"JUST_BELOW_LARGE": 40}),
    (Transfer(amount=999_999), {"JUST_BELOW_LARGE": 40}),
    (Transfer(amount=1_000_001), {"LARGE_AMOUNT": 50}),
    (Transfer(amount=100_000), {"ROUND_AMOUNT": 10}),
    (Transfer(amount=99_900), {}),
    (Transfer(amount=1, recent_transfers=4), {}),
    (Transfer(amount=1, recent_transfers=5), {"VELOCITY": 25}),
    (Transfer(amount=1, new_payee=True), {"NEW_PAYEE": 15}),
]


@pytest.mark.parametrize(("transfer", "expected"), RULES)
def test_each_rule_counts_from_its_border_on(transfer: Transfer, expected: dict[str, int]) -> None:
    found = {FraudRule.Name(each.rule).removeprefix("FRAUD_RULE_"): each.points for each in findings(transfer)}
    assert found == expected


def test_everything_at_once_is_100_and_no_single_rule_flags() -> None:
    everything = Transfer(amount=1_000_000, recent_transfers=5, new_payee=True)
    assert sum(each.points for each in findings(everything)) == 100
    assert all(each.points < THRESHOLD for each in findings(everything))


@pytest.mark.parametrize("amount", [900_000, 1_000_000])
def test_a_large_round_amount_to_a_new_payee_is_flagged(amount: int) -> None:
    assert sum(each.points for each in findings(Transfer(amount=amount, new_payee=True))) >= THRESHOLD
