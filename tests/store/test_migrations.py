"""The migrations build exactly the tables that the code knows."""

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

from store.tables import metadata


def test_migrating_builds_the_tables_of_the_code(store):
    with store.read() as reading:
        options = {"compare_type": True, "compare_server_default": True}
        assert [] == compare_metadata(MigrationContext.configure(reading, opts=options), metadata)
        assert {*metadata.tables, "alembic_version"} == set(inspect(reading).get_table_names())


def test_both_ways_of_building_the_schema_give_the_same_text(store):
    straight = create_engine("sqlite://")
    metadata.create_all(straight)
    with straight.connect() as connection:
        expected = definitions(connection)
    straight.dispose()

    with store.read() as reading:
        assert expected == definitions(reading)


def test_every_table_is_strict(store):
    with store.read() as reading:
        strict = dict(tuple(row) for row in reading.execute(text("SELECT name, strict FROM pragma_table_list")))

    assert dict.fromkeys(metadata.tables, 1) == {name: strict[name] for name in metadata.tables}


def test_every_time_and_count_is_64_bits_wide_in_postgresql_too():
    from sqlalchemy.dialects import postgresql
    from sqlalchemy.schema import CreateTable

    for table in metadata.tables.values():
        made = str(CreateTable(table).compile(dialect=postgresql.dialect()))
        assert "INTEGER" not in made
        assert "REAL" not in made


def definitions(connection):
    """What SQLite wrote down for each table and index: its columns and constraints, in any order."""
    rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
    return {name: normal(sql) for name, sql in rows if name != "alembic_version"}


def normal(sql):
    lines = (line.strip().rstrip(",").replace('"', "") for line in sql.splitlines())
    return sorted(line for line in lines if line)
