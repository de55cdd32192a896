"""Bank demo, step 7: what follows the transfers by itself: recorded, told to the parties, judged for fraud."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass

from cqrs.admin.v1.commands_pb2 import ListQueuesRequest
from cqrs.bank.v1.queries_pb2 import GetTransferRequest
from cqrs.bank.v1.types_pb2 import TRANSFER_STATUS_FLAGGED
from cqrs.bank.v1.views_pb2 import TransferView
from cqrs.common.v1.common_pb2 import ReadConsistency
from cqrs.log.v1.log_service_pb2 import GetHeadRequest
from google.protobuf.duration_pb2 import Duration

from ops.demo.progress import progress
from ops.demo_bank.client import BankCommands, BankQueries
from ops.output import Output

CHANNELS = frozenset({"bank.record", "bank.notify", "bank.fraud"})
"""The channels of what every transfer sends."""
_POLL_SECONDS = 0.25


@dataclass
class FollowedUp:
    """What became of the commands that the run's transfers sent."""

    recorded: int = 0
    notified: int = 0
    mails: int = 0
    """Owners that were told; most have no e-mail address."""
    analysed: int = 0
    flagged: int = 0
    open: int = 0
    """Commands of these channels that still wait, after the wait was given up."""
    seconds: float = 0.0
    """From the last transfer's answer until nothing waited."""

    def __str__(self) -> str:
        said = f"{self.recorded:,} recorded, {self.notified:,} notified ({self.mails:,} mails)"
        said = f"{said}, {self.analysed:,} analysed ({self.flagged:,} flagged)"
        if not self.open:
            return f"Followed up after {self.seconds:.1f} s: {said}"
        return (
            f"After {self.seconds:.0f} s {self.open:,} commands on {', '.join(sorted(CHANNELS))} still waited: {said}; "
            "see `obverse queues`, and whether a worker runs"
        )

    def count(self, view: TransferView) -> None:
        """Add one transfer as it is shown."""
        self.recorded += view.HasField("record_time")
        self.notified += view.HasField("notification")
        self.mails += len(view.notification.account_ids)
        self.analysed += view.HasField("analysis")
        self.flagged += view.status == TRANSFER_STATUS_FLAGGED


async def drained(commands: BankCommands, output: Output, longest: float, unmoved: float) -> FollowedUp:
    """Wait until nothing is open on the channels, `longest` seconds at most, `unmoved` seconds without any progress."""
    begin = moved = time.monotonic()
    most = least = left = await _open(commands)
    with progress(output, f"Following up {most:,} commands", most) as advance:
        while left and time.monotonic() < min(begin + longest, moved + unmoved):
            await asyncio.sleep(_POLL_SECONDS)
            left = await _open(commands)
            if left < least:
                moved = time.monotonic()
            for _ in range(least - left):
                advance()
            least = min(least, left)
    return FollowedUp(open=left, seconds=time.monotonic() - begin)


async def count(commands: BankCommands, queries: BankQueries, transfers: Iterable[str], followed: FollowedUp) -> None:
    """Add every transfer as it is shown now."""
    head = await commands.ask(commands.log.GetHead, GetHeadRequest())
    fresh = ReadConsistency(at_least_token=head.token, max_wait=Duration(seconds=30))

    async def one(transfer_id: str) -> None:
        request = GetTransferRequest(consistency=fresh, transfer_id=transfer_id)
        followed.count((await queries.ask(queries.transfers.GetTransfer, request)).transfer)

    async with asyncio.TaskGroup() as group:
        for transfer_id in transfers:
            group.create_task(one(transfer_id))


async def _open(commands: BankCommands) -> int:
    queues = (await commands.ask(commands.admin.ListQueues, ListQueuesRequest())).queues
    return sum(queue.ready + queue.in_flight + queue.waiting for queue in queues if queue.channel in CHANNELS)
