from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from modality_translate.phantom import Label, PhantomSettings, Subject, make_subject
from modality_translate.phantom.anatomy import averaged, paint_anatomy
from modality_translate.phantom.body import draw_body
from modality_translate.phantom.subject import random_streams

IDEAL = {"mr_noise": 0, "bias": 0, "ct_noise": 0, "pet_noise": 0, "variation": 0}


@pytest.fixture(scope="session")
def ideal() -> Subject:
    """The average head without noise, bias or lesions."""
    return make_subject(3, PhantomSettings(spacing=3, lesions=0, **IDEAL))


@pytest.fixture(scope="session")
def pure() -> Callable[[Label], np.ndarray]:
    """Voxels of `ideal` that hold one tissue and nothing else."""
    settings = PhantomSettings(spacing=3, lesions=0, **IDEAL)
    body = draw_body(random_streams(3)["body"], settings)
    fine = paint_anatomy(body, body.grid(3), ())[0].healthy
    return lambda label: averaged(fine, {label: 1.0}) == 1


@pytest.fixture(scope="session")
def ill() -> Subject:
    """The same head with every kind of lesion."""
    return make_subject(3, PhantomSettings(spacing=3, lesions=1, **IDEAL))


@pytest.fixture(scope="session")
def noisy() -> Subject:
    """A head as users get it, at a coarse voxel size."""
    return make_subject(5, PhantomSettings(spacing=4))
