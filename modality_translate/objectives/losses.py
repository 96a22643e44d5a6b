"""The terms that objectives are made of. Images are (N, 1, X, Y, Z) in [-1, 1], with Z = 1 for slices.

Each term is the mean over the images of what every image gives by itself: a batch may be computed in parts.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from kornia.metrics import ssim, ssim3d
from torch import Tensor

SSIM_WINDOW = 7
SSIM_RANGE = 2.0
RIM = 2
"""Voxels around a body mask in which its edge may be wrong: skin can be dark in MR."""
TEMPERATURE = 0.07
"""Of PatchNCE: how much more alike the own key has to be."""


def absolute(image: Tensor, reference: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean absolute error."""
    return _mean((image - reference).abs(), weight)


def dissimilarity(image: Tensor, reference: Tensor, weight: Tensor | None = None) -> Tensor:
    """1 - mean SSIM (Wang et al. 2004), Gaussian window of 7 voxels, sigma 1.5."""
    # SSIM compares means as ratios, which has no sense for negative numbers.
    image, reference = image + 1.0, reference + 1.0
    if image.shape[-1] == 1:
        similar = ssim(image.squeeze(-1), reference.squeeze(-1), SSIM_WINDOW, max_val=SSIM_RANGE).unsqueeze(-1)
    else:
        similar = ssim3d(image, reference, SSIM_WINDOW, max_val=SSIM_RANGE)
    return 1.0 - _mean(similar, weight)


def gradient_difference(image: Tensor, reference: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean absolute difference of the neighbours' differences, over all axes."""
    errors = [(a - b).abs() for a, b in zip(_differences(image), _differences(reference), strict=True)]
    weights = [None] * len(errors) if weight is None else _smaller_neighbour(weight)
    return torch.stack([_mean(error, w) for error, w in zip(errors, weights, strict=True)]).mean()


def structure_difference(image: Tensor, source: Tensor) -> Tensor:
    """1 - the correlation of edge strengths, averaged over axes and images; 0 for the same edges at any contrast.

    The gradient correlation of Hiasa et al. (SASHIMI 2018), of magnitudes so that an inverted contrast costs nothing.
    """
    pairs = zip(_differences(image), _differences(source), strict=True)
    return 1.0 - torch.stack([_correlation(a.abs(), b.abs()) for a, b in pairs]).mean()


def clutter(image: Tensor, body: Tensor, air: float) -> Tensor:
    """How far `image` is from the value `air` further than 2 voxels outside `body`, mean over all voxels.

    `body` is 1 inside, 0 outside and -1 where not known, which counts nothing. After the shape term of MaskGAN (Phan et
    al., MICCAI 2023), one-sided: what lies inside is left to other terms, since bodies hold air, too.
    """
    reach = [RIM if size > 1 else 0 for size in body.shape[2:]]
    grown = F.max_pool3d(body, [2 * r + 1 for r in reach], stride=1, padding=reach)
    outside = (grown < 0.5) & (body > -0.5)
    return ((image - air).abs() * outside).mean()


def roughness(field: Tensor) -> Tensor:
    """Mean squared difference of neighbouring displacements (N, axes, X, Y, Z), summed over the directions."""
    return torch.stack([difference.square().mean() for difference in _differences(field)]).sum()


def patch_contrast(queries: Tensor, keys: Tensor) -> Tensor:
    """PatchNCE (Park et al. 2020): cross-entropy of finding each query's own key among all keys of its image.

    Both are (N, places, features) of length 1; ln(places) when nothing is found.
    """
    alike = (queries.float() @ keys.float().mT) / TEMPERATURE
    own = torch.arange(alike.shape[1], device=alike.device).expand(alike.shape[:2])
    return F.cross_entropy(alike.flatten(0, 1), own.flatten())


def _mean(values: Tensor, weight: Tensor | None) -> Tensor:
    """The weighted mean of each image; `weight` has the shape of `values`, and is 1 everywhere when left out."""
    if weight is None:
        return values.mean()
    return ((values * weight).flatten(1).sum(1) / weight.flatten(1).sum(1).clamp_min(1e-6)).mean()


def _smaller_neighbour(weight: Tensor) -> list[Tensor]:
    """The weight of each difference of `_differences`: that of its lighter voxel."""
    axes = [axis for axis in (2, 3, 4) if weight.shape[axis] > 1]
    pairs = [(weight.narrow(a, 0, weight.shape[a] - 1), weight.narrow(a, 1, weight.shape[a] - 1)) for a in axes]
    return [torch.minimum(before, after) for before, after in pairs]


def _differences(image: Tensor) -> list[Tensor]:
    return [image.diff(dim=axis) for axis in (2, 3, 4) if image.shape[axis] > 1]


def _correlation(a: Tensor, b: Tensor) -> Tensor:
    a, b = (x.flatten(1) - x.flatten(1).mean(1, keepdim=True) for x in (a, b))
    # The small number keeps patches without any edge, such as air, from dividing by zero.
    return F.cosine_similarity(a, b, dim=1, eps=1e-4).mean()


def towards(scores: list[Tensor], label: float) -> Tensor:
    """Least-squares GAN (Mao et al. 2017): mean squared distance of the score maps from `label`, over all scales."""
    return torch.stack([(score.float() - label).square().mean() for score in scores]).mean()


def steepness(scores: list[Tensor], images: Tensor) -> Tensor:
    """R1 (Mescheder et al., ICML 2018): squared gradient of the scores by the images, per image and score.

    For maps it is the gradient of their sum, over the number of scores; mean over all maps.
    """
    return torch.stack([_steepness(map_.float(), images) for map_ in scores]).mean()


def _steepness(scores: Tensor, images: Tensor) -> Tensor:
    (gradient,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
    return gradient.square().sum() / scores.numel()


def share_right(real: list[Tensor], synthetic: list[Tensor]) -> Tensor:
    """Fraction of scores on the right side of 1/2, real and synthetic counted alike."""
    right = [(score > 0.5).float().mean() for score in real] + [(score < 0.5).float().mean() for score in synthetic]
    return torch.stack(right).mean()
