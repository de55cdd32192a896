"""The bank's rules: accounts and transfers between them."""

from command_service.domains.bank.account import ACCOUNTS
from command_service.domains.bank.transfer import TRANSFERS

DECIDERS = (ACCOUNTS, TRANSFERS)
"""Every decider of the bank."""
