"""Bank demo, step 1: which files a folder has, how they name their columns, what they leave to be agreed on."""

from dataclasses import dataclass
from pathlib import Path

from ops.output import Trouble

NEVER_BINDS = 10**15
"""The largest overdraft that an account may have, in cents: far more than all transfers of a file together."""


class BankFileError(Trouble):
    """Files cannot be read as accounts and transfers; says where and why."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A kind of file: one of accounts, one of transfers. Amounts are decimals, dollars where no currency stands."""

    name: str
    """What the names of both files begin with, and the ids of what is made from them."""
    owner: str
    """The accounts' column with the owner's name; where that is empty, the account's id."""
    deposit: str = ""
    """The accounts' column with what each begins with; empty: nothing."""
    overdraft: str = ""
    """The accounts' column with how far each may fall below zero; empty: `overdraft_cents` for all."""
    overdraft_cents: int = 0

    @property
    def account_columns(self) -> tuple[str, ...]:
        """The columns that the file of accounts must have."""
        return tuple(filter(None, ("account_id", self.owner, self.deposit, self.overdraft)))


LAYOUTS = (
    Layout("amlsim", owner="account_id", deposit="initial_balance"),
    Layout("fec", owner="name", overdraft_cents=NEVER_BINDS),
    Layout("generated", owner="owner", deposit="deposit", overdraft="overdraft_limit"),
)
TRANSFER_COLUMNS = ("transfer_id", "from_account", "to_account", "amount")
"""The columns that every file of transfers must have; `currency` is looked at where it is there."""


@dataclass(frozen=True, slots=True)
class Files:
    """The two files of one layout."""

    layout: Layout
    accounts: Path
    transfers: Path


def find(folder: Path) -> list[Files]:
    """What there is of every layout, one at least; raises BankFileError."""
    if not folder.is_dir():
        raise BankFileError(f"{folder} is no folder: name one with files of a bank with DATA=folder, or none")
    found = [files for layout in LAYOUTS if (files := _pair(folder, layout))]
    if not found:
        names = ", ".join(f"{layout.name}_accounts.csv.gz and {layout.name}_transfers.csv.gz" for layout in LAYOUTS[:2])
        raise BankFileError(f"{folder} has no files of a bank: it needs {names}, or one pair of them, gzipped or not")
    return found


def _pair(folder: Path, layout: Layout) -> Files | None:
    accounts, transfers = (_one(folder, f"{layout.name}_{kind}") for kind in ("accounts", "transfers"))
    if accounts is None and transfers is None:
        return None
    if accounts is None or transfers is None:
        there, missing = ("accounts", "transfers") if accounts else ("transfers", "accounts")
        raise BankFileError(
            f"{folder} has {layout.name}_{there} but no {layout.name}_{missing}: put both there, or none"
        )
    return Files(layout, accounts, transfers)


def _one(folder: Path, stem: str) -> Path | None:
    found = sorted((*folder.glob(f"{stem}*.csv"), *folder.glob(f"{stem}*.csv.gz")))
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise BankFileError(f"{folder} has {names}: leave one of them there")
    return found[0] if found else None
