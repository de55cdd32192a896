"""Step 1: many failed commands at once: each is retried by a command of its own."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from cqrs.admin.v1 import commands_pb2 as messages
from cqrs.common.v1 import common_pb2
from google.protobuf.message import Message

from command_service.admin.queues import reached
from command_service.catalogue import Rpc
from command_service.command import Command, derived_id, now
from command_service.handle import Handler
from command_service.work_queue import Queued, WorkQueue
from runtime.call import Call
from runtime.refusals import Refused

MOST_AT_ONCE = 1_000
"""How many failed commands are looked up, and retried side by side, in one step."""


class Retrying:
    """Answers RetryFailedCommands."""

    def __init__(self, handler: Handler, rpc: Rpc, work: WorkQueue) -> None:
        """`rpc` is RetryFailedCommand, which each of them becomes."""
        self._handler = handler
        self._rpc = rpc
        self._work = work

    async def retry(self, request: messages.RetryFailedCommandsRequest, call: Call) -> Message:
        """Under ids derived from this one's: asking again, e.g. after a deadline, retries what is left."""
        command = Command.accept(self._rpc, request, call)
        response = messages.RetryFailedCommandsResponse()
        response.receipt.command_id = command.context.command_id
        response.receipt.state = common_pb2.COMMAND_STATE_SUCCEEDED
        response.receipt.time.CopyFrom(now())
        response.receipt.correlation_id = command.context.correlation_id
        async for failed in self._failed(request):
            call.remaining()
            for answer in filter(None, await asyncio.gather(*(self._one(each, command) for each in failed))):
                response.retried += not answer.receipt.replayed
                if answer.receipt.token.position > response.receipt.token.position:
                    response.receipt.token.CopyFrom(answer.receipt.token)
        return response

    async def _failed(self, request: messages.RetryFailedCommandsRequest) -> AsyncIterator[Sequence[Queued]]:
        """The failed commands that fit, page by page in the order of acceptance."""
        wanted, after = request.type, 0
        while page := await reached(self._work.peek(request.channel, MOST_AT_ONCE, failed=True, after=after)):
            after = page[-1].position
            yield [each for each in page if not wanted or wanted in (each.type, each.type.rpartition(".")[2])]

    async def _one(self, failed: Queued, many: Command) -> Any:
        """The answer to one retry; None for a command that somebody else retried or discarded meanwhile."""
        request = messages.RetryFailedCommandRequest(command_id=failed.command_id)
        request.context.command_id = derived_id("retry", many.context.command_id, failed.command_id)
        request.context.correlation_id = many.context.correlation_id
        request.context.validate_only = many.request.context.validate_only
        call = Call(self._rpc.name, many.call.message_id, many.call.deadline, many.call.traceparent, many.call.actor)
        try:
            return await self._handler.handle(Command.accept(self._rpc, request, call))
        except Refused as refused:
            if refused.reason == "COMMAND_NOT_FAILED":
                return None
            raise
