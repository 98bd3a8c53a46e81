"""The one error of this tap: a mistake in the settings or in a file, which the user fixes before the next run."""

from __future__ import annotations

import logging
from typing import IO, Any, ClassVar

import click


class RecordsError(click.ClickException):
    """One line: what happened, in which file and line, and how to fix it. It never quotes a row.

    Click ends the command with exit code 1 and no traceback, wherever this is raised.
    """

    exit_code: ClassVar[int] = 1

    def show(self, file: IO[Any] | None = None) -> None:  # noqa: ARG002 - Any: click's signature
        """Log the line through the SDK's logger, so that Meltano shows its level."""
        logging.getLogger("tap-records").error(self.format_message())


def in_file(name: str, what: str, fix: str, *, line: int | None = None, column: str | None = None) -> RecordsError:
    """The error for a file, or for a line or column of it: what is wrong, and how to fix it.

    `column` must come from the settings: a file without a header has personal data where the names should be.
    """
    location = f"File '{name}'"
    location += f", line {line}" if line is not None else ""
    location += f", column '{column}'" if column is not None else ""
    return RecordsError(f"{location}: {what}. {fix}.")
