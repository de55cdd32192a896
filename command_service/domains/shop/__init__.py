"""The shop's rules: carts and orders."""
