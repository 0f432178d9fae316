"""Tables in text files: one row at a time, columns by name."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from faceray.errors import UserError


def table_rows(path: Path, columns: Sequence[str], delimiter: str = ",") -> Iterator[dict[str, str]]:
    """The rows of a table whose first line names the columns, read as they are asked for.

    Args:
        columns: what every row is asked for; a value that a short row lacks is "".

    Raises:
        UserError: the file cannot be read as UTF-8, or lacks one of `columns`.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="", delimiter=delimiter)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise UserError(f"{path} has no column {', '.join(missing)}")
            for row in reader:
                yield {name: row[name].strip() for name in columns}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"cannot read {path}: {error}") from error
