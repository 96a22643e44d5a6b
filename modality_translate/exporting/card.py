"""The model card: what a reader must know, as plain text inside the file. Counts and figures only, no names."""

from __future__ import annotations

from dataclasses import dataclass

from modality_translate.exporting.parity import Parity
from modality_translate.pipeline.spec import Channel, Spec

UNSTATED = "not stated"
LIMITS = (
    "Valid for volumes like those of the training data only: others are refused unless forced. "
    "Pathology, implants and other scanners have not been examined unless stated here."
)


@dataclass(frozen=True)
class Statement:
    """What only the model's makers can say of it."""

    author: str = UNSTATED
    """Who answers for the model: `model_author`."""
    licence: str = UNSTATED
    """SPDX identifier of the weights: `model_license`."""
    data: str = ""
    """Source and attribution of the training data, for the card."""
    limits: str = ""
    """Where the model is known to fail, for the card."""


NOTHING_STATED = Statement()


def write_card(spec: Spec, parities: tuple[Parity, ...], statement: Statement) -> str:
    """The card of the model that `spec` describes."""
    sections = {
        "Model": f"{spec.name}: {_channel(spec.source)} to {_channel(spec.target)}.",
        "Intended use": "Research on cross-modality translation. Research use, not a medical device; synthetic volumes "
        "are not for diagnosis or treatment, and may show or hide structures wrongly.",
        "Training data": f"{_training_data(spec)} {statement.data}".rstrip(),
        "Input": _input(spec),
        "Output": f"{spec.target.units} in [{_range(spec.target)}], on the input's own grid.",
        "Engines": "; ".join(str(parity) for parity in parities) + ".",
        **_precision(spec),
        "Accuracy": _accuracy(spec),
        "Limits": f"{LIMITS} {statement.limits}".rstrip(),
        "Licence": statement.licence + ".",
    }
    return "".join(f"{title}\n  {body}\n" for title, body in sections.items())


def _channel(channel: Channel) -> str:
    return f"{channel.modality} ({channel.units})"


def _range(channel: Channel) -> str:
    lo, hi = channel.scaling.fixed.range
    return f"{lo:g}, {hi:g}"


def _training_data(spec: Spec) -> str:
    if spec.envelope is None:
        return "Not described."
    low, high = spec.envelope.spacing
    spacings = " to ".join(" x ".join(f"{s:.2f}" for s in spacing) for spacing in (low, high))
    return f"{spec.envelope.cases} source volumes, voxel sizes {spacings} mm."


def _input(spec: Spec) -> str:
    spacing = "the volume's own spacing" if spec.spacing is None else f"{' x '.join(f'{s:g}' for s in spec.spacing)} mm"
    shape = " x ".join(str(n) for n in spec.tiling.patch)
    return f"Patches of {shape} voxels in {spec.orientation} order at {spacing}; scaling and tiling are in the spec."


def _precision(spec: Spec) -> dict[str, str]:
    if spec.precision == "fp32":
        return {}
    text = (
        f"{spec.precision}. On real volumes its output differs from the fp32 model's by {spec.precision_error:.3g} "
        f"{spec.target.units} on average, on the worst engine; the differences above are those from fp32, and the "
        "accuracy below was measured in fp32."
    )
    return {"Precision": text}


def _accuracy(spec: Spec) -> str:
    if not spec.accuracy:
        return "Not measured on held-out volumes."
    figures = ", ".join(f"{key} {value:g}" for key, value in sorted(spec.accuracy.items()))
    return f"Means over cases that were not trained on, in output units: {figures}."
