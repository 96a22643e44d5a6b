"""Text from files, made safe to show."""

from __future__ import annotations


def plain(text: str) -> str:
    """`text` with control characters replaced: those of file names and headers must not drive the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)
