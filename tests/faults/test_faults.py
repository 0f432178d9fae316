"""Exactly once, whatever breaks: the tables are those of an unbroken run. At length: `python -m tests.faults`."""

from collections.abc import Iterator

import pandas as pd
import pytest

from tests.faces import astronaut, jpeg, portrait, scenery
from tests.faults.breaks import check, run_to_the_end
from tests.faults.place import Place, place

pytestmark = pytest.mark.timeout(900)
PHOTOS = {f"{i:03}.jpg": jpeg(scenery(60, 60 + i)) for i in range(40)}
PHOTOS |= {"astronaut.jpg": jpeg(astronaut()), "portrait.jpg": jpeg(portrait()), "broken.jpg": b"no image"}


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, tuple[pd.DataFrame, pd.DataFrame]]]:
    with place(tmp_path_factory.mktemp("faults"), seed=1) as found:
        found.upload(PHOTOS)
        run_to_the_end(found, "whole", [], len(PHOTOS))
        yield found, found.tables("whole")


@pytest.mark.parametrize("breaks", [("driver", "worker", "puts"), ("server", "node")], ids="-".join)
def test_tables_are_those_of_an_unbroken_run(
    ground: tuple[Place, tuple[pd.DataFrame, pd.DataFrame]], breaks: tuple[str, ...]
) -> None:
    found, whole = ground
    assert len(whole[0]) == len(PHOTOS)
    done = run_to_the_end(found, "-".join(breaks), breaks, len(PHOTOS))
    assert done[breaks[0]] == 1, "it was broken"
    check(found.tables("-".join(breaks)), whole)
