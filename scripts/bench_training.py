"""A training step as workers do it on a CPU, beside the C library's own heap and beside bf16; each in a process of
its own, in turn.

python scripts/bench_training.py [THREADS [RECIPE …]]    default: 2 threads, c3ae c3ae_v2 eagp_joint celeba_attributes
"""

import os
import subprocess
import sys
import threading
import time
from statistics import median

import torch
from tabulate import tabulate

from faceray.models.networks import build_network
from faceray.trainer import WORKER_ENVIRONMENT
from faceray.training.recipes import recipe
from faceray.training.session import UNKNOWN

_BATCH, _STEPS, _WARM_UP, _ROUNDS = 32, 8, 3, 3
_RECIPES = ("c3ae", "c3ae_v2", "eagp_joint", "celeba_attributes")


def seconds(name: str, threads: int, precision: str) -> float:
    """Of a forward and a backward pass of a recipe's network, on pixels of no meaning."""
    torch.set_num_threads(threads)
    chosen = recipe(name)
    network = build_network(chosen.card(**UNKNOWN)).train()
    crop = chosen.network.crop
    shape = (3, crop.size, crop.size) if crop.count == 1 else (crop.count, 3, crop.size, crop.size)
    pixels = torch.rand(_BATCH, *shape) * 255
    took = []
    for _ in range(_STEPS):
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            outputs = network(pixels)
        network.zero_grad(set_to_none=True)
        torch.stack([output.float().square().mean() for output in outputs]).sum().backward()  # type: ignore[no-untyped-call]
        took.append(time.perf_counter() - start)
    return median(took[_WARM_UP:])


def elsewhere(name: str, threads: int, precision: str, settings: dict[str, str]) -> float:
    """`seconds` in another process, whose C library has these settings."""
    command = [sys.executable, __file__, "--step", name, str(threads), precision]
    done = subprocess.run(command, env={**os.environ, **settings}, capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    arguments = sys.argv[1:]
    if arguments[:1] == ["--step"]:
        name, threads, precision = arguments[1], int(arguments[2]), arguments[3]
        # in a thread, as Ray Train does: threads have heaps of their own
        worker = threading.Thread(target=lambda: print(seconds(name, threads, precision)))
        worker.start()
        worker.join()
        return
    threads, names = int(arguments[0]) if arguments else 2, arguments[1:] or list(_RECIPES)
    rows = []
    for name in names:
        sides: tuple[tuple[str, dict[str, str]], ...] = (
            ("fp32", WORKER_ENVIRONMENT),
            ("fp32", {}),
            ("bf16", WORKER_ENVIRONMENT),
        )
        rounds = [[elsewhere(name, threads, *side) for side in sides] for _ in range(_ROUNDS)]
        times = [median(side) for side in zip(*rounds, strict=True)]
        slower = [median(times[i] / times[0] for times in rounds) for i in (1, 2)]
        row = [name, *(f"{1000 * t:.0f}" for t in times), *(f"{x:.2f} x" for x in slower)]
        rows.append(row)
    print(f"{threads} threads; median of {_ROUNDS} rounds, ms a step of {_BATCH}")
    headers = ("recipe", "kept heap", "own heap", "bf16", "own / kept", "bf16 / fp32")
    print(tabulate(rows, headers=headers, disable_numparse=True))


if __name__ == "__main__":
    main()
