"""Every decider of this server, and the contracts that they must fulfil: adding a domain adds a line to each."""

from cqrs.bank.v1 import commands_pb2 as bank_commands

from command_service.decider import Decider
from command_service.domains import bank, shop

CONTRACTS = (*shop.CONTRACTS, bank_commands.DESCRIPTOR)


def deciders(shop_fulfilment: shop.Variant = "saga") -> tuple[Decider, ...]:
    """The deciders of a deployment."""
    return (*shop.variant(shop_fulfilment)[0], *bank.DECIDERS)


DECIDERS = deciders()
"""The deciders where nothing else is set."""
