from __future__ import annotations

import pickle

import pytest

from modality_translate import errors


def test_an_error_is_one_line_of_subject_reason_and_remedy():
    error = errors.VolumeError("scan.nii", "is cut short.", "Copy it again.")
    assert str(error) == "scan.nii: is cut short. Copy it again."


def test_every_error_is_caught_by_the_base_class():
    family = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert all(issubclass(kind, errors.TranslationError) for kind in family)


@pytest.mark.parametrize(
    ("kind", "code"),
    [(errors.VolumeError, 1), (errors.RecipeError, 2), (errors.NothingToDoError, 3), (errors.ModelError, 4),
     (errors.DeviceError, 5)],
)  # fmt: skip
def test_exit_codes_are_those_of_the_command_line(kind: type[errors.TranslationError], code: int):
    assert kind.exit_code == code


@pytest.mark.parametrize("kind", [errors.VolumeError, errors.ModelError, errors.DeviceError])
def test_an_error_is_the_same_in_another_process(kind: type[errors.TranslationError]):
    error = kind("a.nii", "is damaged.", "Copy it again.")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert (again.subject, again.reason, again.remedy) == (error.subject, error.reason, error.remedy)
