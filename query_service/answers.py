"""Every answer of this server, and the contracts that they must fulfil: adding a domain adds a line to each."""

from cqrs.shop.v1 import queries_pb2 as shop_queries

from query_service.domains import shop

CONTRACTS = (shop_queries.DESCRIPTOR,)

ANSWERS = (*shop.ANSWERS,)
