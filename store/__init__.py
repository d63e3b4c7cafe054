"""What is remembered: SQL tables, migrations, unit of work, queries."""
