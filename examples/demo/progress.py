"""The bar that runs while the demo does."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


def progress_bar(console: Console) -> Progress:
    """A bar of sessions, with alerts, examples and versions so far."""
    return Progress(
        TextColumn("sessions"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("alerts [bold]{task.fields[alerts]}"),
        TextColumn("examples [bold]{task.fields[examples]}"),
        TextColumn("versions [bold]{task.fields[versions]}"),
        TimeElapsedColumn(),
        console=console,
        refresh_per_second=5,
    )
