"""Train a reference within a wall-clock budget: constant rate for its first half, then linearly down to zero.

    PYTHONPATH=.:benchmarks python -m reference.train pix2pix --minutes 20 --seed 0 -o FOLDER

Pix2Pix learns from the 13 training pairs; CycleGAN from their sources and targets dealt out to different patients, as
the house's own split deals them. Writes generator.safetensors and training.json. The last weights count, as published.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from limbs import RECIPES
from modality_translate import read_volume
from modality_translate.data.split import split
from modality_translate.data.subjects import Case, find_cases
from modality_translate.recipe import read_recipe
from modality_translate.training.device import open_fabric
from reference.objectives import GAMES
from reference.slices import Augmented, ct_bytes, mr_bytes

WEIGHTS, FACTS = "generator.safetensors", "training.json"
RECIPE = {"pix2pix": "sts_mr_to_ct.toml", "cyclegan": "sts_mr_to_ct_unpaired.toml"}
"""Whose patients a reference trains on."""


class Images:
    """The source and target of each step: of one place, or drawn apart without pairs."""

    def __init__(self, kind: str, seed: int) -> None:
        known = training_cases(kind, seed)
        sources = [mr_bytes(read_volume(case.source)) for case in known if case.source]
        targets = [ct_bytes(read_volume(case.target)) for case in known if case.target]
        if kind == "pix2pix":
            self.draws = [Augmented(seed, sources, targets)]
        else:
            self.draws = [Augmented(seed, sources), Augmented(seed + 1, targets)]
        self.volumes = len(sources), len(targets)

    def draw(self) -> list[Tensor]:
        """Source and target, (1, 1, 256, 256) each."""
        return [image for draw in self.draws for image in draw.draw()]


def training_cases(kind: str, seed: int) -> tuple[Case, ...]:
    """Without pairs every case has one side only."""
    recipe = read_recipe(RECIPES / RECIPE[kind], (f"seed={seed}", "data.validation=0"))
    return split(find_cases(recipe.data, RECIPES).cases, recipe).train


def train(kind: str, minutes: float, seed: int, device: torch.device, folder: Path) -> None:
    """Reading the volumes is part of the budget, as it is of ours."""
    began = time.monotonic()
    torch.manual_seed(seed)
    images = Images(kind, seed)
    game = GAMES[kind](device)
    steps, losses = 0, {}
    while (progress := (time.monotonic() - began) / (60.0 * minutes)) < 1.0:
        game.set_rate(min(1.0, 2.0 * (1.0 - progress)))
        losses = game.step(*(image.to(device) for image in images.draw()))
        steps += 1
    spent = (time.monotonic() - began) / 60.0
    weights = {name: value.cpu().contiguous() for name, value in game.generators[0].state_dict().items()}
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, folder / WEIGHTS)
    facts = {"steps": steps, "minutes": spent, "volumes": images.volumes, "losses": losses}
    (folder / FACTS).write_text(json.dumps(facts, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=sorted(GAMES))
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int)
    parser.add_argument("-d", "--device", default="auto")
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    fabric = open_fabric(given.device, "32", given.threads)
    train(given.kind, given.minutes, given.seed, fabric.device, given.output)


if __name__ == "__main__":
    main()
