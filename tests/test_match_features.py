"""The original's feature matching: lists of .npy files become score files."""

from pathlib import Path

import numpy as np
import pytest

from faceray.errors import UserError
from faceray.match_features import is_feature_list, match_features, read_features
from faceray.match_options import MatchOptions
from tests.gallery.outputs import people


def features(folder: Path, name: str, count: int, seed: int) -> Path:
    """A list of features `name/pPERSON_PHOTO.npy`, not sorted, two of each person."""
    lines = []
    for i, vector in enumerate(people(count, 2, seed=seed)):
        path = folder / name / f"p{i // 2}_{i % 2}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, 7 * vector)
        lines.append(f"{name}/{path.name}")
    (folder / f"{name}.txt").write_text("\n".join(lines[::-1]) + "\n")
    return folder / f"{name}.txt"


def test_a_list_with_itself(tmp_path: Path):
    listed = features(tmp_path, "faces", 4, 0)
    assert is_feature_list(str(listed))
    counts = match_features(MatchOptions(str(listed), f"{tmp_path}/out", score_files="AA"))
    assert counts == {"AA_authentic.npy": 4, "AA_impostor.npy": 24}
    loaded = {n: np.load(tmp_path / "faces" / f"{n}.npy").astype(float) for n in ("p0_0", "p0_1")}
    expected = loaded["p0_0"] @ loaded["p0_1"] / np.prod([np.linalg.norm(v) for v in loaded.values()])
    first = np.load(tmp_path / "out" / "AA_authentic.npy")[0]
    assert first.tolist() == [0, 1, pytest.approx(expected, abs=1e-6)]
    assert (tmp_path / "out" / "AA_labels.txt").read_text().startswith("0 faces/p0_0\n1 faces/p0_1\n")


def test_two_lists(tmp_path: Path):
    probes, gallery = features(tmp_path, "probes", 3, 0), features(tmp_path, "gallery", 5, 1)
    counts = match_features(MatchOptions(str(probes), f"{tmp_path}/out", str(gallery)))
    assert counts == {"scores_authentic.npy": 12, "scores_impostor.npy": 48}
    assert len((tmp_path / "out" / "scores_gallery_labels.txt").read_text().splitlines()) == 10


def test_subjects_of_a_data_set(tmp_path: Path):
    listed = features(tmp_path, "faces", 2, 0)
    assert set(read_features(str(listed), MatchOptions("p", "o", dataset="PUBLIC_IVS")).subjects) == {"faces"}


def test_lists_of_photos_are_not_lists_of_features(tmp_path: Path):
    (tmp_path / "photos.txt").write_text("a.jpg\n")
    assert not is_feature_list(f"{tmp_path}/photos.txt")
    assert not is_feature_list(f"{tmp_path}/none.txt")
    assert not is_feature_list(str(tmp_path))


@pytest.mark.parametrize("content", [None, b"", b"no array", np.ones(3, object).dumps(), b"x" * 2_000_000])
def test_damaged_features_are_one_line(tmp_path: Path, content: bytes | None):
    listed = features(tmp_path, "faces", 2, 0)
    victim = tmp_path / "faces" / "p1_0.npy"
    victim.unlink()
    if content is not None:
        victim.write_bytes(content)
    with pytest.raises(UserError, match=r"faces/p1_0\.npy") as caught:
        match_features(MatchOptions(str(listed), f"{tmp_path}/out"))
    assert "\n" not in str(caught.value)


def test_features_of_different_lengths(tmp_path: Path):
    listed = features(tmp_path, "faces", 2, 0)
    np.save(tmp_path / "faces" / "p1_0.npy", np.ones(3, np.float32))
    with pytest.raises(UserError, match="different lengths"):
        match_features(MatchOptions(str(listed), f"{tmp_path}/out"))
