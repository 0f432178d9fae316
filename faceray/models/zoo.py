"""The networks of a run: what they need to see, what they fill, and what tells them apart from others."""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from faceray.errors import UserError
from faceray.models.card import ModelCard
from faceray.models.checkpoint import AttributeModel, load_checkpoint
from faceray.models.embedder import Embedder, load_embedder
from faceray.models.mtcnn import ONET_FILE, PNET_FILE, RNET_FILE
from faceray.vision.align import Crop
from faceray.vision.mtcnn import MtcnnOptions


@dataclass(frozen=True)
class Models:
    """Everything but the detector is named by the user, and loaded here so that a wrong name fails before any work."""

    detector: MtcnnOptions
    embedder: Embedder
    attributes: tuple[AttributeModel, ...]
    precision: str

    @property
    def crops(self) -> tuple[Crop, ...]:
        """The crops that the networks want, each once."""
        wanted = [*(part.crop for part in self.embedder.parts), *(model.crop for model in self.attributes)]
        return tuple(dict.fromkeys(wanted))

    @cached_property
    def fingerprint(self) -> str:
        """`mtcnn:1a2b3c4d sface:5e6f7a8b …`: equal when, and only when, the networks and their settings are. A word
        each for the detector, the embedding network, and every attribute network.
        """
        return " ".join(f"{'-'.join(entry['name'].split())}:{_digest(entry)}" for entry in self.manifest())

    def manifest(self) -> list[dict[str, Any]]:
        """What the run manifest says of each network: role, name, sha256, licence, settings, columns that it fills."""
        detector = _files((PNET_FILE, RNET_FILE, ONET_FILE))
        box = ["x1", "y1", "x2", "y2", "score", "landmarks", "yaw", "pitch", "roll", "quality"]
        crops = [{**asdict(part.crop), "share": part.share} for part in self.embedder.parts]
        return [
            {"role": "detector", "name": "mtcnn", **detector, "settings": asdict(self.detector), "columns": box},
            {
                "role": "embedding",
                "name": self.embedder.name,
                **_files(self.embedder.weights),
                "settings": {"crops": crops, "precision": self.precision},
                "columns": ["embedding"],
            },
            *(
                {
                    "role": "attributes",
                    "name": model.card.name,
                    "version": model.card.version,
                    "sha256": [model.card.sha256],
                    "licence": model.card.licence,
                    "settings": {**_reading(model.card), "precision": self.precision},
                    "columns": [task.name for task in model.tasks if task.fills_column],
                }
                for model in self.attributes
            ),
        ]


def load_models(detector: MtcnnOptions, embedding: str, checkpoints: tuple[str, ...], precision: str) -> Models:
    """Load what a run needs.

    Raises:
        UserError: a network is unknown or damaged, or two of them fill the same column.
    """
    models = Models(detector, load_embedder(embedding), tuple(load_checkpoint(c) for c in checkpoints), precision)
    columns = [column for entry in models.manifest() for column in entry["columns"]]
    twice = sorted({c for c in columns if columns.count(c) > 1})
    if twice:
        raise UserError(f"more than one model fills {', '.join(twice)}: name only one in --attributes")
    return models


def _reading(card: ModelCard) -> dict[str, Any]:
    """What decides, besides the weights, about the numbers that a network gives."""
    everything = asdict(card)
    return {name: everything[name] for name in ("network", "arguments", "tasks", "crop", "colour", "mean", "std")}


def _files(files: Any) -> dict[str, Any]:
    licences = dict.fromkeys(file.licence for file in files)
    return {"sha256": [file.sha256 for file in files], "licence": "; ".join(licences)}


def _digest(entry: dict[str, Any]) -> str:
    known = {key: entry[key] for key in ("sha256", "settings")}
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:8]
