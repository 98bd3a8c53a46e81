"""The page on the disk: whole or not at all, for its owner alone."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from stripe_flow.api.errors import Misconfigured
from stripe_flow_cli.report.page import BEGINNING


def check(path: Path) -> None:
    """Before the journal is read. Raises Misconfigured where something else than a report is there."""
    if path.is_dir():
        raise Misconfigured(f"the report {path} cannot be written (it is a folder): give --output the name of a file")
    try:
        with path.open("rb") as file:
            found = file.read(len(BEGINNING.encode()))
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from None
    if found and found != BEGINNING.encode():
        raise Misconfigured(
            f"{path} is there and is no report: only an earlier report is replaced. Give --output another name"
        )


def write(path: Path, page: str) -> None:
    """In place of an earlier report, if there is one. Raises Misconfigured."""
    check(path)
    try:
        # 0600 from the start; beside the file, so that the last step is one of the file system's.
        descriptor, beside = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from None
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(page)
            file.flush()
            os.fsync(descriptor)
        Path(beside).replace(path)
    except OSError as error:
        raise _unwritable(path, error) from None
    finally:
        Path(beside).unlink(missing_ok=True)


def _unwritable(path: Path, error: Exception) -> Misconfigured:
    why = getattr(error, "strerror", None) or "no path has such characters"
    return Misconfigured(f"the report {path} cannot be written ({why}): mend that, or give --output another name")
