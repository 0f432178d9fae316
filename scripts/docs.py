"""Write docs/tables.md, docs/options.md, docs/recipes.md and the README's recipes from schema, options and recipes."""

import inspect
import re
from argparse import SUPPRESS
from functools import cache
from pathlib import Path

from jsonargparse import ArgumentParser

from faceray.models.networks import build_network
from faceray.models.trunks import count_parameters
from faceray.options import AnnotateOptions
from faceray.results.report import STATUS_MEANING
from faceray.results.schema import FACE_COLUMNS, IMAGE_COLUMNS, SCHEMA_VERSION, Column
from faceray.training.augmentation import Augmentation
from faceray.training.optimisers import OptimiserOptions
from faceray.training.recipe import Network, Recipe, Strategy
from faceray.training.recipes import RECIPES
from faceray.training.schedules import Schedule
from faceray.training.selection import Selection
from faceray.training.session import UNKNOWN
from faceray.training.targets import Filling

RECORDS = (Recipe, Network, Strategy, Filling, Selection, OptimiserOptions, Schedule, Augmentation)
DATA = {"triple_box": "--crop.kind triple_box --crop.size 64", "margin": "--crop.kind margin --crop.size 227"}
ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
TABLE = re.compile(r"\| recipe \|.*\n(\|.*\n)*")  # the README's


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


def recipes() -> str:
    """The page about the recipes of train."""
    rows = "\n".join(_recipe(make()) for make in RECIPES.values())
    fields = "\n\n".join(f"### {kind.__name__}\n\n    {_indented(kind)}" for kind in RECORDS)
    return f"""\
# Recipes of `train`

    faceray prepare --dataset SET --source FOLDER --output PACK
    faceray train --recipe NAME --data PACK,PACK --output CHECKPOINT --set epochs=8

Parameters are those that learn, margin heads aside. Packs have crops of 112 pixels unless the last column says
otherwise; larger or smaller ones of the same kind are resized. Made by `python scripts/docs.py`.

| recipe | original | network | parameters | what | data | prepare with |
|---|---|---|---|---|---|---|
{rows}

## What `--set` can change

By path: `epochs`, `optimiser.learning_rate`, `strategy.filling.method`, `objectives.age.weight`,
`network.arguments.trunk`.

{fields}
"""


def _recipe(recipe: Recipe) -> str:
    original = "" if recipe.original is None else str(recipe.original)
    network, crop = recipe.network, recipe.network.crop
    size = f"--crop.size {crop.size}" if crop.size != 112 else ""
    row = (
        f"`{recipe.name}`",
        original,
        f"{network.name} at {crop.size}",
        f"{_parameters(recipe.name):,}",
        recipe.about,
        recipe.needs,
        f"`{DATA.get(crop.kind, size)}`" if DATA.get(crop.kind, size) else "",
    )
    return f"| {' | '.join(row)} |"


def readme(text: str) -> str:
    """The README with its table of recipes made anew."""
    heads = [
        "| recipe | original | network | parameters | data | command: `faceray train` … |",
        "|---|---|---|---|---|---|",
    ]
    rows = [_command(make()) for make in RECIPES.values()]
    return TABLE.sub("\n".join([*heads, *rows, ""]), text, count=1)


def _command(recipe: Recipe) -> str:
    tasks = " --tasks gender" if recipe.name == "eagp_stl" else ""
    packs = "PACK,PACK" if "packs" in recipe.needs else "PACK"
    row = (
        recipe.name,
        "" if recipe.original is None else str(recipe.original),
        f"{recipe.network.name} at {recipe.network.crop.size}",
        f"{_parameters(recipe.name):,}",
        recipe.needs.partition("; ")[0].partition(", prepared")[0],
        f"`--recipe {recipe.name} --data {packs} --output OUT{tasks}`",
    )
    return f"| {' | '.join(row)} |"


@cache
def _parameters(recipe: str) -> int:
    return count_parameters(build_network(RECIPES[recipe]().card(**UNKNOWN)))


def _indented(kind: type) -> str:
    return inspect.cleandoc(kind.__doc__ or "").replace("\n", "\n    ").replace("\n    \n", "\n\n")


def _columns(columns: tuple[Column, ...]) -> str:
    rows = (f"| `{c.name}` | {c.type} | {'yes' if c.nullable else 'no'} | {c.doc} |" for c in columns)
    return "\n".join(["| column | type | null? | meaning |", "|---|---|---|---|", *rows])


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


def main() -> None:
    DOCS.mkdir(exist_ok=True)
    (DOCS / "tables.md").write_text(tables())
    (DOCS / "options.md").write_text(options())
    (DOCS / "recipes.md").write_text(recipes())
    page = ROOT / "README.md"
    page.write_text(readme(page.read_text()))


if __name__ == "__main__":
    main()
