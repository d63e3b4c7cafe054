"""``learning dead-letters``: what was refused, and what a person does about it."""

import getpass
from collections.abc import Iterator, Sequence
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy import Connection

from events.moments import moment_text
from events.resend import NotResendable, resend
from store.dead_letters import MORE, Buried, DeadLetters, Fate
from workers.commands.console import errors, installation, out, printable
from workers.installation import Installation

SHOWN = 20
SHOWN_CHARACTERS = 4_000
AT_ONCE = 10_000
"""So many letters one command takes in hand."""

dead_letters = typer.Typer(no_args_is_help=True, help="What was refused, and what a person does about it.")

Worker = Annotated[str | None, typer.Option(help="Only what this worker refused.")]
Stream = Annotated[str | None, typer.Option(help="Only of this stream.")]
Reason = Annotated[str | None, typer.Option(help="Only with these words in the reason.")]
Ids = Annotated[
    list[str],
    typer.Argument(metavar="ID...", help="As `list` shows them; WORKER/STREAM/ and WORKER/ name all open ones of it."),
]


@dead_letters.command("list")
def list_(
    worker: Worker = None,
    stream: Stream = None,
    reason: Reason = None,
    limit: Annotated[int, typer.Option(min=1, max=AT_ONCE, help="So many letters at the most.")] = SHOWN,
) -> None:
    """Show the open ones: how many there are by reason, and the newest."""
    with installation() as place, place.store.read() as reading:
        kept = DeadLetters(reading)
        counted = kept.reasons(worker=worker, stream=stream, reason=reason)
        if not counted:
            out.print("nothing that was refused is open", style="green")
            return
        by_reason = Table("letters", "worker", "stream", "reason", title="open by reason", title_justify="left")
        for one in counted[:SHOWN]:
            by_reason.add_row(f"{one.letters:,}", one.worker, one.stream, _cell(one.reason))
        if rest := counted[SHOWN:]:
            by_reason.add_row(f"{sum(one.letters for one in rest):,}", "", "", f"{len(rest):,} other reasons")
        out.print(by_reason)
        newest = Table("id", "since", "bytes", "tries", title="the newest", title_justify="left")
        for letter in kept.open(worker=worker, stream=stream, reason=reason, limit=limit):
            newest.add_row(_cell(_id(letter)), _time(letter.recorded_at), f"{letter.size:,}", str(letter.attempts))
        out.print(newest)


@dead_letters.command()
def show(identity: Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it.")]) -> None:
    """Show one: the reason, what became of it, and its bytes."""
    with installation() as place, place.store.read() as reading:
        letter = _named(reading, identity)
        closed = DeadLetters(reading).closed(letter)
        fate = f"{closed.fate.value} by {closed.by} at {_time(closed.time)}" if closed else "open"
        table = Table(title=printable(_id(letter)), show_header=False, title_justify="left")
        often = f"{letter.attempts:,} entries" if letter.entry.startswith(MORE) else f"at try {letter.attempts}"
        table.add_row("refused", f"{_time(letter.recorded_at)}, {often}")
        table.add_row("reason", _cell(letter.reason))
        table.add_row("state", _cell(f"{fate}: {closed.reason}" if closed and closed.reason else fate))
        table.add_row("bytes", f"{letter.size:,}, of which {len(letter.body):,} were kept")
        out.print(table)
        text = letter.body.decode(errors="backslashreplace")
        out.print(printable(text[:SHOWN_CHARACTERS]), markup=False)
        if len(text) > SHOWN_CHARACTERS:
            out.print(f"… and {len(text) - SHOWN_CHARACTERS:,} more characters", style="yellow")


@dead_letters.command()
def retry(ids: Ids) -> None:
    """Put them back into their streams; what is refused once more comes back as a new one."""
    with installation() as place:
        refused = [reason for letter in _all(place, ids) if (reason := _retry(place, letter))]
        for reason in refused:
            errors.print(reason, style="red", markup=False)
        if refused:
            raise typer.Exit(1)


@dead_letters.command()
def drop(
    ids: Ids,
    reason: Annotated[str | None, typer.Option(help="Why; it is kept beside it.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask, also when there are many.")] = False,
) -> None:
    """Close them for good; their bytes are kept, and who dropped them when."""
    with installation() as place:
        letters = _all(place, ids)
        if len(letters) > 1 and not yes:
            typer.confirm(f"Drop {len(letters):,} letters for good?", abort=True)
        for letter in letters:
            _close(place, letter, Fate.DROPPED, reason=reason)
        out.print(f"dropped {len(letters):,}")


def _retry(place: Installation, letter: Buried) -> str | None:
    """Send one again and close it, or say why that cannot be. Killed in between, it is sent twice and counts once."""
    if letter.size > len(letter.body):
        kept = f"only {len(letter.body):,} of its {letter.size:,} bytes were kept"
        return f"{_id(letter)}: {kept}; its sender must repeat it"
    try:
        entry = resend(
            place.broker, letter.body, stream=letter.stream, entry=letter.entry, prefix=place.settings.prefix
        )
    except NotResendable as error:
        return str(error)
    _close(place, letter, Fate.RETRIED, reason=f"as entry {entry}")
    out.print(f"{_id(letter)} is entry {entry} of {place.settings.prefix}{letter.stream} now", markup=False)
    return None


def _close(place: Installation, letter: Buried, fate: Fate, *, reason: str | None) -> None:
    with place.store.begin() as work:
        DeadLetters(work.connection).close(letter, fate, by=getpass.getuser(), reason=reason, now=work.now)
        work.commit()


def _all(place: Installation, ids: Sequence[str]) -> list[Buried]:
    """The open letters that are named, each once; one that is named and closed ends the command."""
    with place.store.read() as reading:
        found = {_id(letter): letter for identity in ids for letter in _matching(reading, identity)}
    return list(found.values())


def _matching(reading: Connection, identity: str) -> Iterator[Buried]:
    kept = DeadLetters(reading)
    if identity.endswith("/"):
        worker, _, stream = identity.rstrip("/").partition("/")
        yield from kept.open(worker=worker, stream=stream or None, limit=AT_ONCE)
        return
    letter = _named(reading, identity)
    if closed := kept.closed(letter):
        errors.print(f"{identity} was {closed.fate.value} by {closed.by} at {_time(closed.time)}", markup=False)
        raise typer.Exit(1)
    yield letter


def _named(reading: Connection, identity: str) -> Buried:
    worker, _, rest = identity.partition("/")
    stream, _, entry = rest.partition("/")
    letter = DeadLetters(reading).get(worker, stream, entry=entry)
    if letter is None:
        errors.print(f"nothing that was refused is called {identity}; `learning dead-letters list`", markup=False)
        raise typer.Exit(1)
    return letter


def _id(letter: Buried) -> str:
    return f"{letter.worker}/{letter.stream}/{letter.entry}"


def _cell(text: str) -> str:
    return printable(text).replace("[", "\\[")


def _time(time: int) -> str:
    return moment_text(time - time % 1_000_000)
