"""The shop's rules: carts and orders."""

from command_service.domains.shop.cart import CARTS
from command_service.domains.shop.order import ORDERS

DECIDERS = (CARTS, ORDERS)
"""Every decider of the shop."""
