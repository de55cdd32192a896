"""Every answer of this server, and the contracts that they must fulfil: adding a domain adds a line to each."""

from cqrs.admin.v1 import queries_pb2 as admin_queries
from cqrs.bank.v1 import queries_pb2 as bank_queries
from cqrs.shop.v1 import history_queries_pb2, payment_queries_pb2, sales_queries_pb2, stock_queries_pb2
from cqrs.shop.v1 import queries_pb2 as shop_queries

from query_service.domains import bank, platform, shop

CONTRACTS = (
    shop_queries.DESCRIPTOR,
    history_queries_pb2.DESCRIPTOR,
    stock_queries_pb2.DESCRIPTOR,
    payment_queries_pb2.DESCRIPTOR,
    sales_queries_pb2.DESCRIPTOR,
    bank_queries.DESCRIPTOR,
    admin_queries.DESCRIPTOR,
)

ANSWERS = (*shop.ANSWERS, *bank.ANSWERS, *platform.ANSWERS)
