"""Every exception a user can meet. Catch `TranslationError` to catch them all.

Each says what came, what was wanted and what to do, and carries the exit code of the command line.
"""

from __future__ import annotations

from pathlib import Path


class TranslationError(Exception):
    """Base of the family: the file or thing concerned, the reason, and the remedy, in one line."""

    exit_code = 1

    def __init__(self, subject: str | Path, reason: str, remedy: str = "") -> None:
        self.subject = str(subject)
        self.reason = reason
        self.remedy = remedy
        super().__init__(" ".join(part for part in (f"{self.subject}: {reason}", remedy) if part))

    def __reduce__(self) -> tuple[type[TranslationError], tuple[str, str, str]]:
        # Pickled by its message alone, it could not be made again in another process.
        return type(self), (self.subject, self.reason, self.remedy)


class VolumeError(TranslationError):
    """A volume cannot be read, written or understood."""


class EnvelopeError(VolumeError):
    """A volume does not fit what the model was trained on (modality, units, spacing, field of view)."""


class RecipeError(TranslationError):
    """A recipe or an option is wrong: unknown key, value out of range, roles that do not fit."""

    exit_code = 2


class NothingToDoError(TranslationError):
    """No valid input was found."""

    exit_code = 3


class PairingError(TranslationError):
    """Source and target volumes cannot be matched, or do not overlap."""


class ModelError(TranslationError):
    """A model file is damaged, incomplete, of another version, or fails its own test."""

    exit_code = 4


class DeviceError(TranslationError):
    """The device asked for is not available; nothing falls back silently."""

    exit_code = 5


class DeviceMemoryError(DeviceError):
    """The device has too little memory, even for a single patch."""


class MissingExtraError(TranslationError):
    """An optional part of the installation is missing; the remedy is the pip line."""


class RunError(TranslationError):
    """A run folder is incomplete or damaged, or training cannot go on."""


class LostProcessError(RunError):
    """One of several processes that train together is gone."""
