"""The encoding of a file that is not in the one of its setting: a guess for the message, from the first bytes."""

from __future__ import annotations

import codecs
from itertools import islice
from pathlib import Path

# Longest first: UTF-32's mark of little-endian begins with that of UTF-16. Python and iconv know these names.
_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
    (codecs.BOM_UTF8, "UTF-8"),
)
# Most of what is neither UTF-8 nor UTF-16 is this. ISO 8859-1 (Latin-1) differs in control characters only.
_USUAL = "CP1252"
_SAMPLE_BYTES = 4096


def probable_encoding(path: Path) -> str:
    """The probable encoding of a file that is not UTF-8, or has a NUL in its first line."""
    with path.open("rb") as file:
        sample = file.read(_SAMPLE_BYTES)
    for mark, name in _MARKS:
        if sample.startswith(mark):
            return name
    # In UTF-16 every second byte of what ASCII can say is a NUL.
    first, second = (sum(byte == 0 for byte in islice(sample, start, None, 2)) for start in (0, 1))
    if first or second:
        return "UTF-16LE" if second > first else "UTF-16BE"
    return _USUAL
