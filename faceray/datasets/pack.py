"""A pack: a labelled set made ready for training. Parquet shards of aligned faces with their labels, and a card."""

import json
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute
import pyarrow.dataset

from faceray.datasets.landmarks import AFLW_21, keypoints
from faceray.datasets.sample import Sample
from faceray.errors import UserError
from faceray.results.schema import BINARY_ATTRIBUTES, EMOTIONS, LANDMARKS
from faceray.storage import Folder

CARD, SHARDS = "card.json", "shards"
_FLOATS = pa.list_(pa.field("element", pa.float32()))
_KEYPOINTS = (
    f"x, y in pixels of the first picture and visibility of {', '.join(AFLW_21)}: 63 values. Visibility is 1; 0 where "
    "the set says that the point is hidden (x, y are NaN); NaN where it does not mark the point. Points may lie "
    "outside the picture"
)

# What a sample's labels become: nullable columns, null where the set does not say.
LABELS = pa.schema(
    [
        pa.field("age", pa.float32(), metadata={"doc": "years; the middle of the range where the set has ranges"}),
        pa.field("age_low", pa.float32(), metadata={"doc": "youngest of the set's range"}),
        pa.field("age_high", pa.float32(), metadata={"doc": "oldest of the set's range, both included"}),
        pa.field("gender", pa.int8(), metadata={"doc": "0 female, 1 male"}),
        pa.field("race", pa.string(), metadata={"doc": "as in the faces table"}),
        pa.field("emotion", pa.string(), metadata={"doc": "as in the faces table"}),
        pa.field("emotion_votes", _FLOATS, metadata={"doc": "shares of " + ", ".join(EMOTIONS)}),
        *(pa.field(name, pa.bool_(), metadata={"doc": "yes or no"}) for name in BINARY_ATTRIBUTES),
        pa.field("attributes", pa.map_(pa.string(), pa.bool_()), metadata={"doc": "the set's own yes and no"}),
        *(
            pa.field(name, pa.float32(), metadata={"doc": "degrees, as in the faces table; in the picture"})
            for name in ("yaw", "pitch", "roll")
        ),
        pa.field("keypoints", _FLOATS, metadata={"doc": _KEYPOINTS}),
        pa.field("is_face", pa.bool_(), metadata={"doc": "false for negative examples; null for half a face"}),
        pa.field("identity", pa.string(), metadata={"doc": "whose face; unique within the set"}),
        pa.field("subject", pa.string(), metadata={"doc": "who must not be in two parts of a split"}),
        pa.field("part", pa.string(), metadata={"doc": "train, val or test"}),
        pa.field("box", _FLOATS, metadata={"doc": "the set's own bounding box in the source image"}),
        pa.field(
            "points", _FLOATS, metadata={"doc": "the set's own five landmarks in the source image, x, y of each"}
        ),
    ]
)
PACK = pa.schema(
    [
        pa.field("sample_id", pa.int64(), metadata={"doc": "hash of the set, the image and the place in it"}),
        pa.field("image", pa.string(), metadata={"doc": "file in the set, and the member if it is a container"}),
        pa.field(
            "pictures", pa.list_(pa.large_binary()), metadata={"doc": "JPEG of the crop; three for `triple_box`"}
        ),
        pa.field("score", pa.float32(), metadata={"doc": "the detector's confidence; null where it was not asked"}),
        pa.field("region", _FLOATS, metadata={"doc": "of `--faces regions`: the picture's edges in the source image"}),
        pa.field("overlap", pa.float32(), metadata={"doc": "greatest IoU of the region with a face of the image"}),
        pa.field("landmarks", _FLOATS, metadata={"doc": "five landmarks in the source image, where detected"}),
        *LABELS,
    ]
)


@dataclass(frozen=True)
class PackCard:
    """What `card.json` of a pack says.

    Attributes:
        dropped: how many entries each rule dropped.
        histograms: for each label, how many samples have each value (ages by year), by part.
    """

    dataset: str
    licence: str
    samples: int
    parts: dict[str, int]
    dropped: dict[str, int]
    histograms: dict[str, dict[str, dict[str, int]]]
    crop: dict[str, Any]
    options: dict[str, Any]
    faceray: str


def label_row(sample: Sample, part: str) -> dict[str, Any]:
    """The columns of LABELS; keypoints and roll are of the source image, until it is known how the face is cut."""
    low, high = sample.age_range or (None, None)
    middle = (low + high) / 2 if low is not None and high is not None and high < 200 else None
    points = [p for name in LANDMARKS for p in (sample.landmarks or {}).get(name, ())]
    plain = ("gender", "race", "emotion", "emotion_votes", "yaw", "pitch", "roll", "is_face", "identity", "box")
    return {
        **{name: getattr(sample, name) for name in plain},
        **{name: sample.attributes.get(name) for name in BINARY_ATTRIBUTES},
        "age": sample.age if sample.age is not None else middle,
        "age_low": low,
        "age_high": high,
        "attributes": sorted(sample.attributes.items()),
        "subject": sample.subject or sample.identity,
        "part": part,
        "keypoints": keypoints(sample.landmarks, sample.marked),
        "points": points if len(points) == 2 * len(LANDMARKS) else None,
    }


def write_card(pack: Folder, card: PackCard) -> None:
    """Write or replace `card.json`. It goes last: a pack without it is not complete."""
    pack.write(CARD, json.dumps(asdict(card), indent=2, ensure_ascii=False).encode() + b"\n")


def read_card(pack: str) -> dict[str, Any]:
    """The card as a dictionary.

    Raises:
        UserError: there is no complete pack.
    """
    try:
        card: dict[str, Any] = json.loads(Folder.at(pack).read(CARD))
    except (OSError, ValueError) as error:
        raise UserError(f"{pack} is not a complete pack: {error}") from error
    return card


def samples(pack: Folder) -> pa.dataset.Dataset:
    """All samples of a pack, lazily."""
    return pa.dataset.dataset(f"{pack.path}/{SHARDS}", filesystem=pack.files, format="parquet", schema=PACK)


def open_pack(pack: str, part: str | None = None) -> pa.dataset.Dataset:
    """The samples of a pack, lazily; of one part only if it is named.

    Raises:
        UserError: there is no complete pack.
    """
    read_card(pack)
    everything = samples(Folder.at(pack))
    return everything if part is None else everything.filter(pa.compute.field("part") == part)
