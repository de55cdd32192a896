"""The shop's views: how events become carts, orders and their past, stock, payments and sales to read."""

from projector.domains.shop.carts import CARTS
from projector.domains.shop.history import HISTORY
from projector.domains.shop.orders import ORDERS
from projector.domains.shop.payments import PAYMENTS
from projector.domains.shop.sales import SALES
from projector.domains.shop.stock import STOCK

PROJECTIONS = (CARTS, ORDERS, HISTORY, STOCK, PAYMENTS, SALES)
"""Every projection of the shop."""
