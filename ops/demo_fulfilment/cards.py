"""Fulfilment demo, step 2: which card an order is paid with: of every hundred the same, none twice."""

DECLINED, TIMEOUT, FLAKY, OK = "tok_declined", "tok_timeout", "tok_flaky", "tok_ok"


def card(number: int) -> str:
    """The sandbox provider's token for the order of this number, from 1: one in twenty is declined, one in fifty never
    answered, one in ten fails twice before each answer."""
    if number % 20 == 3:
        return DECLINED
    if number % 50 == 7:
        return TIMEOUT
    return FLAKY if number % 10 == 1 else OK
