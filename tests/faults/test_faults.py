"""Exactly once, whatever breaks: the tables are those of an unbroken run. At length: `python -m tests.faults`."""

from pathlib import Path

import pytest

from tests.faces import astronaut, jpeg, portrait, scenery
from tests.faults.breaks import check, run_to_the_end
from tests.faults.place import place

pytestmark = pytest.mark.timeout(900)
PHOTOS = {f"{i:03}.jpg": jpeg(scenery(60, 60 + i)) for i in range(40)}
BREAKS = ("driver", "worker", "server")
PHOTOS |= {"astronaut.jpg": jpeg(astronaut()), "portrait.jpg": jpeg(portrait()), "broken.jpg": b"no image"}


def test_tables_are_those_of_an_unbroken_run(tmp_path: Path) -> None:
    with place(tmp_path, seed=1, nodes=1) as found:
        found.upload(PHOTOS)
        run_to_the_end(found, "whole", [], len(PHOTOS))
        whole = found.tables("whole")
        assert len(whole[0]) == len(PHOTOS)
        done = run_to_the_end(found, "broken", BREAKS, len(PHOTOS))
        assert done["driver"] == 1, "it was broken"
        check(found.tables("broken"), whole)
