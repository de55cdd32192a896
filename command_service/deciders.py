"""Every decider of this server, and the contracts that they must fulfil: adding a domain adds a line to each."""

from cqrs.bank.v1 import commands_pb2 as bank_commands

from command_service.domains import bank, shop

CONTRACTS = (*shop.CONTRACTS, bank_commands.DESCRIPTOR)

DECIDERS = (*shop.DECIDERS, *bank.DECIDERS)
