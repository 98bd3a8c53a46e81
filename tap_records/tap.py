"""The tap: CSV and JSONL files as Singer streams."""

from __future__ import annotations

import json
import os
import signal
import threading
import warnings
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar

import click
from singer_sdk import Stream, Tap
from singer_sdk.helpers.capabilities import CapabilitiesEnum, PluginCapabilities, TapCapabilities
from singer_sdk.plugin_base import JSONSchemaValidator, _ConfigInput

from tap_records.edge import describe_unknown, explain, one_line_errors
from tap_records.errors import RecordsError
from tap_records.settings import SETTINGS, base_folder, files_by_stream
from tap_records.stream import RecordStream
from tap_records.stream_maps import find_problems
from tap_records.writer import LineWriter


class TapRecords(Tap):
    """Singer tap for rows in CSV and JSONL files."""

    name = "tap-records"
    package_name = "stripe-flow"
    config_jsonschema: ClassVar[dict[str, Any]] = SETTINGS  # Any: JSON schema
    # Discovery reads the files, so it needs valid settings.
    dynamic_catalog = True
    # No BATCH: its files would bypass the order of the streams. No STATE: every run reads all rows.
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        TapCapabilities.CATALOG,
        TapCapabilities.DISCOVER,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    def __init__(self, **options: Any) -> None:  # Any: the SDK's options, passed on
        """Read the settings and the headers. Raises RecordsError when one of them is invalid."""
        self._lines = LineWriter()
        with warnings.catch_warnings():
            # The SDK warns half a year before a Python version ends: two lines in every log.
            warnings.filterwarnings("ignore", message=".* end of life", category=FutureWarning)
            super().__init__(message_writer=self._lines, **options)

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """The problems of the settings. Raises RecordsError instead of the SDK's error, which quotes values.

        Also finds unknown settings, which the SDK ignores.
        """
        self.append_builtin_config(self.config_jsonschema)
        known = self.config_jsonschema["properties"]
        files = self._config.get("files")
        names = [str(each.get("stream")) for each in files if isinstance(each, dict)] if isinstance(files, list) else []
        problems = list(find_problems(self._config.get("stream_maps"), names))
        # The SDK's schema for stream maps is invalid: the check would end in its error.
        checked = {name: value for name, value in self._config.items() if name != "stream_maps" or not problems}
        found = JSONSchemaValidator(self.config_jsonschema).iter_errors(checked)
        problems += [phrase for error in found for phrase in explain(error)]
        self._config.update(checked)  # the check filled in defaults
        if self._config.get("flattening_enabled") and self._config.get("flattening_max_depth") is None:
            problems.append("flattening_max_depth is missing: flattening_enabled needs it")
        problems += [describe_unknown(name, known) for name in self._config if name not in known]
        if problems and raise_errors:
            raise RecordsError(f"Wrong settings: {'; '.join(problems)}. Run `tap-records --about` for the settings.")
        return problems

    def setup_mapper(self) -> None:
        """Set up stream maps and flattening. Raises RecordsError if flattening gives two columns one name."""
        try:
            super().setup_mapper()
        except ValueError as error:
            if "Duplicate column name" not in str(error):  # the SDK's, which has no class of its own
                raise
            raise RecordsError(
                "The settings of flattening give two columns one name. Change flattening_separator, or raise "
                "flattening_max_key_length."
            ) from None

    @property
    def streams(self) -> dict[str, Stream]:
        """The streams by name, in the order of the setting `files`: customers before the charges that refer to them.

        The SDK syncs streams in the order of this dict, and would sort them by name.
        """
        by_name = super().streams
        order = dict.fromkeys(entry["stream"] for entry in self.config["files"])
        return {name: by_name[name] for name in order}

    def discover_streams(self) -> list[Stream]:
        streams = files_by_stream(self.config["files"], base_folder())
        return [RecordStream(self, name, files) for name, files in streams.items()]

    def _setup_signal_handlers(self) -> None:
        """Also end the run by SIGHUP: a terminal was closed. `nohup` ignores it, and it stays ignored."""
        super()._setup_signal_handlers()
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._handle_termination)

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the SDK's signature
        # The SDK's handler writes a STATE into the middle of the current line, and exits with 0.
        self._lines.stop(signum)

    @classmethod
    def invoke(cls, *args: Any, **options: Any) -> None:  # Any: the SDK's, passed on
        """Run the command as the SDK does; an error is one line and exit code 1."""
        with one_line_errors():
            if options.get("catalog"):  # a file that click has opened
                _check_json(options["catalog"].name, "Catalog", "--catalog")
            super().invoke(*args, **options)

    @classmethod
    def cb_discover(cls, ctx: click.Context, param: click.Option, value: bool) -> None:  # noqa: FBT001  # the SDK's signature
        """Discover as the SDK does; an error is one line and exit code 1."""
        with one_line_errors():
            super().cb_discover(ctx, param, value)

    @classmethod
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> _ConfigInput:
        """Read `--config` as the SDK does. Raises RecordsError for a file that is missing or not JSON."""
        for source in value:
            _check_json(source, "Config", "--config")
        return super().cb_config(ctx, param, value)


def _check_json(source: str, what: str, option: str) -> None:
    """Raise RecordsError unless `source`, the value of `option`, is ENV or a file with a JSON object."""
    try:
        if source == "ENV":
            json.loads(os.environ.get("TAP_RECORDS_FILES", "[]"))
        elif not isinstance(json.loads(Path(source).read_text(encoding="utf-8")), dict):
            raise RecordsError(f"{what} '{source}' is not a JSON object. Write it as {{…}}.")
    except OSError as error:
        raise RecordsError(f"{what} '{source}' cannot be read ({error.strerror}). Check {option}.") from error
    except (ValueError, RecursionError):
        raise RecordsError(f"{what} '{source}' is not JSON in UTF-8. Fix its content.") from None
