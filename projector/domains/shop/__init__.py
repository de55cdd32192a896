"""The shop's views: how events become carts and orders to read."""
