"""Step 1, enters: CommandAdminService: an operator's commands through the common path, the queues from the tables."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from cqrs.admin.v1 import commands_pb2 as messages
from cqrs.admin.v1 import errors_pb2 as errors
from cqrs.admin.v1.views_pb2 import Queue, QueuedCommand
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from command_service.admin.deciders import ADMIN, refuse
from command_service.admin.queues import Queues, reached
from command_service.admin.retrying import Retrying
from command_service.admin.scheduling import scheduled
from command_service.catalogue import Catalogue, Rpc, rpc_of
from command_service.command import Command
from command_service.handle import Handler
from command_service.work_queue import Queued, WorkQueue
from runtime.call import Call
from runtime.rpc import Unary

DESCRIPTOR: ServiceDescriptor = messages.DESCRIPTOR.services_by_name["CommandAdminService"]
DECIDED = ("RetryFailedCommand", "DiscardFailedCommand", "CancelScheduledCommand", "PauseChannel", "ResumeChannel")
DEFAULT_PEEK = 20


class CommandAdminService:
    """Answers CommandAdminService."""

    def __init__(self, handler: Handler, catalogue: Catalogue, work: WorkQueue, queues: Queues) -> None:
        self._handler = handler
        self._catalogue = catalogue
        self._work = work
        self._queues = queues
        self._rpcs = {name: rpc_of(DESCRIPTOR.methods_by_name[name], ADMIN) for name in DECIDED}
        self._retrying = Retrying(handler, self._rpcs["RetryFailedCommand"], work)

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
        if request.channel:
            await self._existing(request.channel)
        return await self._retrying.retry(request, call)

    async def _schedule(self, request: messages.ScheduleCommandRequest, call: Call) -> Message:
        command, due = scheduled(request, call, self._catalogue)
        if request.context.validate_only:
            answer: Any = await self._handler.handle(command)
        else:
            answer = await self._handler.accept(command, due)
        return messages.ScheduleCommandResponse(receipt=answer.receipt)

    async def _list_queues(self, _request: messages.ListQueuesRequest, _call: Call) -> Message:
        return messages.ListQueuesResponse(queues=await reached(self._queues.all()))

    async def _get_queue(self, request: messages.GetQueueRequest, _call: Call) -> Message:
        return messages.GetQueueResponse(queue=await self._existing(request.channel))

    async def _peek(self, request: messages.PeekQueueRequest, _call: Call) -> Message:
        await self._existing(request.channel)
        found = await reached(self._work.peek(request.channel, request.limit or DEFAULT_PEEK, request.failed))
        return messages.PeekQueueResponse(commands=_shown(found))

    async def _existing(self, channel: str) -> Queue:
        for queue in await reached(self._queues.all()):
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
