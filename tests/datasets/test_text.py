"""Tables in text files: columns by name, errors in one line."""

import pytest

from faceray.datasets.text import table_rows
from faceray.errors import UserError
from tests.datasets.layout import write


def test_columns_are_found_by_name_in_any_order(tmp_path):
    write(tmp_path, "table.csv", '\ufeffb, x,a\n1,2,"3, 4"\n5\n')
    assert list(table_rows(tmp_path / "table.csv", ("a", "b"))) == [{"a": "3, 4", "b": "1"}, {"a": "", "b": "5"}]


def test_a_missing_column_or_file_is_the_users_mistake(tmp_path):
    write(tmp_path, "table.tsv", "a\tb\n1\t2\n")
    with pytest.raises(UserError, match=r"table\.tsv has no column c"):
        list(table_rows(tmp_path / "table.tsv", ("a", "c"), delimiter="\t"))
    with pytest.raises(UserError, match=r"cannot read .*other\.csv"):
        list(table_rows(tmp_path / "other.csv", ("a",)))


def test_bytes_that_are_not_text_are_the_users_mistake(tmp_path):
    (tmp_path / "table.csv").write_bytes(b"a\n\xff\xfe\n")
    with pytest.raises(UserError, match="cannot read"):
        list(table_rows(tmp_path / "table.csv", ("a",)))
