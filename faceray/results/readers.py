"""Reading an output back: `read_faces("out").to_pandas()`."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from faceray.errors import UserError
from faceray.results.schema import FACES, IMAGES
from faceray.results.table import Table
from faceray.storage import Folder


def read_images(
    output: str, columns: Sequence[str] | None = None, where: pc.Expression | None = None, version: int | None = None
) -> pa.Table:
    """Rows of the images table, one for each image ever seen.

    Args:
        output: what was given to annotate as `--output`.
        columns: names of columns; all if not given.
        where: a condition such as `pyarrow.compute.field("status") != "ok"`; applied while reading.
        version: of the table; the newest if not given.

    Raises:
        UserError: there is no such table or column.
    """
    return _read(output, "images", IMAGES, columns, where, version)


def read_faces(
    output: str, columns: Sequence[str] | None = None, where: pc.Expression | None = None, version: int | None = None
) -> pa.Table:
    """Rows of the faces table, one for each face. Arguments as for `read_images`."""
    return _read(output, "faces", FACES, columns, where, version)


def embeddings(faces: pa.Table) -> np.ndarray:
    """The column `embedding` as a matrix, float32 (n, dimension), without a copy of each row."""
    column = faces["embedding"].combine_chunks()
    if not len(column):
        return np.zeros((0, 0), np.float32)
    matrix: np.ndarray = np.asarray(column.flatten(), np.float32).reshape(len(column), -1)
    return matrix


def _read(
    output: str,
    name: str,
    schema: pa.Schema,
    columns: Sequence[str] | None,
    where: pc.Expression | None,
    version: int | None,
) -> pa.Table:
    unknown = sorted(set(columns or ()) - set(schema.names))
    if unknown:
        raise UserError(f"the {name} table has no column {', '.join(unknown)}")
    table = Table(Folder.at(output) / name, schema)
    if table.delta is None:
        raise UserError(f"no {name} table in {output}")
    if version is not None:
        table.delta.load_as_version(version)
    return table.dataset().to_table(columns=list(columns) if columns else None, filter=where)
