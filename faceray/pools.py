"""How the workers of a run are shared out over the machines of a cluster."""

from collections.abc import Sequence
from dataclasses import dataclass

import ray

from faceray.errors import UserError
from faceray.options import Workers

_SMALLEST = 0.3  # part of what a worker takes; with less, machines smaller than others would get too many
_PER_GPU = 4  # detectors; one spends its time on starting small kernels, and leaves nine tenths of an H200 idle


@dataclass(frozen=True)
class Pool:
    """Workers of one stage, and the part of a CPU and of a GPU that Ray sets aside for each."""

    size: int
    cpus: float
    gpus: float = 0


@dataclass(frozen=True)
class Pools:
    """Who works on what.

    The parts are small on purpose: workers wait for each other most of the time, and the operating system shares the
    cores better than reservations would. All of them together always fit the cluster.
    """

    device: str
    tasks: Pool
    detect: Pool
    recognise: Pool

    @property
    def workers(self) -> dict[str, int]:
        """Most workers of each stage at a time."""
        sizes = {"load": self.tasks, "detect": self.detect, "recognise": self.recognise, "write": self.tasks}
        return {stage: pool.size for stage, pool in sizes.items()}


def share_out(workers: Workers, device: str) -> Pools:
    """Pools for the cluster that this process is connected to.

    Raises:
        UserError: GPUs were asked for and the cluster has none.
    """
    found = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    machines = [(int(has.get("CPU", 0)), int(has.get("GPU", 0))) for has in found]
    return pools_for([m for m in machines if any(m)] or [(1, 0)], workers, device)


def pools_for(machines: Sequence[tuple[int, int]], workers: Workers, device: str) -> Pools:
    """A GPU carries a detector for every two cores, four at most, and half as many recognisers. Without any, each
    core carries a detector and half a recogniser.

    Detectors take most of the time on a CPU: 85 % of it for photos of a megapixel with one face.

    Args:
        machines: CPUs and GPUs of each.

    Raises:
        UserError: GPUs were asked for and there is none.
    """
    cpus, gpus = (sum(machine[i] for machine in machines) for i in range(2))
    if device == "cuda" and not gpus:
        raise UserError("device 'cuda' was asked for, but the Ray cluster has no GPU")
    gpus = gpus if device != "cpu" else 0
    each = max(1, min(_PER_GPU, cpus // gpus // 2)) if gpus else 0
    tasks = Pool(workers.fetch or cpus, 0.1)
    detectors = workers.detect or gpus * each or cpus
    recognisers = workers.recognise or gpus * max(1, each // 2) or max(1, cpus // 2)
    parts = _gpu_parts(-(-detectors // gpus), -(-recognisers // gpus)) if gpus else (0, 0)
    detect = Pool(detectors, min(1.0, 0.6 * cpus / detectors), parts[0])
    recognise = Pool(recognisers, min(1.0, 0.2 * cpus / recognisers), parts[1])
    detect, recognise = _for_a_loss(machines, tasks, detect, recognise)
    return Pools("cuda" if gpus else "cpu", tasks, detect, recognise)


def _gpu_parts(detectors: int, recognisers: int) -> tuple[float, float]:
    """Of a GPU that carries so many. Ray fills one GPU before it takes the next, and starts detectors first: one more
    of them must not fit."""
    detect = 1 / (detectors + 2 / 3)
    return detect, (1 - detectors * detect) / recognisers


def _for_a_loss(machines: Sequence[tuple[int, int]], tasks: Pool, *pools: Pool) -> list[Pool]:
    """Pools that fit the cluster without its largest machine, too, if machines are of similar size: Ray starts the
    workers of a lost machine elsewhere, and what they had in hand waits until it can. Several GPUs in a machine stay
    as they are: smaller parts would share one of them and leave another idle."""
    cpus = sorted(machine[0] for machine in machines)[:-1]
    needed = sum(pool.size * pool.cpus for pool in pools)
    edges = max(pool.cpus for pool in pools) * len(cpus)  # left over on machines, too little for a worker
    part = (sum(cpus) - tasks.cpus * (1 + len(cpus))) / (needed + edges)
    part = min(1.0, part) if part > _SMALLEST else 1.0
    single = sum(machine[1] for machine in machines) > 1 and max(machine[1] for machine in machines) == 1
    return [Pool(pool.size, pool.cpus * part, pool.gpus * (0.5 if single else 1.0)) for pool in pools]
