"""Objectives, by name: what is optimised, with the networks and optimisers that it takes."""

from modality_translate.objectives.base import Batch, Objective, State
from modality_translate.objectives.catalogue import OBJECTIVES, build_objective

__all__ = ["OBJECTIVES", "Batch", "Objective", "State", "build_objective"]
