"""Which devices really work: each one has to load a model and compute with it."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from modality_translate.runtime.engine_choice import try_device

TINY_MODEL = base64.b64decode(
    "CAoSADqlAQocCgZzb3VyY2UKAXcSCXN5bnRoZXRpYyIEQ29udhIBdCoxCAEIAQgCCAIIAhABIiAAAIA/AACAPwAAgD8AAIA/AACAPwAAgD8AAIA/"
    "AACAP0IBd1olCgZzb3VyY2USGwoZCAESFQoDEgFuCgIIAQoCCAIKAggCCgIIAmIoCglzeW50aGV0aWMSGwoZCAESFQoDEgFuCgIIAQoCCAEKAggB"
    "CgIIAUIECgAQEg=="
)
"""One 3D convolution, source (n, 1, 2, 2, 2) -> synthetic (n, 1, 1, 1, 1), the sum of its input: it needs cuDNN too."""
_TINY_SHAPE = (1, 1, 2, 2, 2)
_PLACES = (("onnxruntime", "cpu"), ("onnxruntime", "cuda:0"), ("openvino", "cpu"), ("tensorrt", "cuda:0"))


@dataclass(frozen=True)
class Device:
    """An engine on a device, and why it does not work there; an empty reason says that it does."""

    engine: str
    name: str
    reason: str

    @property
    def works(self) -> bool:
        return not self.reason


def probe_devices() -> tuple[Device, ...]:
    """Every engine on the devices it has, each tried on `TINY_MODEL`."""
    return tuple(Device(engine, name, try_device(TINY_MODEL, _TINY_SHAPE, name, engine)) for engine, name in _PLACES)
