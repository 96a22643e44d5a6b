"""Which devices really work: each one has to load a model and compute with it."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from modality_translate.runtime.engine import try_device

TINY_MODEL = base64.b64decode(
    "CAoSADqlAQocCgZzb3VyY2UKAXcSCXN5bnRoZXRpYyIEQ29udhIBdCoxCAEIAQgCCAIIAhABIiAAAIA/AACAPwAAgD8AAIA/AACAPwAAgD8AAIA/"
    "AACAP0IBd1olCgZzb3VyY2USGwoZCAESFQoDEgFuCgIIAQoCCAIKAggCCgIIAmIoCglzeW50aGV0aWMSGwoZCAESFQoDEgFuCgIIAQoCCAEKAggB"
    "CgIIAUIECgAQEg=="
)
"""One 3D convolution, source (n, 1, 2, 2, 2) -> synthetic (n, 1, 1, 1, 1), the sum of its input: it needs cuDNN too."""


@dataclass(frozen=True)
class Device:
    """A device and why it does not work; an empty reason says that it does."""

    name: str
    reason: str

    @property
    def works(self) -> bool:
        return not self.reason


def probe_devices() -> tuple[Device, ...]:
    """The CPU and the first GPU, each tried on `TINY_MODEL`."""
    return tuple(Device(name, try_device(TINY_MODEL, name)) for name in ("cpu", "cuda:0"))
