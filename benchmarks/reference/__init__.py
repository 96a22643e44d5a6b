"""The field's reference Pix2Pix and CycleGAN, written anew from their papers, to measure ours against.

Isola et al., CVPR 2017 (arXiv 1611.07004) and Zhu et al., ICCV 2017 (arXiv 1703.10593): networks, losses, optimiser,
image size, augmentation and 8-bit images as published. Only the length of the training is a wall-clock budget.
"""
