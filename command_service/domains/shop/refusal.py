"""Step 4: the shop's refusals, ready to be raised, and the limits that stand behind some of them."""

from cqrs.shop.v1.errors_pb2 import ShopError

from runtime.refusals import Refusals

refuse = Refusals(ShopError)
"""`raise refuse(SHOP_ERROR_…, text)`; the enum's comments say why and what to do."""

MOST_LINES = 1_000
"""Lines that a cart or an order has at most."""

LARGEST_QUANTITY = 1_000_000
"""The quantity that a line has at most, also when it grew in several steps."""

LARGEST_AMOUNT = 2**63 - 1
"""The largest sum, in minor units: what Money holds."""

LARGEST_STOCK = 1_000_000_000_000
"""How many there are of a stock item at most."""
