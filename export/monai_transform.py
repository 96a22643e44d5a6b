"""A translator as a MONAI dictionary transform: MR in, synthetic CT out, between other transforms.

Compose([LoadImaged("image", ensure_channel_first=True), Translated("image", Translator.load("limb-mr-to-ct"))])
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform

from modality_translate import Translator


class Translated(MapTransform):
    """Each image of `keys`, a MetaTensor (1, X, Y, Z) with its RAS+ affine, becomes the synthetic one on its grid."""

    def __init__(self, keys: KeysCollection, translator: Translator, *, force: bool = False) -> None:
        super().__init__(keys)
        self.translator, self.force = translator, force

    def __call__(self, data: dict[Any, Any]) -> dict[Any, Any]:
        found = dict(data)
        for key in self.keys:
            image = found[key]
            (array,) = image.cpu().numpy()
            synthetic = self.translator.translate(array, affine=image.affine.cpu().numpy(), force=self.force)
            voxels = torch.from_numpy(np.ascontiguousarray(synthetic.array))
            found[key] = MetaTensor(voxels[None], meta=image.meta)
        return found
