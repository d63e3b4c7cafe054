"""How large the store is, one question a dialect."""

from pathlib import Path

from sqlalchemy import Connection, make_url, text

_SIZE = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "postgresql": "SELECT pg_database_size(current_database())",
}


def size_of(connection: Connection) -> int:
    """Bytes of the whole database; SQLite's log ahead of the file is not in it."""
    return int(connection.execute(text(_SIZE[connection.dialect.name])).scalar_one())


def file_of(url: str) -> Path | None:
    """The file of a store of SQLite; None for one in memory or behind a server."""
    made = make_url(url)
    return Path(made.database) if made.get_backend_name() == "sqlite" and made.database else None
