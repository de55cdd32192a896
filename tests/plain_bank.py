"""What accounts must look like, folded from a bank's events into dictionaries.

It shares nothing with the projector: it was written from the contracts' comments, and it imports contracts alone.
Balances are added up from the amounts of the entries, not taken from what the events say they are afterwards.
"""

from dataclasses import dataclass, field

from cqrs.bank.v1 import types_pb2
from cqrs.log.v1.record_pb2 import Record

from tests.plain import Indexes, Plain, plain

SIGNS = {"MoneyDeposited": 1, "MoneyWithdrawn": -1, "AccountDebited": -1, "AccountCredited": 1}
BETWEEN = {"MoneyTransferred": types_pb2.ENTRY_KIND_TRANSFER, "TransferReversed": types_pb2.ENTRY_KIND_REVERSAL}


@dataclass
class PlainAccounts:
    """Accounts by key, and their lists."""

    views: dict[str, Plain] = field(default_factory=dict)
    balances: dict[str, int] = field(default_factory=dict)
    counted: set[tuple[str, str, int]] = field(default_factory=set)
    """Both entries of a transfer and of a reversal count with the first of its records: account, transfer, kind."""

    def take(self, position: int, record: Record, name: str, event: Plain) -> None:
        """Fold one event of the bank; what is in no account's stream is passed over."""
        if name in BETWEEN:
            self._between(name, event)
        if not record.stream.startswith("bank.account-"):
            return
        account_id, time = event["account_id"], plain(record.time)
        if name == "AccountOpened":
            known = {field: event.get(field) for field in ("account_id", "owner", "email")}
            self.views[f"account:{account_id}"] = known | {
                "overdraft_limit": _money(event.get("overdraft_limit", 0), event["currency_code"]),
                "create_time": time,
                "create_position": position,
                "status": types_pb2.ACCOUNT_STATUS_OPEN,
            }
            self.balances[account_id] = 0
        account = self.views[f"account:{account_id}"]
        if name != "AccountOpened":
            account["update_time"] = time
        if name in SIGNS:
            entry = (account_id, event["transfer_id"], event["kind"]) if "transfer_id" in event else None
            self._count(account_id, SIGNS[name] * event["amount"].get("minor_units", 0), entry)
        self._change(account, name, event, time)
        self._show(account)
        account["version"] = record.version

    def _change(self, account: Plain, name: str, event: Plain, time: Plain) -> None:
        match name:
            case "AccountClosed":
                account |= {"status": types_pb2.ACCOUNT_STATUS_CLOSED, "close_time": time}
            case "AccountFrozen":
                account |= {"status": types_pb2.ACCOUNT_STATUS_FROZEN, "freeze_reason": event.get("reason")}
            case "AccountUnfrozen":
                account |= {"status": types_pb2.ACCOUNT_STATUS_OPEN, "freeze_reason": ""}

    def _between(self, name: str, event: Plain) -> None:
        units, kind, transfer_id = event["amount"].get("minor_units", 0), BETWEEN[name], event["transfer_id"]
        if name == "MoneyTransferred":
            source, destination = event["source"]["account_id"], event["destination"]["account_id"]
        else:
            source, destination, units = event["source_account_id"], event["destination_account_id"], -units
        for account_id, change in ((source, -units), (destination, units)):
            self._count(account_id, change, (account_id, transfer_id, kind))
            self._show(self.views[f"account:{account_id}"])

    def _count(self, account_id: str, change: int, entry: tuple[str, str, int] | None) -> None:
        if entry in self.counted:
            return
        self.balances[account_id] += change
        if entry is not None:
            self.counted.add(entry)

    def _show(self, account: Plain) -> None:
        balance, limit = self.balances[account["account_id"]], account["overdraft_limit"]
        is_open = account["status"] == types_pb2.ACCOUNT_STATUS_OPEN
        available = balance + limit.get("minor_units", 0) if is_open else 0
        account["ledger_balance"] = _money(balance, limit["currency_code"])
        account["available_balance"] = _money(available, limit["currency_code"])

    def indexes(self) -> Indexes:
        """All accounts, and each owner's."""
        lists: Indexes = {}
        for key, account in self.views.items():
            for name in ("accounts", f"owner:{account['owner']}"):
                lists.setdefault(name, {})[key] = account["create_position"]
        return lists


def _money(minor_units: int, currency: str) -> Plain:
    return {"minor_units": minor_units, "currency_code": currency} if minor_units else {"currency_code": currency}
