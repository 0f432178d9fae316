"""A small network of every kind, with batch norms as after training, and one that really learnt something."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from faceray.exporting.samples import noise
from faceray.models.card import ModelCard
from faceray.models.checkpoint import AttributeModel, save_checkpoint
from faceray.models.networks import build_network
from faceray.models.tasks import Task
from faceray.results.schema import RACES
from faceray.vision.align import Crop

YEARS = Task("age", "regression")
GENDER = Task("gender", "softmax", ("male", "female"))
RACE = Task("race", "softmax", RACES)
HAT = Task("hat", "sigmoid")


def card(network: str, tasks: tuple[Task, ...], crop: Crop, **arguments: Any) -> ModelCard:
    return ModelCard(
        name=network,
        version="1",
        network=network,
        arguments=arguments,
        tasks=tasks,
        crop=crop,
        colour="BGR",
        mean=(100.0, 110.0, 120.0),
        std=(60.0, 70.0, 80.0),
        training_data="none",
        licence="Apache-2.0",
        intended_use="tests",
        limitations="knows nothing",
    )


def square(size: int) -> Crop:
    return Crop("similarity", size)


CARDS = {
    "attribute_net": card(
        "attribute_net",
        (Task("age", "expectation", ("5", "20", "60")), GENDER, HAT, Task("pose", "regression", ("roll", "yaw"))),
        square(32),
        width=8,
        blocks=[1],
    ),
    "all_in_one": card("all_in_one", (YEARS, Task("smile", "sigmoid")), square(227), variant="singnet"),
    "c3ae": card(
        "c3ae",
        (Task("age_bins", "expectation", tuple(str(10 * i) for i in range(12))), YEARS, GENDER),
        Crop("triple_box", 38),
        squeeze_excite=True,
        activation="mish6",
        pool="gem",
        neck=True,
    ),
    "ssrnet": card("ssrnet", (YEARS, HAT), square(64)),
    "mini_xception": card("mini_xception", (RACE,), square(32)),
    "vgg_face": card("vgg_face", (GENDER, RACE), square(32), common=16, branch=8, stitch=["gender", "race"]),
    "ir_resnet": card("ir_resnet", (Task("identity", "embedding"),), square(32)),
    "torchvision": card("torchvision", (Task("age", "ordinal"), RACE), square(32), trunk="resnet18"),
    "borrowed": card("borrowed", (GENDER, HAT), square(112), trunk="sface", hidden=[8]),
}


def lively(model_card: ModelCard) -> AttributeModel:
    """Random weights, but differences between faces reach the outputs."""
    torch.manual_seed(0)
    module = build_network(model_card)
    for layer in module.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.momentum = 1.0  # the statistics of the last batch
    with torch.no_grad():
        module.train()(torch.from_numpy(noise(model_card.crop, 8)).movedim(-1, -3).float())
    return AttributeModel(model_card, module.eval())


TRAINED = card(
    "attribute_net", (Task("age", "expectation"), GENDER, RACE, HAT), square(32), width=8, blocks=[0], dropout=0.0
)


def painted(count: int, seed: int = 0) -> tuple[NDArray[np.uint8], dict[str, torch.Tensor]]:
    """Pictures (n, 32, 32, 3): brightness is the age, red on the left the gender, blue below the race, green above the
    hat."""
    random = np.random.default_rng(seed)
    level, male, race, hat = random.uniform(0, 1, count), *(random.integers(0, n, count) for n in (2, 5, 2))
    pictures = np.full((count, 32, 32, 3), 30.0) + 120 * level[:, None, None, None]
    pictures[:, 8:20, :16, 0] += 70 * male[:, None, None]
    pictures[:, 20:, :, 2] += 20 * race[:, None, None]
    pictures[:, :6, :, 1] += 60 * hat[:, None, None]
    pictures += random.normal(0, 5, pictures.shape)
    labels = {"age": 90 * level, "gender": 1 - male, "race": race, "hat": hat}  # of gender the place in GENDER.labels
    return np.clip(pictures, 0, 255).astype(np.uint8), {k: torch.from_numpy(v) for k, v in labels.items()}


def trained() -> AttributeModel:
    """A network that has seen some such pictures."""
    torch.manual_seed(0)
    module = build_network(TRAINED)
    optimiser = torch.optim.Adam(module.parameters(), 5e-3)
    for step in range(50):
        pictures, labels = painted(64, seed=step)
        age, gender, race, hat = module(torch.from_numpy(pictures).movedim(-1, -3).float())
        years = age.softmax(1) @ torch.arange(101.0)
        loss = (years - labels["age"]).abs().mean() / 20 + F.cross_entropy(gender, labels["gender"])
        loss = loss + F.cross_entropy(race, labels["race"])
        loss = loss + F.binary_cross_entropy_with_logits(hat[:, 0], labels["hat"].float())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return AttributeModel(TRAINED, module.eval())


def saved(model: AttributeModel, folder: str) -> str:
    save_checkpoint(folder, model.card, model.module)
    return folder
