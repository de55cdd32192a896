"""Step 4: amounts of money as text, exact: 5997 EUR is 59.97."""

from cqrs.common.v1.common_pb2 import Money

# fmt: off
_DECIMALS = {
    **dict.fromkeys((
        "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW",
        "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF",
    ), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
# fmt: on
"""Digits of the minor unit by ISO 4217, where they are not two."""


def spelled(money: Money) -> str:
    """The amount in the currency's major unit, with as many decimals as ISO 4217 gives it."""
    decimals = _DECIMALS.get(money.currency_code, 2)
    sign = "-" if money.minor_units < 0 else ""
    whole, part = divmod(abs(money.minor_units), 10**decimals)
    return f"{sign}{whole}.{part:0{decimals}d}" if decimals else f"{sign}{whole}"
