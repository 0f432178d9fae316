"""The labelled sets by name: how each is read, on what terms it may be used, and what can be set."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceray.datasets.adience import AdienceOptions, read_adience
from faceray.datasets.afad import read_afad
from faceray.datasets.aflw import AflwOptions, read_aflw
from faceray.datasets.aflw2000 import Aflw2000Options, read_aflw2000
from faceray.datasets.agedb import read_agedb
from faceray.datasets.all_age_faces import AllAgeFacesOptions, read_all_age_faces
from faceray.datasets.cacd import read_cacd
from faceray.datasets.celeba import CelebaOptions, read_celeba
from faceray.datasets.cfp_fp import CfpOptions, read_cfp_fp
from faceray.datasets.ck_plus import CkPlusOptions, read_ck_plus
from faceray.datasets.expw import ExpwOptions, read_expw
from faceray.datasets.fairface import read_fairface
from faceray.datasets.fer2013 import Fer2013Options, read_fer2013
from faceray.datasets.ferplus import FerplusOptions, read_ferplus
from faceray.datasets.fgnet import read_fgnet
from faceray.datasets.identity_folders import IdentityFolderOptions, read_identity_folders
from faceray.datasets.image_lists import ImageListOptions, read_image_list
from faceray.datasets.imdb_wiki import ImdbWikiOptions, read_imdb, read_wiki
from faceray.datasets.insightface_bin import read_insightface_bin
from faceray.datasets.insightface_rec import read_insightface_rec
from faceray.datasets.lfw import read_lfw
from faceray.datasets.lmdb_pack import LmdbOptions, read_lmdb_pack
from faceray.datasets.megaage_asian import read_megaage_asian
from faceray.datasets.morph import read_morph
from faceray.datasets.own_table import read_own_table
from faceray.datasets.sample import Dropped, Sample
from faceray.datasets.sfew import read_sfew
from faceray.datasets.tfrecord_pack import TfrecordOptions, read_tfrecord_pack
from faceray.datasets.utkface import read_utkface
from faceray.datasets.w300 import read_300w
from faceray.datasets.wider_face import WiderFaceOptions, read_wider_face
from faceray.datasets.yale import read_yale
from faceray.errors import UserError


@dataclass(frozen=True)
class Dataset:
    """A set. `licence` goes into every pack's card; `options` is what `read` takes besides the folder."""

    read: Callable[..., Iterator[Sample | Dropped]]
    licence: str
    options: type[Any] | None = None


DATASETS: dict[str, Dataset] = {
    "300w": Dataset(read_300w, "research use; many points, no commercial use"),
    "adience": Dataset(read_adience, "research use, on request", AdienceOptions),
    "afad": Dataset(read_afad, "research use"),
    "aflw": Dataset(read_aflw, "research use, on request", AflwOptions),
    "aflw2000": Dataset(read_aflw2000, "research use", Aflw2000Options),
    "agedb": Dataset(read_agedb, "research use, on request"),
    "all_age_faces": Dataset(read_all_age_faces, "research use", AllAgeFacesOptions),
    "cacd": Dataset(read_cacd, "research use"),
    "celeba": Dataset(read_celeba, "research use, no redistribution of the photos", CelebaOptions),
    "cfp_fp": Dataset(read_cfp_fp, "research use", CfpOptions),
    "ck_plus": Dataset(read_ck_plus, "research use, on request", CkPlusOptions),
    "expw": Dataset(read_expw, "research use", ExpwOptions),
    "fairface": Dataset(read_fairface, "CC BY 4.0"),
    "fer2013": Dataset(read_fer2013, "research use", Fer2013Options),
    "ferplus": Dataset(read_ferplus, "labels MIT, photos of FER2013: research use", FerplusOptions),
    "fgnet": Dataset(read_fgnet, "research use"),
    "identity_folders": Dataset(read_identity_folders, "your own: say where it is from", IdentityFolderOptions),
    "image_list": Dataset(read_image_list, "your own: say where it is from", ImageListOptions),
    "imdb": Dataset(read_imdb, "research use", ImdbWikiOptions),
    "insightface_bin": Dataset(read_insightface_bin, "as the set it was made from"),
    "insightface_rec": Dataset(read_insightface_rec, "as the set it was made from"),
    "lfw": Dataset(read_lfw, "research use"),
    "lmdb_pack": Dataset(read_lmdb_pack, "as the set it was made from", LmdbOptions),
    "megaage_asian": Dataset(read_megaage_asian, "research use"),
    "morph": Dataset(read_morph, "commercial and academic licences"),
    "own_table": Dataset(read_own_table, "your own: say where it is from"),
    "sfew": Dataset(read_sfew, "research use, on request"),
    "tfrecord_pack": Dataset(read_tfrecord_pack, "as the set it was made from", TfrecordOptions),
    "utkface": Dataset(read_utkface, "research use, non-commercial"),
    "wider_face": Dataset(read_wider_face, "research use", WiderFaceOptions),
    "wiki": Dataset(read_wiki, "research use", ImdbWikiOptions),
    "yale": Dataset(read_yale, "research use"),
}


def read_dataset(name: str, root: Path, **options: Any) -> Iterator[Sample | Dropped]:
    """The samples of a set, with what was dropped and why.

    Raises:
        UserError: there is no such set, or it has no such option.
    """
    if name not in DATASETS:
        raise UserError(f"unknown data set {name!r}: one of {', '.join(DATASETS)}")
    dataset = DATASETS[name]
    if not options:
        return dataset.read(root)
    if dataset.options is None:
        raise UserError(f"data set {name} has no options, not {', '.join(options)}")
    try:
        return dataset.read(root, dataset.options(**options))
    except TypeError as error:
        raise UserError(f"data set {name}: {error}") from error
