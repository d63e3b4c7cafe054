"""All columns of the export, in their order."""

from typing import Any

from workers.export.case_columns import CASE_COLUMNS
from workers.export.column import Column
from workers.export.example_columns import EXAMPLE_COLUMNS
from workers.export.scanner_columns import SCANNER_COLUMNS

SUBJECT_COLUMNS = (*CASE_COLUMNS, *SCANNER_COLUMNS)
"""What is the same for every horizon of an alert, decision or thesis."""

COLUMNS: tuple[Column[Any], ...] = (*EXAMPLE_COLUMNS, *SUBJECT_COLUMNS)
