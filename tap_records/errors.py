"""The one error of this tap: a fault in the settings or in a file, which the person mends before the next run."""

from __future__ import annotations

import logging
from typing import IO, Any, ClassVar

import click


class RecordsError(click.ClickException):
    """What happened to which file and line, and what to do next, in one line without the content of a row.

    Click ends the command wherever this comes from (reading the config, discovery, `--test`, a sync): exit code 1, no
    traceback.
    """

    exit_code: ClassVar[int] = 1

    def show(self, file: IO[Any] | None = None) -> None:  # noqa: ARG002 - Any: click's signature
        """Log the line like every other line of a Singer plugin, so that Meltano shows its level."""
        logging.getLogger("tap-records").error(self.format_message())


def in_file(name: str, what: str, todo: str, *, line: int | None = None, column: str | None = None) -> RecordsError:
    """The error for a place in a file.

    `column` must come from the settings: a file without a header has a person's data where the names should be.
    """
    place = f"File '{name}'"
    place += f", line {line}" if line is not None else ""
    place += f", column '{column}'" if column is not None else ""
    return RecordsError(f"{place}: {what}. {todo}.")
