"""Generations: complete or not there, and readers are not disturbed."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from faceray.errors import UserError
from faceray.gallery.card import GalleryCard
from faceray.gallery.store import Store, save_calibration
from faceray.storage import Folder
from tests.gallery.cards import a_card, a_shard

NAMES = [f"2026110{day}T000000000Z" for day in range(1, 6)]


@pytest.fixture(params=["disk", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    store = Store.at(str(tmp_path / "gallery") if request.param == "disk" else "memory://galleries/one")
    yield store
    store.folder.remove("")


def built(store: Store, name: str, *shards: str, keep: int = 2) -> GalleryCard:
    """A generation with these shards, of which those that are new are written."""
    store.begin(name)
    card = a_card(*(a_shard(shard, 3) for shard in shards), generation=name)
    for file in card.files:
        if file.name not in store.shards.names():
            store.shards.write(file.name, b"0123456789")
    store.publish(card, keep)
    return card


def shards(store: Store) -> set[str]:
    return {name.partition(".")[0] for name in store.shards.names()}


def test_before_the_first_there_is_nothing(store: Store) -> None:
    assert store.current is None
    assert store.generations() == []
    with pytest.raises(UserError, match="no gallery at"):
        store.card()


@pytest.mark.parametrize("named", ["../../etc", NAMES[3]])
def test_a_pointer_that_points_nowhere_says_what_is_there(store: Store, named: str) -> None:
    built(store, NAMES[0], "a")
    store.folder.write("CURRENT", named.encode())
    with pytest.raises(UserError, match=f"(CURRENT is damaged|has no generation).*those that are there: {NAMES[0]}"):
        store.card()


def test_the_newest_is_current_and_older_ones_stay_for_a_while(store: Store) -> None:
    built(store, NAMES[0], "a", "b")
    second = built(store, NAMES[1], "a", "c")
    assert store.current == NAMES[1]
    assert store.card() == second
    assert store.card(NAMES[0]).shards[1].index.name == "b.faiss"
    assert shards(store) == {"a", "b", "c"}
    built(store, NAMES[2], "c")
    assert store.generations() == NAMES[1:3]
    assert shards(store) == {"a", "c"}
    built(store, NAMES[3], "d", keep=1)
    assert store.generations() == NAMES[3:4]
    assert shards(store) == {"d"}


def test_what_was_begun_and_not_ended_is_not_seen_and_goes_with_the_next(store: Store) -> None:
    first = built(store, NAMES[0], "a")
    store.begin(NAMES[1])
    store.shards.write("b.faiss", b"half")
    (store.plans / NAMES[1]).write("00000.parquet", b"plan")
    store.save(a_card(a_shard("b", 3), generation=NAMES[1]))  # everything but CURRENT
    assert store.card() == first
    assert store.generations() == NAMES[:1]
    store.begin(NAMES[2])
    assert shards(store) == {"a"}
    assert store.plans.names() == []
    assert (store.folder / "generations").names() == NAMES[:1]


def test_an_empty_folder_is_no_generation(store: Store) -> None:
    built(store, NAMES[1], "a")
    store.folder.files.makedirs(f"{store.folder.path}/generations/{NAMES[0]}")  # as some object stores keep them
    assert store.generations() == [NAMES[1]]
    built(store, NAMES[2], "b", keep=1)
    assert store.generations() == [NAMES[2]]
    assert shards(store) == {"b"}


def test_of_two_builds_at_once_the_later_one_wins(store: Store) -> None:
    store.begin(NAMES[0])
    built(store, NAMES[1], "b")
    with pytest.raises(UserError, match="another build"):
        store.publish(a_card(a_shard("a", 3), generation=NAMES[0]), keep=2)
    assert store.current == NAMES[1]


def test_a_calibration_replaces_the_other_and_nothing_else(store: Store) -> None:
    card = built(store, NAMES[0], "a")
    built(store, NAMES[1], "a")
    changed = save_calibration(store.folder.uri, {"threshold": 0.4}, NAMES[0])
    assert changed == replace(card, calibration={"threshold": 0.4})
    assert store.card(NAMES[0]) == changed
    assert store.card().calibration is None
    save_calibration(store.folder.uri, {"threshold": 0.5})
    assert store.card().calibration == {"threshold": 0.5}
    assert [name for name in (store.folder / "generations" / NAMES[1]).names() if "json" in name] == ["gallery.json"]


def test_folders_of_something_else_are_left_alone(store: Store) -> None:
    store.folder.write("thesis.txt", b"years of work")
    with pytest.raises(UserError, match=r"not a gallery's \(thesis.txt\)"):
        store.begin(NAMES[0])


@pytest.mark.parametrize("name", ["../../etc", "a/b", "", ".hidden", "x" * 101])
def test_names_are_no_paths(store: Store, name: str) -> None:
    built(store, NAMES[0], "a")
    store.folder.write("CURRENT", name.encode() or b"..")
    with pytest.raises(UserError, match="not the name"):
        store.card()


def test_unknown_generations_are_answered_with_those_that_are_known(store: Store) -> None:
    built(store, NAMES[0], "a")
    with pytest.raises(UserError, match=f"no generation {NAMES[1]}; those that are there: {NAMES[0]}"):
        store.card(NAMES[1])


def test_enormous_cards_are_not_read(store: Store) -> None:
    built(store, NAMES[0], "a")
    (store.folder / "generations" / NAMES[0]).write("gallery.json", b" " * (1 << 26) + b"{}")
    with pytest.raises(UserError, match="larger than"):
        store.card()


def test_a_gallery_is_found_by_its_address(tmp_path: Path) -> None:
    built(Store(Folder.at(str(tmp_path))), NAMES[0], "a")
    assert Store.at(f"file://{tmp_path}/").current == NAMES[0]
