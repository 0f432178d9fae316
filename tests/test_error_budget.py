"""A run in which too much goes wrong stops, keeps what is good, and says so; its metrics can be scraped meanwhile."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
import ray

from faceray import cli, commands
from faceray.results import manifest
from faceray.results.committer import Committer
from faceray.results.manifest import Tally
from faceray.storage import Folder
from tests.corpora import write
from tests.faces import jpeg, scenery

pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize(
    ("images", "errors", "rate", "stops"),
    [
        (999, 999, 0.05, False),
        (1000, 50, 0.05, False),
        (1000, 51, 0.05, True),
        (9000, 9000, 1.0, False),
        (1000, 1, 0.0, True),
    ],
)
def test_the_budget(images: int, errors: int, rate: float, stops: bool) -> None:
    tally = Tally(images=images, statuses=Counter({"ok": images - errors, "truncated": errors}))
    reason = tally.too_many_errors(rate)
    assert bool(reason) == stops
    if stops:
        assert f"{errors} truncated" in reason.replace(",", "")


@contextmanager
def scraped(address: str) -> Iterator[dict[str, str]]:
    """Prometheus' view of the cluster: the newest line of each of our series."""
    ray.init(address)
    pages = [f"http://{node['NodeManagerAddress']}:{node['MetricsExportPort']}/metrics" for node in ray.nodes()]
    ray.shutdown()
    found: dict[str, str] = {}
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.5):
            for page in pages:
                with urlopen(page) as answer:
                    lines = answer.read().decode().splitlines()
                found.update(line.partition("{")[::2] for line in lines if line.startswith("ray_faceray"))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    yield found
    over.set()
    thread.join()


def test_a_run_with_too_many_errors(
    tmp_path: Path, ray_address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(manifest, "_ENOUGH", 130)
    for index in range(300):
        write(tmp_path / "photos" / f"{index:03}.jpg", jpeg(scenery(40, 40)) if index % 2 else b"no image")
    arguments = ["--input", f"{tmp_path}/photos", "--output", f"{tmp_path}/labels", "--address", ray_address]
    arguments += ["--attributes", "none", "--commit_seconds", "0", "--max_error_rate", "0.2"]
    arguments += ["--workers.fetch", "1", "--workers.detect", "1"]
    before = set(threading.enumerate())
    with scraped(ray_address) as metrics:
        assert cli.run(commands.annotate, arguments) == 3
    left = {thread.name for thread in set(threading.enumerate()) - before}
    assert left <= {"tqdm_monitor"}, "a thread that asks Ray for something after its end takes the process along"
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("faceray:")]
    assert "images ended in an error (" in line
    assert "not_an_image); --max-error-rate allows 20.0%" in line
    (path,) = (tmp_path / "labels" / "runs").glob("*.json")
    run = json.loads(path.read_text())
    assert run["state"] == "failed"
    assert 130 <= run["counts"]["written"] < 300
    rows = Committer(Folder.at(f"{tmp_path}/labels"), 0).images.dataset().count_rows()
    assert rows == run["counts"]["written"], "what was written is kept"
    assert cli.run(commands.status, [f"{tmp_path}/labels"]) == 1
    assert float(metrics["ray_faceray_images_waiting"].split()[-1]) > 0, "scraped while it ran"
