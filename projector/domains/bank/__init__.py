"""The bank's views: accounts, transfers, entries, statements and the whole book."""

from projector.domains.bank.accounts import ACCOUNTS
from projector.domains.bank.ledger import LEDGER
from projector.domains.bank.statements import STATEMENTS
from projector.domains.bank.transactions import TRANSACTIONS
from projector.domains.bank.transfers import TRANSFERS

PROJECTIONS = (ACCOUNTS, TRANSFERS, TRANSACTIONS, STATEMENTS, LEDGER)
"""Every projection of the bank."""
