"""Score files equal what plain numpy gives, however small the blocks are."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceray.gallery.score_files import Features, subject_of, write_score_files
from faceray.storage import Folder

POEM = ["ann/ann_1", "ann/ann_2", "bob/bob_1", "cy/cy_1", "bob/bob_2"]


def features(labels: list[str], seed: int = 0, dimension: int = 16) -> Features:
    vectors = np.random.default_rng(seed).normal(size=(len(labels), dimension)).astype(np.float32)
    return Features(vectors, [label.split("/")[0] for label in labels], labels)


def plain(probes: Features, gallery: Features | None) -> tuple[np.ndarray, np.ndarray]:
    """The whole matrices at once, as the reference does it."""
    entries = gallery or probes
    kinds = (np.array(probes.subjects)[:, None] == np.array(entries.subjects)).astype(int)
    kinds[np.array(probes.labels)[:, None] == np.array(entries.labels)] = -1
    if gallery is None:
        kinds[np.tril_indices(len(kinds))] = -1
    p, g = probes.vectors.astype(float), entries.vectors.astype(float)
    scores = p @ g.T / np.linalg.norm(p, axis=1)[:, None] / np.linalg.norm(g, axis=1)
    authentic, impostor = (
        np.transpose(np.vstack([*np.where(kinds == k), np.round(scores[kinds == k], 6)])) for k in (1, 0)
    )
    return authentic, impostor


def check(folder: Path, probes: Features, gallery: Features | None, cells: int) -> None:
    counts = write_score_files(Folder.at(str(folder)), "g", probes, gallery, cells)
    for name, expected in zip(("authentic", "impostor"), plain(probes, gallery), strict=True):
        found = np.load(folder / f"g_{name}.npy", allow_pickle=False)
        assert found.shape == expected.shape == (counts[f"g_{name}.npy"], 3)
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found[:, :2], expected[:, :2])
        np.testing.assert_allclose(found[:, 2], expected[:, 2], atol=1.01e-6, rtol=0)
        assert (np.round(found[:, 2], 6) == found[:, 2]).all()


@pytest.mark.parametrize("cells", [1, 7, 1000])
@pytest.mark.parametrize("with_gallery", [False, True])
def test_files_equal_plain_numpy(tmp_path: Path, with_gallery: bool, cells: int):
    names = [f"p{i % 7}/p{i % 7}_{i}" for i in range(40)]
    gallery = features(names[20:] + [f"q/q_{i}" for i in range(9)], seed=1) if with_gallery else None
    check(tmp_path, features(names), gallery, cells)


@given(
    labels=st.lists(st.sampled_from(POEM), max_size=6),
    others=st.none() | st.lists(st.sampled_from(POEM), max_size=6),
    cells=st.integers(1, 40),
)
def test_any_lists_with_repeated_pictures(
    tmp_path_factory: pytest.TempPathFactory, labels: list[str], others: list[str] | None, cells: int
):
    check(tmp_path_factory.mktemp("s"), features(labels), None if others is None else features(others, 1), cells)


def test_lists_of_labels(tmp_path: Path):
    write_score_files(Folder.at(str(tmp_path)), "AA", features(POEM))
    assert (tmp_path / "AA_labels.txt").read_text().splitlines()[:2] == ["0 ann/ann_1", "1 ann/ann_2"]
    assert not (tmp_path / "AA_gallery_labels.txt").exists()
    write_score_files(Folder.at(str(tmp_path)), "AA", features(POEM), features(POEM[3:]))
    assert (tmp_path / "AA_gallery_labels.txt").read_text().splitlines() == ["0 cy/cy_1", "1 bob/bob_2"]


def test_any_file_system():
    write_score_files(Folder.at("memory://scores"), "AA", features(POEM))
    folder = Folder.at("memory://scores")
    assert folder.names() == ["AA_authentic.npy", "AA_impostor.npy", "AA_labels.txt"]


def test_vectors_of_different_networks_are_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="vectors of 16 and of 8 numbers"):
        write_score_files(Folder.at(str(tmp_path)), "g", features(POEM), features(POEM, dimension=8))


def test_memory_does_not_grow_with_the_pairs(tmp_path: Path):
    faces = features([f"p{i // 3}/p{i // 3}_{i}" for i in range(2000)])
    tracemalloc.start()
    counts = write_score_files(Folder.at(str(tmp_path)), "g", faces, cells=50_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert counts["g_impostor.npy"] * 24 > 45e6
    assert peak < 8e6


@pytest.mark.parametrize(
    ("path", "dataset", "id_length", "subject", "label"),
    [
        ("features/G_00001/G_00001_70.npy", "", 0, "G", "G_00001/G_00001_70"),
        ("a/b/ann_1.npy", "", 0, "ann", "b/ann_1"),
        ("ann_1.npy", "", 0, "ann", "ann_1"),
        ("a/b/nobody.npy", "", 0, "nobody.npy", "b/nobody"),  # as there: no underscore, the whole file name
        ("a/b/0042x7.npy", "", 4, "0042", "b/0042x7"),
        ("a/b/12345a.npy", "chiya", 0, "12345", "b/12345a"),
        ("a/b/12345a.npy", "CHIYA_VAL", 0, "/12", "b/12345a"),
        ("a/b/12345a.npy", "public_ivs", 0, "b", "b/12345a"),
    ],
)
def test_subjects_by_file_name(path: str, dataset: str, id_length: int, subject: str, label: str):
    assert subject_of(path, dataset, id_length) == (subject, label)
