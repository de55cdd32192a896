"""Every answer of this server, and the contracts that they must fulfil: adding a domain adds a line to each."""

from cqrs.admin.v1 import queries_pb2 as admin_queries
from cqrs.bank.v1 import queries_pb2 as bank_queries
from cqrs.shop.v1 import queries_pb2 as shop_queries

from query_service.domains import bank, platform, shop

CONTRACTS = (shop_queries.DESCRIPTOR, bank_queries.DESCRIPTOR, admin_queries.DESCRIPTOR)

ANSWERS = (*shop.ANSWERS, *bank.ANSWERS, *platform.ANSWERS)
