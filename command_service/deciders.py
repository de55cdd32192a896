"""Every decider of this server, and the contracts that they must fulfil: adding a domain adds a line to each."""

from cqrs.shop.v1 import commands_pb2 as shop_commands

from command_service.domains import shop

CONTRACTS = (shop_commands.DESCRIPTOR,)

DECIDERS = (*shop.DECIDERS,)
