"""A store in PostgreSQL as a file: written by its own pg_dump, read by its pg_restore, taken in by us."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from sqlalchemy import URL, Connection, inspect

from store.engines import SCHEMA
from store.errors import StoreUnavailable
from store.migrations import prepare

PASSED_OVER = (b"--", b"\\", b"SET ", b"SELECT pg_catalog.set_config(", b"CREATE SCHEMA ")
"""What lines of a dump begin with that we do not run: remarks, words for psql, settings of a session, the schema."""

COPIED, END = b"COPY ", b"\\.\n"


def dump(place: URL, file: Path) -> None:
    """Write the schema of the store and all its rows into ``file``, as they are at one moment.

    Raises:
        StoreUnavailable: there is no pg_dump, or it says why it cannot.
    """
    words = [f"--schema={SCHEMA}", "--format=custom", "--encoding=UTF8", "--no-owner", "--no-privileges"]
    words += ["--lock-wait-timeout=5s"]
    bare, password = _without_password(place)
    command = [_program("pg_dump"), *words, f"--file={file}", f"--dbname={bare}"]
    done = subprocess.run(command, env={**os.environ, **password}, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise StoreUnavailable(f"pg_dump could not write {file}: {done.stderr.strip()}")


def load(connection: Connection, file: Path) -> None:
    """Put what ``file`` holds in the place of every table of the schema, in the transaction of ``connection``.

    Raises:
        StoreUnavailable: there is no pg_restore, or it says why it cannot read the file.
    """
    prepare(connection)
    quoted = connection.dialect.identifier_preparer.quote_identifier
    for name in inspect(connection).get_table_names():
        connection.exec_driver_sql(f"DROP TABLE {quoted(name)} CASCADE")
    cursor: Any = connection.connection.cursor()
    with _script(file) as lines:
        for statement in _statements(lines):
            if statement.startswith(COPIED):
                with cursor.copy(statement) as copying:
                    for line in _rows(lines):
                        copying.write(line)
            else:
                cursor.execute(statement)


def _statements(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Each statement in its lines; the rows that follow a COPY are left to be read."""
    statement = b""
    for line in lines:
        if not statement and (line.isspace() or line.startswith(PASSED_OVER)):
            continue
        statement += line
        if line.endswith(b";\n"):
            yield statement
            statement = b""


def _rows(lines: Iterator[bytes]) -> Iterator[bytes]:
    for line in lines:
        if line == END:
            return
        yield line


@contextmanager
def _script(file: Path) -> Iterator[Iterator[bytes]]:
    """The lines of the file as SQL."""
    command = [_program("pg_restore"), "--no-owner", "--no-privileges", "--file=-", str(file)]
    with TemporaryFile() as said:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said) as process:  # noqa: S603
            assert process.stdout is not None
            yield process.stdout
        if process.returncode:
            said.seek(0)
            words = said.read().decode(errors="replace").strip()
            raise StoreUnavailable(f"pg_restore could not read {file}: {words}")


def _program(name: str) -> str:
    """The newer of the one on the PATH and the one that came with the packages: an old one reads no new server.

    Raises:
        StoreUnavailable: there is none.
    """
    found = list(_candidates(name))
    if not found:
        raise StoreUnavailable(
            f"{name} was not found, which copies a store in PostgreSQL: install the server's client programs "
            "(Debian, Ubuntu: apt install postgresql-client; Fedora: dnf install postgresql; macOS: brew install libpq)"
        )
    return max(found, key=_version) if len(found) > 1 else found[0]


def _candidates(name: str) -> Iterator[str]:
    if found := shutil.which(name):
        yield found
    package = find_spec("pgserver")
    folders = [Path(place) for place in (package.submodule_search_locations or ())] if package else []
    for folder in (*folders, Path(sys.prefix) / "postgresql" / "pgserver"):
        program = folder / "pginstall" / "bin" / name
        if os.access(program, os.X_OK):
            yield str(program)


def _version(program: str) -> tuple[int, int]:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    found = re.search(r"(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _without_password(place: URL) -> tuple[str, dict[str, str]]:
    """The address as these programs take it, and its password as a variable, which no list of processes shows."""
    password = place.password or place.query.get("password")
    bare = place.set(drivername="postgresql", password=None).difference_update_query(["password"])
    return bare.render_as_string(hide_password=False), {"PGPASSWORD": str(password)} if password else {}
