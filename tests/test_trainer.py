"""Training on a real Ray: killed workers and drivers cost nothing, two workers learn what one learns."""

import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch

from faceray.cluster import cluster
from faceray.train import train
from faceray.train_options import TrainOptions
from faceray.training.news import News
from faceray.training.objectives.age import AgeDistribution
from faceray.training.recipe import Network, Recipe
from faceray.training.session import Job
from faceray.vision.align import Crop
from tests.training.packs import make_pack

pytestmark = pytest.mark.timeout(600)
CROP = Crop("similarity", 32)
JOB = Path(__file__).parent.parent / "jobs" / "train.py"
SMALL = ["network.crop.size=32", "batch=8", "epochs=6", "augmentation.mirror=0.5", "schedule.warm_up=0.0"]


@pytest.fixture
def pack(tmp_path: Path) -> str:
    return make_pack(tmp_path / "pack", 64, CROP, emotion=lambda i: ("neutral", "happiness")[i % 2])


def options(pack: str, output: Path, address: str, *fields: str, **others: Any) -> TrainOptions:
    return TrainOptions("emotion", pack, str(output), set=[*SMALL, *fields], address=address, **others)


def history(output: Path) -> list[dict[str, float]]:
    """All figures of all rounds but the time they took, numbers only."""
    rows = pq.read_table(output / "metrics.parquet").to_pylist()
    return [{k: v for k, v in row.items() if k != "seconds" and v is not None and v == v} for row in rows]


def rounds(output: Path) -> int:
    try:
        return pq.read_table(output / "metrics.parquet").num_rows
    except (OSError, ValueError):
        return 0


def wait_for(condition: Callable[[], bool], seconds: float = 250) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.1)


def kill_worker() -> bool:
    """Kill the process that trains, as a machine that fails would: the one below a node that this process started."""
    named = subprocess.run(["pgrep", "-f", "^ray::RayTrainWorker"], capture_output=True, text=True, check=False)
    workers = [int(pid) for pid in named.stdout.split() if parent(parent(int(pid))) == os.getpid()]
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    return bool(workers)


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory, ray_address: str) -> Path:
    """The results of a training that nothing disturbed, in this process."""
    folder = tmp_path_factory.mktemp("unbroken")
    pack = make_pack(folder / "pack", 64, CROP, emotion=lambda i: ("neutral", "happiness")[i % 2])
    threads = torch.get_num_threads()
    train(options(pack, folder / "out", ray_address, workers=-1))
    torch.set_num_threads(threads)
    return folder / "out"


def test_it_leaves_a_checkpoint_figures_and_a_report(unbroken: Path) -> None:
    assert {
        "card.json",
        "model.safetensors",
        "metrics.parquet",
        "predictions.parquet",
        "report.html",
        "train.json",
    } <= {path.name for path in unbroken.iterdir()}
    assert next((unbroken / "tensorboard").iterdir()).name.startswith("events.out.tfevents")
    assert len(history(unbroken)) == 6
    assert history(unbroken)[-1]["train/loss"] < history(unbroken)[0]["train/loss"]


def test_killed_workers_and_drivers_cost_nothing(pack: str, tmp_path: Path, unbroken: Path, ray_address: str) -> None:
    output = tmp_path / "out"
    command = [sys.executable, str(JOB), "--recipe", "emotion", "--data", pack, "--output", str(output)]
    command += [part for field in SMALL for part in ("--set", field)] + ["--address", ray_address]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: rounds(output) >= 2 or process.poll() is not None)
    assert kill_worker()
    before = rounds(output)
    wait_for(lambda: rounds(output) > before or process.poll() is not None)
    assert process.poll() is None, "another worker goes on"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert 0 < rounds(output) <= 6
    train(options(pack, output, ray_address))
    assert history(output) == history(unbroken)
    assert {path.name for path in output.iterdir()} == {path.name for path in unbroken.iterdir()} | {"checkpoints"}


FAULTS = """
import resource, threading, torch
def steps(count):
    for _ in range(count):
        torch.ones(10_000_000)  # 40 MB
def work():
    steps(20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    steps(10)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
worker = threading.Thread(target=work)
worker.start()
worker.join()
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="settings of glibc")
def test_memory_that_a_step_frees_is_there_for_the_next() -> None:
    from faceray.trainer import WORKER_ENVIRONMENT

    def faults(settings: dict[str, str]) -> int:
        command = [sys.executable, "-c", FAULTS]
        return int(subprocess.check_output(command, env={**os.environ, **settings}, text=True))

    assert faults(WORKER_ENVIRONMENT) < 100 < faults({}) / 10


def test_two_workers_learn_what_one_learns(tmp_path: Path, ray_address: str) -> None:
    """With a network without batch normalisation, whose statistics would be of other batches."""
    network = Network(
        name="vgg_face",
        crop=CROP,
        arguments={"common": 32, "branch": 16},
        mean=(0.0,) * 3,
        std=(255.0,) * 3,  # type: ignore[arg-type]
    )
    recipe = Recipe(name="test", network=network, objectives=(AgeDistribution(),), batch=8, epochs=2)
    pack = make_pack(tmp_path / "pack", 48, CROP)
    found = {}
    with cluster(ray_address):
        from faceray import trainer

        for workers in (0, 2):  # 0: this process alone
            news: list[News] = []
            job = Job(replace(recipe), (pack,), str(tmp_path / f"out{workers}"))
            trainer.train(job, trainer.Crew(workers, 1, 0, 1), 0, news.append)
            found[workers] = history(tmp_path / f"out{workers}")
    assert len(found[0]) == len(found[2]) == 2
    for one, two in zip(found[0], found[2], strict=True):
        for name in ("train/loss", "age/loss", "age/mae"):
            assert two[name] == pytest.approx(one[name], rel=2e-3), name


def test_a_finished_or_another_training_is_not_overwritten(unbroken: Path, pack: str, ray_address: str) -> None:
    from faceray.errors import UserError

    first = str(unbroken.parent / "pack")
    with pytest.raises(UserError, match="this training, finished"):
        train(options(first, unbroken, ray_address))
    with pytest.raises(UserError, match="another training"):
        train(options(pack, unbroken, ray_address))
