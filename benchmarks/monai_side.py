"""What a user of MONAI and torch would write to translate a folder; started by against_monai.py in a fresh process."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from monai.inferers import SliceInferer, SlidingWindowInferer
from monai.transforms import (
    Compose,
    EnsureChannelFirstd,
    LoadImaged,
    Orientationd,
    SaveImage,
    ScaleIntensityRange,
    ScaleIntensityRanged,
    Spacingd,
)

from models import PATCHES, SOURCE, TARGET, make_network

BATCH = {2: 8, 3: 2}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dims", type=int, choices=(2, 3), required=True)
    parser.add_argument("--width", type=int, required=True)
    parser.add_argument("--overlap", type=float, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("files", nargs="+")
    options = parser.parse_args()
    network, _ = make_network(options.dims, options.width, options.overlap)
    load = Compose([
        LoadImaged("image"),
        EnsureChannelFirstd("image"),
        Orientationd("image", axcodes="RAS", labels=None),
        Spacingd("image", pixdim=(1.0, 1.0, 1.0), mode="bilinear"),
        ScaleIntensityRanged("image", SOURCE.lo, SOURCE.hi, -1.0, 1.0, clip=True),
    ])  # fmt: skip
    hounsfield = ScaleIntensityRange(-1.0, 1.0, TARGET.lo, TARGET.hi, clip=True)
    save = SaveImage(options.output, output_postfix="", separate_folder=False, output_dtype="int16", print_log=False)
    common = {"sw_batch_size": BATCH[options.dims], "overlap": options.overlap, "mode": "gaussian"}
    if options.dims == 2:
        inferer = SliceInferer(roi_size=PATCHES[2], spatial_dim=2, **common)
    else:
        inferer = SlidingWindowInferer(roi_size=PATCHES[3], **common)
    with torch.inference_mode():
        for file in options.files:
            image = load({"image": file})["image"]
            answer = inferer(image[None], Flat(network) if options.dims == 2 else network)[0]
            save(torch.round(hounsfield(answer)))


class Flat(torch.nn.Module):
    """Our slice-wise generators take (N, 1, X, Y, 1); SliceInferer gives (N, 1, X, Y)."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network(x[..., None])[..., 0]


if __name__ == "__main__":
    main()
