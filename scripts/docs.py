"""Write docs/tables.md from faceray/results/schema.py, and docs/options.md from the option classes."""

from argparse import SUPPRESS
from pathlib import Path

from jsonargparse import ArgumentParser

from faceray.options import AnnotateOptions
from faceray.results.report import STATUS_MEANING
from faceray.results.schema import FACE_COLUMNS, IMAGE_COLUMNS, SCHEMA_VERSION, Column

DOCS = Path(__file__).parent.parent / "docs"


def tables() -> str:
    """The page about the tables."""
    statuses = "\n".join(f"| `{status}` | {meaning} |" for status, meaning in STATUS_MEANING.items())
    return f"""\
# The tables

Schema version {SCHEMA_VERSION}: property `faceray.schema_version` of both tables. Made by `scripts/docs.py` from
`faceray/results/schema.py`.

## `images/`: one row for every image ever seen

{_columns(IMAGE_COLUMNS)}

### Statuses

| status | meaning |
|---|---|
{statuses}

`not_found`, `forbidden` and `fetch_error` are tried again by the next run; others only when the image or the models
change.

## `faces/`: one row for every face of an `ok` image

{_columns(FACE_COLUMNS)}
"""


def options() -> str:
    """The page about the options of annotate."""
    parser = ArgumentParser()
    parser.add_class_arguments(AnnotateOptions, as_group=False)
    actions = [a for a in parser._actions if a.dest != "help" and a.default != SUPPRESS]
    rows = "\n".join(
        f"| `--{a.dest.replace('_', '-')}` | {'required' if a.required else f'`{a.default}`'} | {_one_line(a.help)} |"
        for a in actions
    )
    return f"""\
# Options of `annotate`

On the command line, or in a YAML file given as `--config` with the same names, nested where there is a dot (with `_`
for `-`). Unknown names are
errors. The resolved options are saved in `runs/RUN_ID.json`. Made by `python scripts/docs.py` from the option
classes.

| option | default | |
|---|---|---|
{rows}
"""


def _columns(columns: tuple[Column, ...]) -> str:
    rows = (f"| `{c.name}` | {c.type} | {'yes' if c.nullable else 'no'} | {c.doc} |" for c in columns)
    return "\n".join(["| column | type | null? | meaning |", "|---|---|---|---|", *rows])


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


def main() -> None:
    DOCS.mkdir(exist_ok=True)
    (DOCS / "tables.md").write_text(tables())
    (DOCS / "options.md").write_text(options())


if __name__ == "__main__":
    main()
