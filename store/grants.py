"""What a role of PostgreSQL must be granted to work with the store, and no more."""

from sqlalchemy import Dialect

from store.engines import SCHEMA

ROWS = "SELECT, INSERT, UPDATE, DELETE ON TABLES"
NUMBERS = "USAGE ON SEQUENCES"


def grants(dialect: Dialect, *, database: str, role: str) -> list[str]:
    """The statements, for whoever owns the schema: the role may read and write rows, also of tables to come."""
    quoted = dialect.identifier_preparer.quote_identifier
    name, schema = quoted(role), quoted(SCHEMA)
    return [
        f"GRANT CONNECT ON DATABASE {quoted(database)} TO {name}",
        f"GRANT USAGE ON SCHEMA {schema} TO {name}",
        f"GRANT {ROWS.replace('ON ', 'ON ALL ')} IN SCHEMA {schema} TO {name}",
        f"GRANT {NUMBERS.replace('ON ', 'ON ALL ')} IN SCHEMA {schema} TO {name}",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT {ROWS} TO {name}",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT {NUMBERS} TO {name}",
    ]
