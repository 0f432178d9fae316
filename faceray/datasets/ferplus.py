"""FER+ (Barsoum et al., ICMI 2016): the images of FER2013, looked at again by ten people each, who voted."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from faceray.datasets.fer2013 import SIZE, SPLITS, encode_png, parse_pixels
from faceray.datasets.files import first_existing, read_lines, relative
from faceray.datasets.sample import Dropped, Sample
from faceray.datasets.text import table_rows
from faceray.errors import UserError
from faceray.results.schema import EMOTIONS

VoteRule = Literal["majority", "probability", "crossentropy", "multi_target"]
VOTE_RULES: tuple[VoteRule, ...] = get_args(VoteRule)
CHOICES = (*EMOTIONS, "unknown", "NF")  # what people could vote for; NF is no face
NO_AGREEMENT = "no agreement among the voters"
_MOST_VOTES = 100
FOLDERS = {"FER2013Train": "train", "FER2013Valid": "val", "FER2013Test": "test"}


@dataclass(frozen=True)
class FerplusOptions:
    """How ten votes become a label by one of the paper's schemes. Single votes are taken for slips and never count.

    `majority`: one emotion, which more than half of the votes are for.
    `probability`, `crossentropy`: the foremost emotions, three at most, until they hold three quarters of the votes;
    more than half is needed. Their shares are what to draw a label from, and what to compare with, respectively.
    `multi_target`: every emotion with 30 % of the votes, all alike, if together they have more than half.
    `all`: every image that one of the four could use, with the votes as they are, so that the rule can be chosen in
    training: `vote_target` makes each rule's target of them. `emotion` is the majority's, None where there is none.

    Args:
        train_votes: for the training split.
        held_out_votes: for validation and test; the paper's figures are for `majority`.
    """

    train_votes: VoteRule | Literal["all"] = "majority"
    held_out_votes: VoteRule | Literal["all"] = "majority"

    def __post_init__(self) -> None:
        for name in (self.train_votes, self.held_out_votes):
            if name not in (*VOTE_RULES, "all"):
                raise UserError(f"no rule {name!r} for votes: {', '.join(VOTE_RULES)}, all")

    def rule(self, split: str) -> VoteRule | Literal["all"]:
        """The rule for this split."""
        return self.train_votes if split == "train" else self.held_out_votes


DEFAULT = FerplusOptions()


def read_ferplus(root: Path, options: FerplusOptions = DEFAULT) -> Iterator[Sample | Dropped]:
    """FER+: `FER2013Train/`, `FER2013Valid/`, `FER2013Test/` (here or in `data/`) with images and a `label.csv` each;
    or `fer2013.csv` beside `fer2013new.csv`, whose images are yielded as PNG in `data`. In the tables' order.

    Emotions stand in the schema's order here, not in FER2013's. `emotion` is the one with most votes.

    Raises:
        UserError: the files are absent, or not as published.
    """
    if (root / "fer2013new.csv").exists():
        return _read_tables(root, options)
    return _read_folders(root, options)


def vote_shares(votes: Sequence[float], rule: VoteRule) -> tuple[float, ...] | str:
    """The target that a rule makes of the ten counts of votes, in the order of `CHOICES`.

    Returns:
        Eight shares that sum to 1, in the schema's order, or the reason why the image has no emotion.
    """
    return _target(_counted(votes), rule)


def vote_target(shares: Sequence[float], rule: VoteRule) -> tuple[float, ...] | None:
    """The target that a rule makes of a pack's `emotion_votes` as `all` keeps them.

    Args:
        shares: eight, in the schema's order. What they lack to 1 are votes for unknown and NF, taken for one choice;
            few images have both.

    Returns:
        Eight shares that sum to 1, or None where the rule does not use the image.
    """
    target = _target([*_votes([*shares, max(0.0, 1 - sum(shares))]), 0.0], rule)
    return None if isinstance(target, str) else target


def _votes(shares: Sequence[float]) -> list[float]:
    """Whole votes with these shares, which may be rounded, so that equal ones are equal again."""
    for total in range(1, _MOST_VOTES):
        votes = [float(round(share * total)) for share in shares]
        if all(abs(share * total - vote) < 1e-3 for share, vote in zip(shares, votes, strict=True)):
            return votes
    return list(shares)


def _counted(votes: Sequence[float]) -> list[float]:
    return [count if count > 1 else 0.0 for count in votes]


def _target(counted: list[float], rule: VoteRule) -> tuple[float, ...] | str:
    total = sum(counted)
    if rule == "majority":
        kept = [count if count > total / 2 else 0.0 for count in counted]
    elif rule == "multi_target":
        kept = [count if count >= 0.3 * total else 0.0 for count in counted]
    else:
        kept = _foremost(counted)
    if sum(kept) <= total / 2:
        return NO_AGREEMENT
    winner = CHOICES[kept.index(max(kept))]
    if winner not in EMOTIONS:
        return "voted unknown" if winner == "unknown" else "voted not a face"
    emotions = [float(count > 0) for count in kept] if rule == "multi_target" else kept
    emotions = emotions[: len(EMOTIONS)]
    return tuple(count / sum(emotions) for count in emotions)


def _foremost(counted: list[float]) -> list[float]:
    """Choices by their votes until they are three, or have three quarters of the votes. Ties come in together; with
    unknown or NF it ends, and emotions before those stay; nothing stays where ties have made more than three.
    """
    kept = [0.0] * len(counted)
    while sum(kept) < 0.75 * sum(counted) and sum(map(bool, kept)) < 3:
        top = max(count for count, taken in zip(counted, kept, strict=True) if not taken)
        tied = [i for i, count in enumerate(counted) if count == top and not kept[i]]
        for i in tied:
            if i < len(EMOTIONS):
                kept[i] = top
        if tied[-1] >= len(EMOTIONS):
            if not any(kept):
                kept[tied[0]] = top
            break
    return kept if sum(map(bool, kept)) <= 3 else [0.0] * len(kept)


def _read_folders(root: Path, options: FerplusOptions) -> Iterator[Sample | Dropped]:
    base = first_existing(root, *FOLDERS, *(f"data/{folder}" for folder in FOLDERS), "fer2013new.csv").parent
    for folder, split in FOLDERS.items():
        path = base / folder / "label.csv"
        for row in csv.reader(read_lines(path)) if path.exists() else ():
            if row:
                image = relative(path.parent / row[0], root)
                yield _face(image, split, row[2:], options, box=_box("".join(row[1:2])))


def _read_tables(root: Path, options: FerplusOptions) -> Iterator[Sample | Dropped]:
    """The two tables go row by row. Rows without a name are images that FER+ leaves out."""
    images = table_rows(root / "fer2013.csv", ("pixels", "Usage"))
    labels = table_rows(root / "fer2013new.csv", ("Usage", "Image name", *CHOICES))
    for index, (image_row, row) in enumerate(_pairs(images, labels)):
        image, pixels = f"fer2013.csv#{index}", parse_pixels(image_row["pixels"])
        if image_row["Usage"] != row["Usage"] or row["Usage"] not in SPLITS:
            raise UserError(f"row {index} of fer2013.csv and of fer2013new.csv are not of the same image")
        if not row["Image name"]:
            yield Dropped(image, "voted not a face")
        elif pixels is None:
            yield Dropped(image, "not 48 x 48 pixels")
        else:
            votes = [row[choice] for choice in CHOICES]
            yield _face(image, SPLITS[row["Usage"]], votes, options, data=encode_png(pixels))


def _pairs(
    images: Iterator[dict[str, str]], labels: Iterator[dict[str, str]]
) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    try:
        yield from zip(images, labels, strict=True)
    except ValueError as error:
        raise UserError("fer2013.csv and fer2013new.csv differ in length") from error


def _face(
    image: str,
    split: str,
    votes: Sequence[str],
    options: FerplusOptions,
    *,
    data: bytes | None = None,
    box: tuple[float, float, float, float] | None = None,
) -> Sample | Dropped:
    if len(votes) != len(CHOICES) or not all(vote.isdecimal() for vote in votes):
        return Dropped(image, "row is not ten counts of votes")
    counts = [float(vote) for vote in votes]
    rule = options.rule(split)
    shares = _raw_shares(counts) if rule == "all" else vote_shares(counts, rule)
    if isinstance(shares, str):
        return Dropped(image, shares)
    emotion: str | None = EMOTIONS[counts.index(max(counts))]  # had unknown or NF led, the image would be dropped
    if rule == "all" and isinstance(vote_shares(counts, "majority"), str):
        emotion = None
    return Sample(image=image, data=data, box=box, emotion=emotion, emotion_votes=shares, split=split)


def _raw_shares(votes: Sequence[float]) -> tuple[float, ...] | str:
    """Eight shares of all votes that count, or the reason why no rule uses the image."""
    targets = [vote_shares(votes, rule) for rule in VOTE_RULES]
    if all(isinstance(target, str) for target in targets):
        return str(targets[0])
    counted = _counted(votes)
    return tuple(count / sum(counted) for count in counted[: len(EMOTIONS)])


def _box(text: str) -> tuple[float, float, float, float] | None:
    """`(0, 0, 40, 44)`: left, top, right, bottom. The usual one is the whole image and says nothing."""
    numbers = [float(number) for number in text.strip("() ").split(",") if number.strip().isdecimal()]
    if len(numbers) != 4 or numbers == [0, 0, SIZE, SIZE]:
        return None
    return numbers[0], numbers[1], numbers[2], numbers[3]
