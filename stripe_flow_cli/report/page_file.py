"""The file of the page: written whole or not at all, and readable by its owner only."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from stripe_flow.api.errors import Misconfigured
from stripe_flow_cli.report.page import BEGINNING


def check(path: Path) -> None:
    """Check before reading the journal. Raises Misconfigured if another file than a report is at this path."""
    if path.is_dir():
        raise Misconfigured(f"the report {path} cannot be written (it is a folder): give --output the name of a file")
    try:
        with path.open("rb") as file:
            first_bytes = file.read(len(BEGINNING.encode()))
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from None
    if first_bytes and first_bytes != BEGINNING.encode():
        raise Misconfigured(f"{path} exists and is no report, so it is not replaced: give --output another name")


def write(path: Path, page: str) -> None:
    """Write the page, and replace an earlier report. Raises Misconfigured if the file cannot be written."""
    check(path)
    try:
        # mkstemp makes the file 0600. It is in the same folder, so that the rename at the end is atomic.
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from None
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(page)
            file.flush()
            os.fsync(descriptor)
        Path(temporary).replace(path)
    except OSError as error:
        raise _unwritable(path, error) from None
    finally:
        Path(temporary).unlink(missing_ok=True)


def _unwritable(path: Path, error: Exception) -> Misconfigured:
    reason = getattr(error, "strerror", None) or "a path cannot have these characters"
    return Misconfigured(f"the report {path} cannot be written ({reason}): fix that, or give --output another name")
