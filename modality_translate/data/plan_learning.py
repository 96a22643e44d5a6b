"""Scaling, network, batch, steps and augmentation: chosen from a fingerprint and the machine, with reasons."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from modality_translate.data.decision import Decision
from modality_translate.data.fingerprint import Fingerprint
from modality_translate.data.machine import GIB, Machine
from modality_translate.data.plan_cases import FEW_PAIRS, counted
from modality_translate.data.plan_geometry import USED, step_bytes
from modality_translate.recipe.learning import Discriminator

TRUNCATED = 30.0
"""SUV above which the PET scaling is widened, where 1 in 200 voxels of the body lies higher."""
LEAST_COARSE = 4
"""A patch side at the coarsest level is at least this many voxels, so that normalisation has something to average."""
CRITIC_SEES = 3
"""A discriminator's last map is this many voxels across at least: its two last convolutions take one each."""
BATCH = {"cpu": 8, "cuda": 16}
BATCH_3D = 2
BATCH_UNPAIRED = {"cpu": 1, "cuda": 4}
EPOCHS = {"cpu": 100, "cuda": 250}
STEPS = {"cpu": (1500, 10000), "cuda": (10000, 50000)}
"""Fewest and most; an epoch is as many patches as cover every training volume once."""
MINUTES = 40.0
OPERATIONS_PER_WORK = {"32": 6.1e4, "bf16": 3.7e4}
"""Operations of a matrix product that take as long as a step does per voxel of the batch and channel of the first
level: measured on the limb pairs (batches of 8 patches of 80 x 80, widths 16 and 24) on two cores of an AMD EPYC with
AVX2; where the processor has bf16 it is 1.66 times as fast."""
UNPAIRED_WORK = 8
"""A cyclegan's two translators run three times each per step, and its discriminators more often."""
VALIDATIONS = 8
UNEVEN = 0.3
"""Field strength from which MR is made more uneven in training."""


def choose_scaling(fingerprint: Fingerprint, side: str, *, paired: bool) -> Decision:
    """How the numbers of "source" or "target" come into the network's range."""
    found = getattr(fingerprint, side)
    field, high = f"{side}.scaling", found.intensities.percentiles[2]
    if found.modality == "CT" and not paired:
        reason = "without pairs fat and muscle must differ to be learnt: bone above 1000 HU is cut off"
        return Decision(field, {"kind": "window", "lo": -1000.0, "hi": 1000.0}, reason)
    if found.modality == "CT":
        return Decision(field, {"kind": "window", "lo": -1024.0, "hi": 3071.0}, "CT in HU, dense bone included")
    if found.modality == "MR":
        value = {"kind": "percentile", "low": 0.5, "high": 99.5, "top": 1000.0}
        return Decision(field, value, "MR has no unit: percentiles of each volume's own body")
    top = TRUNCATED if high <= TRUNCATED else float(math.ceil(high))
    reason = f"SUV, compressed above 1; 99.5 % of the body lies below {high:.3g}"
    return Decision(field, {"kind": "asinh", "knee": 1.0, "hi": top}, reason)


def choose_network(fingerprint: Fingerprint, machine: Machine, dims: int, *, paired: bool) -> list[Decision]:
    """Kind, width, blocks and normalisation of the generator."""
    if not paired:
        width, blocks = (32, 6) if machine.gpu else (16, 4)
        return [
            Decision("generator.kind", "resnet", "the translator of CycleGAN: keeps what it does not change"),
            Decision("generator.width", width, "two of them are trained" + ("" if machine.gpu else ", on a CPU")),
            Decision("generator.levels", 2, "the classic one"),
            Decision("generator.blocks", blocks, "the classic one has 9" + ("" if machine.gpu else "; on a CPU")),
            Decision("generator.norm", "instance", "small batches"),
        ]
    width, reason = 24, "as measured on limb pairs on a CPU"
    if machine.gpu:
        width, reason = (32 if dims == 3 else 48), "a GPU is there"
    if len(fingerprint.pairs) < FEW_PAIRS:
        few = counted(len(fingerprint.pairs), "pair")
        width, reason = width * 2 // 3 // 8 * 8, f"small: {few} would be learnt by heart"
    return [
        Decision("generator.kind", "residual_unet", "the most accurate per second of those measured"),
        Decision("generator.width", width, reason),
        Decision("generator.norm", "batch", "fixed once trained, so that the output does not depend on the tiling"),
    ]


def choose_levels(machine: Machine, patch: Sequence[int]) -> Decision:
    """Levels of a U-Net that halve every side of the patch without remainder and leave enough of it."""
    wanted = 5 if machine.gpu else 4
    fits = [
        n for n in range(1, wanted + 1) if all(s % 2 ** (n - 1) == 0 and s >> (n - 1) >= LEAST_COARSE for s in patch)
    ]
    levels = max(fits, default=1)
    return Decision("generator.levels", levels, f"the coarsest sees {min(patch) >> (levels - 1)} voxels across")


def choose_critic(patch: Sequence[int]) -> list[Decision]:
    """Fewer layers of the discriminator where the usual ones would leave nothing of the patch to judge."""
    usual, side = Discriminator().layers, min(patch)
    fits = max((layers for layers in range(1, usual + 1) if CRITIC_SEES * 2**layers <= side), default=1)
    reason = f"of {side} voxels {usual} layers would leave too little to judge"
    return [Decision("discriminator.layers", fits, reason)] if fits < usual else []


def choose_batch(machine: Machine, patch: Sequence[int], context: int, width: int, *, paired: bool) -> Decision:
    """Patches per step: a set number, fewer where they do not fit into memory."""
    usual = (BATCH if paired else BATCH_UNPAIRED)[machine.device] if len(patch) == 2 else BATCH_3D
    each = step_bytes(list(patch), width, 1, 1 if paired else 2)
    fitting = max(1, int(machine.memory * USED / each))
    batch = min(usual, fitting)
    need = f"about {batch * each / GIB:.1f} GiB of the {machine.memory / GIB:.0f} that are free"
    depth = f" of {context} slices" if context > 1 else ""
    return Decision("training.batch", batch, f"{batch} patches{depth} need {need}")


def choose_precision(machine: Machine, *, paired: bool) -> Decision:
    """bf16 where the device has instructions for it."""
    if not machine.bf16:
        return Decision("training.precision", "32", "no bfloat16 instructions on this device")
    if not paired and not machine.gpu:
        return Decision("training.precision", "32", "bf16 is not measured for cyclegan on a CPU")
    measured = "1.66 times as fast as float32 on this kind of CPU" if not machine.gpu else "the GPU has it"
    return Decision("training.precision", "bf16", f"bfloat16 with float32 weights: {measured}")


def choose_steps(machine: Machine, cases: int, tiles: float, batch: int, seconds: float) -> Decision:
    """Steps from the number of training cases, of `tiles` patches each; on a CPU also from the `seconds` of a step."""
    (low, high), epochs = STEPS[machine.device], EPOCHS[machine.device]
    wanted = math.ceil(epochs * cases * tiles / batch)
    steps = int(np.clip(wanted, low, high))
    reason = f"{counted(cases, 'training case')} of {tiles:.0f} patches, {epochs} times over: {wanted}"
    reason += f", held within {low} to {high}" if steps != wanted else ""
    if machine.gpu:
        return Decision("training.steps", round(steps, -2), reason)
    steps = max(1, min(steps, int(MINUTES * 60 / seconds)))
    steps = round(steps, -2) if steps >= 100 else steps
    return Decision("training.steps", steps, f"{reason}; about {steps * seconds / 60:.0f} min on this machine")


def step_seconds(machine: Machine, voxels: int, width: int, precision: str, *, paired: bool) -> float:
    """Estimated seconds of a step on a CPU, for batches of `voxels` and `width` channels at the first level."""
    each = OPERATIONS_PER_WORK.get(precision, OPERATIONS_PER_WORK["32"]) / machine.speed
    return each * voxels * width * (1 if paired else UNPAIRED_WORK)


def choose_intervals(steps: int) -> list[Decision]:
    """How often to validate and to save."""
    every = max(1, steps // VALIDATIONS)
    return [
        Decision("training.validate_every", every, f"{min(VALIDATIONS, steps)} looks at whole volumes"),
        Decision("training.checkpoint_every", every, "saved at each look"),
    ]


def choose_optimiser(steps: int, *, paired: bool) -> list[Decision]:
    """Rates and their course."""
    if not paired:
        return [
            Decision("optimiser.lr", 2e-4, "CycleGAN's own: the game does not bear more"),
            Decision("optimiser.schedule", "linear", "CycleGAN's own"),
            Decision("training.ema", 0.998, "averages the last few hundred steps"),
        ]
    warmup = 100 if steps >= 1000 else max(1, min(50, steps // 4))
    return [
        Decision("optimiser.lr", 1e-3, "best of those tried on limb pairs"),
        Decision("optimiser.warmup", warmup, "a high rate needs a start"),
        Decision("optimiser.clip", 1.0, "one odd patch must not undo many"),
        Decision("optimiser.weight_decay", 1e-4, "few cases"),
        Decision("optimiser.schedule", "cosine", "ends at zero, where weights settle"),
        Decision("training.ema", 0.998, "averages the last few hundred steps"),
    ]


def choose_augmentation(fingerprint: Fingerprint, *, paired: bool) -> list[Decision]:
    """Random changes: of place for pairs, of contrast and coil field for MR sources."""
    if not paired:
        reason = "mirrored only: interpolation would blur what the discriminators take for real"
        return [Decision("augmentation.flip", "x", reason)]
    few, many = len(fingerprint.pairs) < FEW_PAIRS, counted(len(fingerprint.pairs), "pair")
    decisions = [
        Decision("augmentation.flip", "x", "left-right: mirrored patients are patients"),
        Decision("augmentation.rotate", 15.0 if few else 10.0, f"degrees; {many}"),
        Decision("augmentation.scale", 0.2, f"relative zoom; {many}"),
        Decision("augmentation.moved", 1.0, "every patch is turned and zoomed: best on limb pairs"),
    ]
    if few:
        decisions.append(Decision("augmentation.noise", 0.02, f"only {many}"))
    if fingerprint.source.modality != "MR":
        return decisions
    field = fingerprint.source.intensities.field
    strong = few or field > UNEVEN
    uneven = f"the sources' smooth part varies by {field:.0%}"
    return [
        *decisions,
        Decision("augmentation.mr_gamma", 0.3 if few else 0.2, "MR contrast differs between scanners"),
        Decision("augmentation.mr_bias", 0.3 if strong else 0.2, uneven),
        Decision("augmentation.missing", 0.2, "a field of view may end inside the patient"),
    ]
