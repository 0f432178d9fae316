"""The tables that faceray writes: every column, its type, unit and meaning. Nothing else defines them."""

from dataclasses import dataclass

import pyarrow as pa

SCHEMA_VERSION = 2
LANDMARKS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
GENDERS = ("female", "male")
RACES = ("White", "Black", "Asian", "Indian", "Other")
EMOTIONS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
BINARY_ATTRIBUTES = ("smile", "eyeglasses", "beard", "mustache", "hat")
LABELS = {"gender": GENDERS, "race": RACES, "emotion": EMOTIONS}
ATTRIBUTES = ("age", *LABELS, *BINARY_ATTRIBUTES)


@dataclass(frozen=True)
class Column:
    """One column: its Arrow type and what it means."""

    name: str
    type: pa.DataType
    doc: str
    nullable: bool = False


def _column(name: str, type_: pa.DataType, doc: str) -> Column:
    return Column(name, type_, doc, nullable=True)


_FLOATS = pa.list_(pa.field("element", pa.float32()))
_UTC = pa.timestamp("us", tz="UTC")

IMAGE_COLUMNS = (
    Column("image_id", pa.int64(), "first 8 bytes of the BLAKE2b hash of `uri`; the key of this table"),
    Column("uri", pa.string(), "where the image was read from, with its protocol (`file://`, `s3://`, …)"),
    Column(
        "version", pa.string(), "what changes when the object changes: its ETag, else its size and modification time"
    ),
    Column("status", pa.string(), "how the work ended: `ok`, or the reason why there is nothing (see Statuses)"),
    _column(
        "error", pa.string(), "what went wrong, for people; also a remark on an `ok` image (wrong file extension)"
    ),
    _column("bytes", pa.int64(), "size of the file"),
    _column("sha256", pa.string(), "of the file's bytes, hexadecimal; equal for exact duplicates"),
    _column("format", pa.string(), "`JPEG`, `PNG`, … as found in the bytes, whatever the name says"),
    _column("width", pa.int32(), "pixels, after turning the picture upright (EXIF orientation)"),
    _column("height", pa.int32(), "pixels, after turning the picture upright"),
    Column("face_count", pa.int32(), "rows that the image has in the faces table; 0 for every status but `ok`"),
    Column(
        "models", pa.string(), "fingerprint of the detector, the embedding and attribute networks and their settings"
    ),
    Column("run_id", pa.string(), "the run that wrote the row: `runs/RUN_ID.json`"),
    Column("annotated_at", _UTC, "when"),
    _column("gone_at", _UTC, "when a run first missed the image in its listing; its rows stay, until it is forgotten"),
)

FACE_COLUMNS = (
    Column("face_id", pa.int64(), "hash of image_id and face_index: the same when the image is annotated again"),
    Column("image_id", pa.int64(), "the image, as in the images table"),
    Column("uri", pa.string(), "the image's address, repeated for convenience"),
    Column("face_index", pa.int32(), "0 is the face with the largest box"),
    Column("x1", pa.float32(), "left edge of the bounding box, pixels of the upright image; may lie outside it"),
    Column("y1", pa.float32(), "top edge"),
    Column("x2", pa.float32(), "right edge"),
    Column("y2", pa.float32(), "bottom edge"),
    Column("score", pa.float32(), "the detector's confidence, 0 to 1"),
    Column(
        "landmarks",
        _FLOATS,
        "x, y in pixels of left eye, right eye, nose, left and right mouth corner as the viewer sees them: 10 values",
    ),
    Column(
        "yaw",
        pa.float32(),
        "degrees, positive when the face turns to the viewer's right; estimated from the landmarks",
    ),
    Column("pitch", pa.float32(), "degrees, positive when the face looks up"),
    Column("roll", pa.float32(), "degrees, positive when the face is tilted clockwise as the viewer sees it"),
    Column("quality", pa.float32(), "0 (useless) to 1 (ideal): geometric mean of the four parts below"),
    Column("quality_size", pa.float32(), "0 to 1, from the distance between the eyes"),
    Column("quality_sharpness", pa.float32(), "0 to 1, from the detail left in the aligned face"),
    Column("quality_exposure", pa.float32(), "0 to 1, from the brightness and contrast of the aligned face"),
    Column("quality_frontality", pa.float32(), "0 to 1, from yaw and pitch"),
    _column("age", pa.float32(), "years"),
    _column("gender", pa.string(), "the more probable of " + ", ".join(GENDERS)),
    _column("gender_probabilities", _FLOATS, "in the order " + ", ".join(GENDERS)),
    _column("race", pa.string(), "the most probable of " + ", ".join(RACES)),
    _column("race_probabilities", _FLOATS, "in the order " + ", ".join(RACES)),
    _column("emotion", pa.string(), "the most probable of " + ", ".join(EMOTIONS)),
    _column("emotion_probabilities", _FLOATS, "in the order " + ", ".join(EMOTIONS)),
    *(_column(name, pa.float32(), "probability, 0 to 1") for name in BINARY_ATTRIBUTES),
    _column(
        "embedding", _FLOATS, "identity embedding, unit length: the inner product of two is their cosine similarity"
    ),
    Column("run_id", pa.string(), "the run that wrote the row"),
)


def _schema(columns: tuple[Column, ...]) -> pa.Schema:
    return pa.schema([pa.field(c.name, c.type, nullable=c.nullable, metadata={"doc": c.doc}) for c in columns])


IMAGES = _schema(IMAGE_COLUMNS)
FACES = _schema(FACE_COLUMNS)
