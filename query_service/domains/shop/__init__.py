"""The shop's answers: which view a query is answered from."""

from query_service.domains.shop.carts import ANSWERS as CARTS
from query_service.domains.shop.orders import ANSWERS as ORDERS

ANSWERS = (*CARTS, *ORDERS)
