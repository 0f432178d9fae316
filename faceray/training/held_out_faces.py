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
_CROPS = 3  # of a face at most
_ONE_SHARD = 0  # bytes to keep: every shard is read once


def read_pictures(places: Iterable[Place], size: int) -> dict[Place, tuple[str, str]]:
    """A picture of each face as a data URI, size x size pixels, and a note that says why there is none.

    Of several crops it is the middle one.
    """
    found: dict[Place, tuple[str, str]] = {}
    packs: dict[str, Pictures] = {}
    for pack, row in sorted(set(places)):
        try:
            if pack not in packs:
                packs[pack] = Pictures([_shards(pack)], size, _CROPS, memory=_ONE_SHARD)
            crops, _ = packs[pack].one(0, row)
            jpeg = simplejpeg.encode_jpeg(crops[len(crops) // 2], quality=85)
            found[pack, row] = ("data:image/jpeg;base64," + base64.b64encode(jpeg).decode(), "")
        except Exception as error:  # a pack may be gone, and no report fails for want of a picture
            found[pack, row] = ("", shorten(f"not readable: {type(error).__name__}: {error}", 120))
    return found


def read_groups(places: Sequence[Place]) -> dict[str, list[str | None]]:
    """`gender` and `race` of each face as its pack labels them, and `race and gender`; None where it does not."""
    known = {pack: _groups(pack) for pack in {pack for pack, _ in places}}
    gender = [known[pack]["gender"].get(row) for pack, row in places]
    race = [known[pack]["race"].get(row) for pack, row in places]
    both = [f"{r} {g}" if r and g else None for r, g in zip(race, gender, strict=True)]
    return {"gender": gender, "race": race, "race and gender": both}


def _groups(pack: str) -> dict[str, dict[int, str]]:
    """By row; nothing where the pack is gone."""
    try:
        labels = read_labels(pack, ("gender", "race")).labels
    except Exception:  # as above
        return {"gender": {}, "race": {}}
    genders, races = enumerate(labels["gender"].to_pylist()), enumerate(labels["race"].to_pylist())
    return {
        "gender": {row: GENDERS[number] for row, number in genders if number is not None},
        "race": {row: race for row, race in races if race is not None},
    }


def _shards(pack: str) -> Shards:
    found = read_labels(pack, ())
    return Shards(found.uri, tuple(n for n, _ in found.shards), tuple(accumulate(n for _, n in found.shards)))
