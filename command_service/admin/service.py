"""Step 1, enters: CommandAdminService: an operator's commands through the common path, the queues from the tables."""

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from cqrs.admin.v1 import commands_pb2 as messages
from cqrs.admin.v1 import errors_pb2 as errors
from cqrs.admin.v1.views_pb2 import Queue, QueuedCommand
from cqrs.common.v1 import common_pb2, errors_pb2
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from command_service.admin.deciders import ADMIN, refuse
from command_service.admin.queues import Queues
from command_service.admin.scheduling import scheduled
from command_service.catalogue import Catalogue, Rpc, rpc_of
from command_service.command import Command, derived_id, now
from command_service.event_log import LogUnavailable
from command_service.handle import Handler
from command_service.work_queue import Queued, WorkQueue
from runtime import call as platform
from runtime.call import Call
from runtime.refusals import Refused
from runtime.rpc import Unary

T = TypeVar("T")

DESCRIPTOR: ServiceDescriptor = messages.DESCRIPTOR.services_by_name["CommandAdminService"]
DECIDED = ("RetryFailedCommand", "DiscardFailedCommand", "CancelScheduledCommand", "PauseChannel", "ResumeChannel")
MOST_AT_ONCE = 1_000
"""How many failed commands are looked up, and retried side by side, in one step of RetryFailedCommands."""
DEFAULT_PEEK = 20


class CommandAdminService:
    """Answers CommandAdminService."""

    def __init__(self, handler: Handler, catalogue: Catalogue, work: WorkQueue, queues: Queues) -> None:
        self._handler = handler
        self._catalogue = catalogue
        self._work = work
        self._queues = queues
        self._rpcs = {name: rpc_of(DESCRIPTOR.methods_by_name[name], ADMIN) for name in DECIDED}

    def handlers(self) -> dict[str, Unary]:
        """The handler of each RPC."""
        return {
            **{name: self._decided(rpc) for name, rpc in self._rpcs.items()},
            "RetryFailedCommands": self._retry_many,
            "ScheduleCommand": self._schedule,
            "ListQueues": self._list_queues,
            "GetQueue": self._get_queue,
            "PeekQueue": self._peek,
        }

    def _decided(self, rpc: Rpc) -> Unary:
        async def carry_out(request: Any, call: Call) -> Message:
            if "channel" in request.DESCRIPTOR.fields_by_name:
                await self._existing(request.channel)
            return await self._handler.handle(Command.accept(rpc, request, call))

        return carry_out

    async def _retry_many(self, request: messages.RetryFailedCommandsRequest, call: Call) -> Message:
        """One command each, under ids derived from this one's: asking again retries what is left."""
        if request.channel:
            await self._existing(request.channel)
        command = Command.accept(self._rpcs["RetryFailedCommand"], request, call)
        response = messages.RetryFailedCommandsResponse()
        response.receipt.command_id = command.context.command_id
        response.receipt.state = common_pb2.COMMAND_STATE_SUCCEEDED
        response.receipt.time.CopyFrom(now())
        response.receipt.correlation_id = command.context.correlation_id
        tried: set[str] = set()
        while failed := await self._failed(request, tried):
            call.remaining()
            answers = await asyncio.gather(*(self._retry(each, command) for each in failed))
            tried.update(each.command_id for each in failed)
            for answer in filter(None, answers):
                response.retried += 1
                if answer.receipt.token.position > response.receipt.token.position:
                    response.receipt.token.CopyFrom(answer.receipt.token)
        return response

    async def _failed(self, request: messages.RetryFailedCommandsRequest, tried: set[str]) -> list[Queued]:
        """Failed commands that fit and were not tried by this call; those that it retried are not failed any more."""
        found = await _reached(self._work.peek(request.channel, MOST_AT_ONCE + len(tried), failed=True))
        wanted = request.type
        fits = [each for each in found if not wanted or wanted in (each.type, each.type.rpartition(".")[2])]
        return [each for each in fits if each.command_id not in tried]

    async def _retry(self, failed: Queued, command: Command) -> Any:
        """The answer to one retry; None for a command that somebody else retried or discarded meanwhile."""
        request = messages.RetryFailedCommandRequest(command_id=failed.command_id)
        request.context.command_id = derived_id("retry", command.context.command_id, failed.command_id)
        request.context.correlation_id = command.context.correlation_id
        rpc = self._rpcs["RetryFailedCommand"]
        call = Call(rpc.name, command.call.message_id, command.call.deadline, command.call.traceparent)
        try:
            return await self._handler.handle(Command.accept(rpc, request, call))
        except Refused as refused:
            if refused.reason == "COMMAND_NOT_FAILED":
                return None
            raise

    async def _schedule(self, request: messages.ScheduleCommandRequest, call: Call) -> Message:
        command, due = scheduled(request, call, self._catalogue)
        answer: Any = await self._handler.accept(command, due)
        return messages.ScheduleCommandResponse(receipt=answer.receipt)

    async def _list_queues(self, _request: messages.ListQueuesRequest, _call: Call) -> Message:
        return messages.ListQueuesResponse(queues=await _reached(self._queues.all()))

    async def _get_queue(self, request: messages.GetQueueRequest, _call: Call) -> Message:
        return messages.GetQueueResponse(queue=await self._existing(request.channel))

    async def _peek(self, request: messages.PeekQueueRequest, _call: Call) -> Message:
        await self._existing(request.channel)
        found = await _reached(self._work.peek(request.channel, request.limit or DEFAULT_PEEK, request.failed))
        return messages.PeekQueueResponse(commands=_shown(found))

    async def _existing(self, channel: str) -> Queue:
        for queue in await _reached(self._queues.all()):
            if queue.channel == channel:
                return queue
        text = f'There is no channel "{channel}": ListQueues names those there are'
        raise refuse(errors.ADMIN_ERROR_CHANNEL_NOT_FOUND, text)


def _shown(commands: Sequence[Queued]) -> list[QueuedCommand]:
    return [
        QueuedCommand(
            command_id=each.command_id,
            type=each.type,
            stream=each.stream,
            position=each.position,
            state=each.state,
            attempts=each.attempts,
            accept_time=_timestamp(each.accept_time),
            due_time=_timestamp(each.due_time),
            error=each.error,
        )
        for each in commands
    ]


def _timestamp(time: datetime) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(time)
    return timestamp


async def _reached(answer: Awaitable[T]) -> T:
    try:
        return await answer
    except LogUnavailable as error:
        text = "The tables of open work are away: call again"
        raise platform.refuse(errors_pb2.PLATFORM_ERROR_STORE_UNAVAILABLE, text, retry_seconds=1) from error
