"""What packs know of held-out faces beside a recipe's labels: their pictures, and the groups that they belong to."""

import base64
from collections.abc import Iterable, Sequence
from itertools import accumulate

import simplejpeg

from faceray.results.contact_sheet import shorten
from faceray.results.schema import GENDERS
from faceray.training.pack_labels import read_labels
from faceray.training.pictures import Pictures, Shards

Place = tuple[str, int]  # the address of a pack, and a row of it
_ONE_SHARD = 0  # bytes to keep: every shard is read once


def read_pictures(places: Iterable[Place], size: int) -> dict[Place, tuple[str, str]]:
    """The first picture of each face as a data URI, size x size pixels, and a note that says why there is none."""
    found: dict[Place, tuple[str, str]] = {}
    packs: dict[str, Pictures] = {}
    for pack, row in sorted(set(places)):
        try:
            if pack not in packs:
                packs[pack] = _pictures(pack, size)
            picture, _ = packs[pack].one(0, row)
            jpeg = simplejpeg.encode_jpeg(picture[0], quality=85)
            found[pack, row] = ("data:image/jpeg;base64," + base64.b64encode(jpeg).decode(), "")
        except Exception as error:  # a pack may be gone, and no report fails for want of a picture
            found[pack, row] = ("", shorten(f"not readable: {type(error).__name__}: {error}", 120))
    return found


def read_groups(places: Sequence[Place]) -> dict[str, list[str | None]]:
    """`gender` and `race` of each face as its pack labels them, and `race and gender`; None where it does not."""
    gender: list[str | None] = [None] * len(places)
    race: list[str | None] = [None] * len(places)
    for pack in {pack for pack, _ in places}:
        try:
            labels = read_labels(pack, ("gender", "race")).labels
        except Exception:  # a pack may be gone; then nothing is known
            continue
        numbers, races = labels["gender"].to_pylist(), labels["race"].to_pylist()
        for i, (its, row) in enumerate(places):
            if its == pack:
                gender[i] = None if numbers[row] is None else GENDERS[numbers[row]]
                race[i] = races[row]
    both = [f"{r} {g}" if r and g else None for r, g in zip(race, gender, strict=True)]
    return {"gender": gender, "race": race, "race and gender": both}


def _pictures(pack: str, size: int) -> Pictures:
    found = read_labels(pack, ())
    ends = tuple(accumulate(rows for _, rows in found.shards))
    return Pictures([Shards(found.uri, tuple(name for name, _ in found.shards), ends)], size, 1, memory=_ONE_SHARD)
