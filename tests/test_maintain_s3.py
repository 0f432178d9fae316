"""Upkeep, forgetting and status on a real S3 server."""

from faceray.maintain import maintain
from faceray.maintain_options import MaintainOptions
from faceray.status import StatusOptions, status
from faceray.storage import Folder
from tests.results.batches import contents, recognised, run
from tests.s3 import BUCKET, S3Server, storage
from tests.test_status import manifest


def test_tables_in_a_bucket(s3: S3Server) -> None:
    reached = storage(s3)
    output = Folder.at(f"s3://{BUCKET}/upkeep", reached)
    run(output, "R1", *(recognised((i, 2)) for i in range(5)))
    manifest(output, "R1", "finished")
    before = contents(output)
    kept = maintain(MaintainOptions(output.uri, storage=reached)).tables
    assert [k.files_after for k in kept] == [1, 1]
    assert contents(output) == before
    assert len([name for name in (output / "faces").names() if name.endswith(".parquet")]) == 1
    done = maintain(MaintainOptions(output.uri, forget=["file:///3.jpg*"], storage=reached))
    assert done.proof is not None
    assert {s.name: (s.removed, s.found) for s in done.proof.searched} == {"images": (1, 0), "faces": (2, 0)}
    assert set(contents(output)) == {0, 1, 2, 4}
    found = status(StatusOptions(output.uri, storage=reached))
    assert (found.state, found.images, found.all_faces) == ("finished", 4, 8)
