"""The shop's views: how events become carts and orders to read."""

from projector.domains.shop.carts import CARTS
from projector.domains.shop.orders import ORDERS

PROJECTIONS = (CARTS, ORDERS)
"""Every projection of the shop."""
