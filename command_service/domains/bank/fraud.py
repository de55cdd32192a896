"""Step 4: the rules against fraud: what each adds to a transfer's score, and from which score on it is flagged.

They judge what was known when the money moved, so that the verdict does not depend on when a worker comes to it.
"""

from collections.abc import Iterator

from cqrs.bank.v1.types_pb2 import (
    FRAUD_RULE_JUST_BELOW_LARGE,
    FRAUD_RULE_LARGE_AMOUNT,
    FRAUD_RULE_NEW_PAYEE,
    FRAUD_RULE_ROUND_AMOUNT,
    FRAUD_RULE_VELOCITY,
    FraudFinding,
)

from command_service.domains.bank.transfer_state import Transfer

LARGE = 1_000_000
"""From here on an amount counts as large, in minor units: 10,000.00 where they are hundredths."""

JUST_BELOW = 900_000
"""From here on an amount counts as staying just below that."""

ROUND = 100_000
"""An amount that is a multiple of this counts as round."""

SEVERAL = 5
"""So many transfers within the hour before count as several."""

THRESHOLD = 60
"""The score from which on a transfer is flagged."""


def findings(transfer: Transfer) -> tuple[FraudFinding, ...]:
    """The rules that a transfer meets, each with its points; 100 together at most."""
    return tuple(_findings(transfer))


def _findings(transfer: Transfer) -> Iterator[FraudFinding]:
    if transfer.amount >= LARGE:
        yield FraudFinding(rule=FRAUD_RULE_LARGE_AMOUNT, points=50)
    elif transfer.amount >= JUST_BELOW:
        yield FraudFinding(rule=FRAUD_RULE_JUST_BELOW_LARGE, points=40)
    if transfer.amount % ROUND == 0:
        yield FraudFinding(rule=FRAUD_RULE_ROUND_AMOUNT, points=10)
    if transfer.recent_transfers >= SEVERAL:
        yield FraudFinding(rule=FRAUD_RULE_VELOCITY, points=25)
    if transfer.new_payee:
        yield FraudFinding(rule=FRAUD_RULE_NEW_PAYEE, points=15)
