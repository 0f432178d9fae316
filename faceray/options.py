"""Everything that can be set about a run. The command line and `--config` files are made from these."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from faceray.corpus.address import VIDEOS
from faceray.corpus.decode import Limits
from faceray.corpus.video import VideoOptions
from faceray.errors import UserError
from faceray.storage import StorageOptions
from faceray.vision.mtcnn import MtcnnOptions

OWN_ATTRIBUTES = str(Path(__file__).parent / "weights" / "attributes")
SUFFIXES = ",".join(("jpg,jpeg,jpe,jfif,png,webp,bmp,dib,tif,tiff,gif,avif,ppm,pgm,pbm,pnm,tar", *VIDEOS))


@dataclass(frozen=True)
class Workers:
    """How many workers each stage gets; 0 leaves it to the cluster's size.

    Args:
        fetch: tasks that fetch and decode at the same time.
        detect: actors that detect and align faces; one for each CPU core, or up to four for each GPU where there are
            any: fewer if it has little memory.
        recognise: actors that compute attributes and embeddings.
        fetch_threads: files that one task reads at the same time: raise it for far-away object stores.
        detect_batch: images that a detector looks at together.
    """

    fetch: int = 0
    detect: int = 0
    recognise: int = 0
    fetch_threads: int = 8
    detect_batch: int = 8

    def __post_init__(self) -> None:
        for name in ("fetch", "detect", "recognise"):
            _at_least(f"workers.{name}", getattr(self, name), 0)
        for name in ("fetch_threads", "detect_batch"):
            _at_least(f"workers.{name}", getattr(self, name), 1)


@dataclass(frozen=True)
class AnnotateOptions:
    """Label every face of a corpus.

    Args:
        input: a folder or bucket prefix, one image, tar file or video, a glob, a list of them (.txt, .csv or .parquet
            with a column `uri`, or `bucket` and `key`), or the `manifest.json` of an S3 inventory; any fsspec address.
        output: folder or bucket prefix of the tables; made where it does not exist, continued where it does.
        limit: label at most this many images in this run.
        dry_run: say what there is to do, how long it may take and what is already done; start nothing.
        suffixes: file name endings that count as images when a folder is listed, separated by commas; names without
            an ending count too. `*` takes every file. Also of members of tar files.
        embedding: identity network: `sface`, `dlib`, `sface+dlib` (both), `facenet-vggface2` or `facenet-casia`.
        attributes: attribute checkpoints, separated by commas: `default` is the one that comes with faceray, others
            are folders; `none` leaves the attributes null.
        device: `auto` takes GPUs where the cluster has them.
        precision: arithmetic of embedding and attribute networks; the detector always computes in fp32.
        detector: what counts as a face.
        video: which pictures of a video are looked at.
        limits: what is refused before it is decoded.
        picture_seconds: a worker that finishes no picture for so long is given up; the picture that it hangs on gets
            the status `timeout`.
        max_error_rate: stop, with exit code 3, when this share of the images of the run, a thousand at least, has
            ended in another status than `ok`; 1: never.
        storage: how buckets are reached.
        input_storage: how the input is reached, where that is not as the output.
        workers: how the work is spread.
        commit_seconds: results become visible to readers, and safe from a crash, this often.
        address: the Ray cluster to work on; without it the one that the job was submitted to, else a local one.
    """

    input: str
    output: str
    limit: int | None = None
    dry_run: bool = False
    suffixes: str = SUFFIXES
    embedding: str = "sface"
    attributes: str = "default"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["fp32", "bf16"] = "fp32"
    detector: MtcnnOptions = field(default_factory=MtcnnOptions)
    video: VideoOptions = field(default_factory=VideoOptions)
    limits: Limits = field(default_factory=Limits)
    picture_seconds: float = 300.0
    max_error_rate: float = 0.05
    storage: StorageOptions = field(default_factory=StorageOptions)
    input_storage: StorageOptions | None = None
    workers: Workers = field(default_factory=Workers)
    commit_seconds: float = 5.0
    address: str | None = None

    def __post_init__(self) -> None:
        if self.limit is not None:
            _at_least("limit", self.limit, 1)
        _at_least("commit_seconds", self.commit_seconds, 0)
        _at_least("picture_seconds", self.picture_seconds, 1)
        if not 0 <= self.max_error_rate <= 1:
            raise UserError(f"--max_error_rate must be from 0 to 1, not {self.max_error_rate:g}")
        for name in ("input", "output"):
            if not getattr(self, name):
                raise UserError(f"--{name} is empty")

    @property
    def checkpoints(self) -> tuple[str, ...]:
        """The folders of `attributes`."""
        return checkpoint_folders(self.attributes)


def checkpoint_folders(attributes: str) -> tuple[str, ...]:
    """The folders that `--attributes` names."""
    return tuple(OWN_ATTRIBUTES if name == "default" else name for name in listed(attributes) if name != "none")


def listed(text: str) -> tuple[str, ...]:
    """What stands between commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _at_least(name: str, value: float, least: float) -> None:
    if not value >= least:
        raise UserError(f"--{name} must be at least {least:g}, not {value:g}")
