"""The bank's answers: which view a query is answered from."""

from query_service.domains.bank.accounts import ANSWERS as ACCOUNTS
from query_service.domains.bank.books import ANSWERS as BOOKS
from query_service.domains.bank.transfers import ANSWERS as TRANSFERS

ANSWERS = (*ACCOUNTS, *BOOKS, *TRANSFERS)
