"""The shop's answers: which view a query is answered from."""

from query_service.domains.shop.carts import ANSWERS as CARTS
from query_service.domains.shop.orders import ANSWERS as ORDERS
from query_service.domains.shop.payments import ANSWERS as PAYMENTS
from query_service.domains.shop.sales import ANSWERS as SALES
from query_service.domains.shop.stock import ANSWERS as STOCK

ANSWERS = (*CARTS, *ORDERS, *STOCK, *PAYMENTS, *SALES)
"""Every answer of the shop."""
