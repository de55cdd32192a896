"""`obverse mail`: what the mail server of the system on this machine keeps."""

from email.message import EmailMessage
from pathlib import Path
from typing import Annotated

import typer

from ops.explained import explained
from ops.mailbox import Kept, Mailbox
from ops.output import Output, Trouble
from ops.servers import mail_folder

mail_app = typer.Typer(help="List the mails that `obverse up` has kept instead of delivering; show one.")
Json = Annotated[bool, typer.Option("--json", help="One JSON value a line, for programs.")]


@mail_app.callback(invoke_without_command=True)
def listed(
    context: typer.Context,
    limit: Annotated[int, typer.Option("--limit", min=0, help="How many, the newest; 0 for all.")] = 20,
    json: Json = False,
) -> None:
    """List the mails that `obverse up` has kept instead of delivering, the newest last."""
    if context.invoked_subcommand:
        return
    with explained() as settings:
        _list(mail_folder(Path(settings.data).absolute()), limit, Output(json))


@mail_app.command()
def show(
    mail: Annotated[str, typer.Argument(metavar="MESSAGE_ID|NUMBER", help="As the list shows them.")],
    json: Json = False,
) -> None:
    """Show one mail whole."""
    with explained() as settings:
        folder, output = mail_folder(Path(settings.data).absolute()), Output(json)
        found = Mailbox(folder).find(mail)
        if not found:
            raise Trouble(f"No mail {mail} is kept in {folder}; `obverse mail --limit 0` lists all")
        _show(found[-1], len(found), output)


def _list(folder: Path, limit: int, output: Output) -> None:
    kept = Mailbox(folder).last(limit)
    if output.as_json:
        for mail in kept:
            output.value(_fields(mail))
    elif kept:
        rows = [(mail.number, _time(mail), mail.to, mail.subject, mail.message_id) for mail in kept]
        output.table(("#", "TIME", "TO", "SUBJECT", "MESSAGE-ID"), rows)
    else:
        output.line(f"No mail in {folder}: nothing has been sent while `obverse up` ran here")


def _show(mail: Kept, times: int, output: Output) -> None:
    message = mail.whole()
    if output.as_json:
        headers = [[name, str(value)] for name, value in message.items()]
        output.value({**_fields(mail), "headers": headers, "text": _text(message), "file": str(mail.path)})
        return
    output.line("\n".join(f"{name}: {value}" for name, value in message.items()))
    output.line(f"\n{_text(message)}")
    if times > 1:
        output.line(f"It came {times} times with this Message-ID; this is the last")


def _text(message: EmailMessage) -> str:
    body = message.get_body(("plain", "html"))
    return str(body.get_content() if body else message.get_payload()).replace("\r\n", "\n")


def _fields(mail: Kept) -> dict[str, object]:
    named = {"to": mail.to, "subject": mail.subject, "message_id": mail.message_id}
    return {"number": mail.number, "time": mail.time.isoformat(), **named}


def _time(mail: Kept) -> str:
    return mail.time.astimezone().strftime("%Y-%m-%d %H:%M:%S")
