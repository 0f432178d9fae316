"""One night after the other, from bucket to bucket: only what is new or changed is fetched."""

import pandas as pd
import pytest

from faceray.annotate import annotate
from faceray.options import AnnotateOptions, Workers
from faceray.results.committer import Committer
from faceray.storage import Folder
from tests.faces import astronaut, jpeg, portrait, scenery
from tests.s3 import BUCKET, S3Proxy, storage

pytestmark = pytest.mark.timeout(600)
FEW = Workers(fetch=1, detect=1, recognise=1)
OF_THE_RUN = ["run_id", "annotated_at", "gone_at"]


def tables(output: str, server: S3Proxy) -> tuple[pd.DataFrame, pd.DataFrame]:
    committer = Committer(Folder.at(output, storage(server)), 0)
    images, faces = (t.dataset().to_table().to_pandas() for t in (committer.images, committer.faces))
    return images.sort_values("uri", ignore_index=True), faces.sort_values("face_id", ignore_index=True)


def test_nights(s3_proxy: S3Proxy, ray_address: str) -> None:
    photos = Folder.at(f"s3://{BUCKET}/nights/photos", storage(s3_proxy))
    for index in range(10):
        photos.write(f"{index}.jpg", jpeg(scenery(60, 60 + index)))
    photos.write("astronaut.jpg", jpeg(astronaut()))
    photos.write("portrait.jpg", jpeg(portrait()))

    def night(output: str = "labels", **options: str) -> dict[str, int]:
        s3_proxy.calm()
        where = {"storage": storage(s3_proxy), "address": ray_address, "workers": FEW, "attributes": "none"}
        place = f"s3://{BUCKET}/nights/{output}"
        counts: dict[str, int] = annotate(AnnotateOptions(photos.uri, place, **{**where, **options}))["counts"]  # type: ignore[arg-type]
        fetched.append(sorted({p.partition("?")[0].rpartition("/")[2] for m, p in s3_proxy.asked if is_photo(m, p)}))
        return counts

    def is_photo(method: str, path: str) -> bool:
        return method == "GET" and "/photos/" in path.partition("?")[0]

    fetched: list[list[str]] = []
    assert night()["written"] == 12
    assert len(fetched[-1]) == 12

    photos.write("new.jpg", jpeg(scenery(61, 50)))
    photos.write("3.jpg", jpeg(scenery(62, 50)))
    photos.remove("astronaut.jpg")
    counts = night()
    assert fetched[-1] == ["3.jpg", "new.jpg"]
    assert {name: counts[name] for name in ("new", "changed", "gone", "already_done", "written")} == {
        "new": 1, "changed": 1, "gone": 1, "already_done": 10, "written": 2,
    }  # fmt: skip
    images, faces = tables(f"s3://{BUCKET}/nights/labels", s3_proxy)
    assert len(images) == 13
    assert images[images["gone_at"].notna()]["uri"].str.rpartition("/")[2].tolist() == ["astronaut.jpg"]
    assert faces["uri"].str.endswith("astronaut.jpg").sum() == 1, "marked, not deleted"

    photos.write("astronaut.jpg", jpeg(astronaut()))
    counts = night(attributes="default")
    assert (counts["gone"], counts["recomputed"], counts["relabelled"]) == (0, 2, 11)
    assert fetched[-1] == ["astronaut.jpg", "portrait.jpg"], "nothing to look at in the others"
    counts = night(attributes="default", embedding="dlib")
    assert (counts["recomputed"], counts["relabelled"], fetched[-1]) == (2, 11, ["astronaut.jpg", "portrait.jpg"])
    assert night("afresh", attributes="default", embedding="dlib")["written"] == 13
    for kept, afresh in zip(
        *(tables(f"s3://{BUCKET}/nights/{o}", s3_proxy) for o in ("labels", "afresh")), strict=True
    ):
        assert "gone_at" not in kept or kept["gone_at"].isna().all()
        pd.testing.assert_frame_equal(
            kept.drop(columns=OF_THE_RUN, errors="ignore"), afresh.drop(columns=OF_THE_RUN, errors="ignore")
        )
    counts = night(attributes="default", embedding="dlib")
    assert (counts["already_done"], counts["planned"], fetched[-1]) == (13, 0, [])
