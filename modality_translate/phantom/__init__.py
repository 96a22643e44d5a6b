"""A physics phantom of the head: paired MR, CT and PET with known truth, made from a seed."""

from modality_translate.phantom.cohort import begun_cohort, is_cohort, write_cohort
from modality_translate.phantom.lesions import Lesion
from modality_translate.phantom.settings import PhantomSettings
from modality_translate.phantom.subject import Subject, make_subject
from modality_translate.phantom.tissues import Label, Tissue

__all__ = [
    "Label",
    "Lesion",
    "PhantomSettings",
    "Subject",
    "Tissue",
    "begun_cohort",
    "is_cohort",
    "make_subject",
    "write_cohort",
]
