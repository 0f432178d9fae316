"""One labelled face, whatever data set it comes from. What a set does not say is None."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A face and its labels, in one vocabulary for all sets.

    Attributes:
        image: the file as a path below the set's root, with forward slashes (`A_B/A_B_0001.jpg`), or the file
            and a member in it: `train.rec#1234`, `test.lmdb#17`. Absolute only where the set itself says so.
        data: the encoded image itself, where the set is a container and no file per image.
        box: x1, y1, x2, y2 in pixels of the image; None means the set says nothing of where the face is.
        landmarks: x, y in pixels by name; those that cannot be seen are absent.
        marked: names of all landmarks that the set marks wherever they can be seen; one that is absent is hidden.
        age: years. gender: 0 female, 1 male. race, emotion: names as in faceray.results.schema.
        age_range: youngest and oldest in years, both included (`inf`: open), where the set says no more; age is None.
        emotion_votes: share of votes for each of the schema's emotions, where annotators voted.
        yaw, pitch, roll: degrees, signs as in the faces table.
        attributes: yes or no by name: smile, eyeglasses, beard, mustache, hat, and CelebA's own names.
        is_face: False for negative examples.
        identity: whose face it is, unique within the set; subject: for splits, where identity is not labelled.
        split: `train`, `val` or `test`, where the set has an official one.
        fold: fold of an official cross-validation, from 0.
        pair_fold: fold of a verification protocol.
    """

    image: str
    data: bytes | None = field(default=None, repr=False)
    box: tuple[float, float, float, float] | None = None
    landmarks: dict[str, tuple[float, float]] | None = None
    marked: tuple[str, ...] = ()
    age: float | None = None
    age_range: tuple[float, float] | None = None
    gender: int | None = None
    race: str | None = None
    emotion: str | None = None
    emotion_votes: tuple[float, ...] | None = None
    yaw: float | None = None
    pitch: float | None = None
    roll: float | None = None
    attributes: dict[str, bool] = field(default_factory=dict)
    is_face: bool = True
    identity: str | None = None
    subject: str | None = None
    split: str | None = None
    fold: int | None = None
    pair_fold: int | None = None


@dataclass(frozen=True)
class Dropped:
    """An entry of a set that gives no sample, and the rule that dropped it. Rules are counted, never silent."""

    image: str
    reason: str


Reader = Callable[[Path], Iterator[Sample | Dropped]]
