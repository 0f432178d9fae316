"""Which faces of the tables: bounds, a date, and a condition in SQL that can do nothing but filter."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import duckdb

from faceray.errors import UserError
from faceray.results.schema import FACES

_SELECT = "SELECT 1 WHERE "
_PARTS = {"type", "cte_map", "select_list", "from_table", "aggregate_handling", "where_clause"}
_KINDS = {"CONJUNCTION", "COMPARISON", "CONSTANT", "COLUMN_REF", "FUNCTION", "OPERATOR", "CAST", "CASE", "BETWEEN"}
_FUNCTIONS = {
    *("+", "-", "*", "/", "//", "%", "**", "~~", "!~~", "~~*", "!~~*", "~~~", "like_escape", "not_like_escape"),
    *("abs", "sqrt", "round", "floor", "ceil", "greatest", "least", "isnan", "lower", "upper", "length"),
    *("contains", "starts_with", "prefix", "suffix", "ends_with", "regexp_matches", "regexp_full_match"),
    *("regexp_extract", "list_value", "list_contains", "list_extract", "array_extract", "len"),
}


@dataclass(frozen=True)
class Filter:
    """Which faces.

    Args:
        min_quality, min_score: least values, 0 to 1.
        since: a day, YYYY-MM-DD: of the start of the run that annotated the face, UTC.
        where: SQL for DuckDB over the columns of the faces table.

    Raises:
        UserError: a value out of range, no day, or no condition.
    """

    min_quality: float = 0.0
    min_score: float = 0.0
    since: str = ""
    where: str = ""

    def __post_init__(self) -> None:
        for name in ("min_quality", "min_score"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"--{name.replace('_', '-')} must be from 0 to 1, not {getattr(self, name):g}")
        if self.since:
            try:
                date.fromisoformat(self.since)
            except ValueError as error:
                raise UserError(f"--since {self.since!r} is not a day such as 2026-11-22") from error
        self._condition  # noqa: B018  is wrong at once or not at all

    @property
    def sql(self) -> str:
        """The condition that a row of the faces table must meet."""
        parts = [f"quality >= {self.min_quality!r}", f"score >= {self.min_score!r}"]
        if self.since:
            parts.append(f"run_id >= '{date.fromisoformat(self.since):%Y%m%d}'")  # run ids begin with their date
        return " AND ".join([*parts, f"({self._condition[0]})"])

    @property
    def columns(self) -> tuple[str, ...]:
        """What the condition reads."""
        return tuple(sorted({"quality", "score", "run_id", *self._condition[1]}))

    @cached_property
    def _condition(self) -> tuple[str, set[str]]:
        return parse_condition(self.where) if self.where.strip() else ("true", set())


def parse_condition(text: str) -> tuple[str, set[str]]:
    """A condition in DuckDB's own words, and the columns in it.

    Only comparisons, logic, arithmetic and functions of text and lists are let through: no query, no file, no setting.

    Raises:
        UserError: it does not parse, or is more than a condition on the columns of the faces table.
    """
    with duckdb.connect(config={"enable_external_access": "false"}) as db:
        ((answer,),) = db.execute("SELECT json_serialize_sql(?, skip_default := true)", [_SELECT + text]).fetchall()
        parsed = json.loads(answer)
        if parsed["error"]:
            raise UserError(f"--where {text!r}: {parsed['error_message']}")
        nodes = [statement["node"] for statement in parsed["statements"]]
        if len(nodes) != 1 or set(nodes[0]) != _PARTS or nodes[0]["cte_map"] or len(nodes[0]["select_list"]) != 1:
            raise UserError(f"--where {text!r} is more than a condition")
        expressions = list(_expressions(nodes[0]["where_clause"]))
        for expression in expressions:
            _check(expression, text)
        ((canonical,),) = db.execute("SELECT json_deserialize_sql(?::JSON)", [answer]).fetchall()
        db.register("faces", FACES.empty_table())
        try:
            db.execute(f"SELECT 1 FROM faces WHERE {canonical.removeprefix(_SELECT)}")
        except duckdb.Error as error:
            raise UserError(f"--where {text!r}: {str(error).partition(chr(10))[0]}") from error
    columns = {e["column_names"][-1].lower() for e in expressions if e["class"] == "COLUMN_REF"}
    return str(canonical).removeprefix(_SELECT), columns


def _expressions(node: Any) -> Iterator[dict[str, Any]]:
    """Everything in the tree that is evaluated."""
    if isinstance(node, dict):
        if "class" in node:
            yield node
        for child in node.values():
            yield from _expressions(child)
    elif isinstance(node, list):
        for child in node:
            yield from _expressions(child)


def _check(expression: dict[str, Any], text: str) -> None:
    kind = expression["class"]
    if kind not in _KINDS:
        raise UserError(f"--where {text!r}: a condition has no {kind.lower()}")
    if kind == "FUNCTION" and expression["function_name"].lower() not in _FUNCTIONS:
        raise UserError(f"--where {text!r}: {expression['function_name']} is not a function that may stand there")
    if kind == "COLUMN_REF" and [name.lower() for name in expression["column_names"]] not in [
        [c] for c in FACES.names
    ]:
        raise UserError(f"--where {text!r}: the faces table has no column {'.'.join(expression['column_names'])}")
