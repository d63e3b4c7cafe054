"""``learning contract``: what crosses the wire, for other languages."""

from pathlib import Path
from typing import Annotated

import typer

from workers.commands.console import errors, out
from workers.contract.files import contract_files

Folder = Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write to.")]


def contract(folder: Folder = Path("contract")) -> None:
    """Write JSON Schema for every event (DIR/schemas) and AsyncAPI 3.0 for all streams (DIR/asyncapi.json)."""
    written = 0
    try:
        for place, text in contract_files():
            file = folder / place
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            written += 1
    except OSError as error:
        wrong = f"learning: {folder}: {error.strerror}; name a folder to write to with --out"
        errors.print(wrong, style="red", markup=False)
        raise typer.Exit(1) from error
    out.print(f"{written} files in {folder}", markup=False)
