from __future__ import annotations

import torch

from modality_translate.objectives.pool import ImagePool


def numbered(*numbers: float) -> torch.Tensor:
    return torch.tensor(numbers).reshape(-1, 1, 1, 1, 1)


def test_a_pool_without_room_gives_the_images_themselves():
    images = numbered(1, 2)
    assert torch.equal(ImagePool(0, seed=0).exchange(images), images)


def test_a_filling_pool_gives_the_images_themselves():
    pool = ImagePool(3, seed=0)
    assert pool.exchange(numbered(1, 2, 3)).flatten().tolist() == [1, 2, 3]


def test_a_full_pool_gives_about_half_of_them_from_earlier():
    pool = ImagePool(10, seed=0)
    earlier = sum(pool.exchange(numbered(n)).item() != n for n in range(210))
    assert 70 < earlier < 130


def test_an_exchanged_image_is_seen_once_more_at_most():
    pool = ImagePool(4, seed=0)
    shown = [pool.exchange(numbered(n)).item() for n in range(200)]
    assert all(shown.count(n) <= 2 for n in range(200))


def test_a_restored_pool_draws_the_same():
    pool, restored = ImagePool(4, seed=0), ImagePool(4, seed=7)
    for n in range(20):
        pool.exchange(numbered(n))
    restored.load_state_dict(pool.state_dict())
    later = [numbered(n, n + 0.5) for n in range(20, 60)]
    assert [pool.exchange(i).tolist() for i in later] == [restored.exchange(i).tolist() for i in later]


def test_pooled_images_carry_no_gradients():
    assert not ImagePool(2, seed=0).exchange(numbered(1.0).requires_grad_()).requires_grad
