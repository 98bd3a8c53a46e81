"""The tap: CSV and JSONL files as Singer streams."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar

import click
from singer_sdk import Stream, Tap
from singer_sdk.helpers.capabilities import CapabilitiesEnum, PluginCapabilities, TapCapabilities
from singer_sdk.plugin_base import JSONSchemaValidator, _ConfigInput

from tap_records.edge import explain, told, unknown
from tap_records.errors import RecordsError
from tap_records.settings import SETTINGS, base_folder, files_by_stream
from tap_records.stream import RecordStream
from tap_records.writer import LineWriter


class TapRecords(Tap):
    """Singer tap for rows in CSV and JSONL files."""

    name = "tap-records"
    package_name = "stripe-flow"
    config_jsonschema: ClassVar[dict[str, Any]] = SETTINGS  # Any: JSON schema
    # The catalog comes from the files: discovery needs right settings.
    dynamic_catalog = True
    # No batch: its files would bypass the order of the streams. No state: every run reads all rows.
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        TapCapabilities.CATALOG,
        TapCapabilities.DISCOVER,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    def __init__(self, **options: Any) -> None:  # Any: the SDK's options, passed on
        """Read settings and headers. Raises RecordsError for what is wrong with them."""
        self._lines = LineWriter()
        with warnings.catch_warnings():
            # From half a year before the end of a Python the SDK would add two lines to every log.
            warnings.filterwarnings("ignore", message=".* end of life", category=FutureWarning)
            super().__init__(message_writer=self._lines, **options)

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Raises RecordsError: the SDK's own words repeat values, and it takes unknown names for none."""
        self.append_builtin_config(self.config_jsonschema)
        known = self.config_jsonschema["properties"]
        found = JSONSchemaValidator(self.config_jsonschema).iter_errors(self._config)
        problems = [words for error in found for words in explain(error)]
        problems += [unknown(name, known) for name in self._config if name not in known]
        if problems and raise_errors:
            raise RecordsError(f"Wrong settings: {'; '.join(problems)}. See --about.")
        return problems

    @property
    def streams(self) -> dict[str, Stream]:
        """The streams in the order of the setting `files`: customers before the charges that name them.

        The SDK sorts them by name, and syncs them in the order of this dict.
        """
        by_name = super().streams
        order = dict.fromkeys(entry["stream"] for entry in self.config["files"])
        return {name: by_name[name] for name in order}

    def discover_streams(self) -> list[Stream]:
        streams = files_by_stream(self.config["files"], base_folder())
        return [RecordStream(self, name, files) for name, files in streams.items()]

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the SDK's signature
        # The SDK's handler writes a STATE into the middle of whatever line is being written, and exits 0.
        self._lines.stop(signum)

    @classmethod
    def invoke(cls, *args: Any, **options: Any) -> None:  # Any: the SDK's, passed on
        """As the SDK does; what goes wrong is one line and exit code 1."""
        with told():
            if options.get("catalog"):  # a file that click has opened
                _check_json(options["catalog"].name, "Catalog", "--catalog")
            super().invoke(*args, **options)

    @classmethod
    def cb_discover(cls, ctx: click.Context, param: click.Option, value: bool) -> None:  # noqa: FBT001  # the SDK's signature
        """As above."""
        with told():
            super().cb_discover(ctx, param, value)

    @classmethod
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> _ConfigInput:
        """As the SDK does, with one line instead of a traceback for a file that is not there or not JSON."""
        for source in value:
            _check_json(source, "Config", "--config")
        return super().cb_config(ctx, param, value)


def _check_json(source: str, what: str, option: str) -> None:
    """Raise RecordsError unless the SDK can read this value of `--config` or `--catalog`: a file, or ENV."""
    try:
        if source == "ENV":
            json.loads(os.environ.get("TAP_RECORDS_FILES", "[]"))
        elif not isinstance(json.loads(Path(source).read_text(encoding="utf-8")), dict):
            raise RecordsError(f"{what} '{source}' is not a JSON object. Write it as {{…}}.")
    except OSError as error:
        raise RecordsError(f"{what} '{source}' cannot be read ({error.strerror}). Mend {option}.") from error
    except (ValueError, RecursionError):
        raise RecordsError(f"{what} '{source}' is not JSON in UTF-8. Mend it.") from None
