"""Step 4, an effect: telling the parties of a transfer by e-mail."""

from cqrs.bank.v1.commands_pb2 import NotifyTransferPartiesRequest

from command_service.decider import Effect
from command_service.domains.bank.refusal import in_words
from command_service.domains.bank.transfer_state import Transfer
from command_service.mail import Mail, Mailer, MailRefused, message_id


def told(transfer: Transfer) -> tuple[str, ...]:
    """The accounts whose owners can be told, the payer's first."""
    parties = ((transfer.source_id, transfer.source_email), (transfer.destination_id, transfer.destination_email))
    return tuple(account_id for account_id, email in parties if email)


def mails(transfer_id: str, transfer: Transfer) -> tuple[Mail, ...]:
    """One mail to each party that has an address; each has the same Message-ID whenever it is made."""
    amount = in_words(transfer.amount, transfer.currency)
    went = f"{amount} went from your account {transfer.source_id} to {transfer.destination_owner}."
    came = f"{amount} came into your account {transfer.destination_id} from {transfer.source_owner}."
    parties = (
        ("payer", transfer.source_email, f"You have sent {amount}", transfer.source_owner, went),
        ("payee", transfer.destination_email, f"You have received {amount}", transfer.destination_owner, came),
    )
    return tuple(
        Mail(
            message_id=message_id("bank", "transfer", transfer_id, party),
            to=email,
            subject=subject,
            text=_text(owner, what, transfer_id, transfer.reference),
        )
        for party, email, subject, owner, what in parties
        if email
    )


def _text(owner: str, what: str, transfer_id: str, reference: str) -> str:
    lines = [f"Dear {owner},", "", what, f"Transfer: {transfer_id}"]
    return "\n".join([*lines, f"Reference: {reference}"] if reference else lines) + "\n"


async def _notify(
    command: NotifyTransferPartiesRequest, mailer: Mailer, _notice: object, transfer: Transfer
) -> tuple[str, ...]:
    refused: MailRefused | None = None
    for mail in mails(command.transfer_id, transfer):
        try:
            await mailer.send(mail)
        except MailRefused as error:  # the other party is told all the same
            refused = refused or error
    if refused is not None:
        raise refused
    return told(transfer)


NOTIFY = Effect(port="mail", run=_notify)
"""Its outcome: the accounts whose owners were told."""
