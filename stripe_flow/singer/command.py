"""The edge of a plugin's process: every failure is one line on stderr and an exit code, never a traceback.

A mix-in before the SDK's `Tap` or `Target`. It overrides these private names of singer-sdk 0.54, each with a test:
`_validate_config`, because the SDK's own messages repeat the value of a setting, and a value may be a secret, and
`_setup_signal_handlers`, because the SDK leaves out SIGHUP.
"""

from __future__ import annotations

import contextlib
import json
import os
import traceback
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import click
from singer_sdk.configuration._dict_config import TRUTHY, parse_environment_config
from singer_sdk.exceptions import MappingError
from singer_sdk.helpers._classproperty import classproperty
from singer_sdk.plugin_base import JSONSchemaValidator, PluginBase, _ConfigInput

from stripe_flow.api import redaction
from stripe_flow.api.commands import use_config
from stripe_flow.api.connection import describe_address
from stripe_flow.api.errors import Misconfigured, StripeFlowError
from stripe_flow.api.spelling import mistyped_variables
from stripe_flow.singer.environment import (
    FALSY,
    MUST_ARRIVE,
    check_variable,
    explain_unread,
    find_prefixes,
    find_unread,
)
from stripe_flow.singer.explanations import explain, explain_unknown
from stripe_flow.singer.hangup import handle_hangup
from stripe_flow.singer.stream_maps import find_problems


class PluginCommand(PluginBase):
    """Clear messages and documented exit codes for a Singer plugin.

    `meltano_variables` is MELTANO_EXTRACTOR or MELTANO_LOADER: the variables that begin so hold the plugin's name and
    namespace under Meltano. `checked_later` are required settings whose absence the plugin reports itself.
    """

    meltano_variables: ClassVar[str]
    checked_later: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: the SDK's arguments, passed through
        with warnings.catch_warnings():
            # From half a year before the end of a Python the SDK would add two lines to every log.
            warnings.filterwarnings("ignore", message=".* end of life", category=FutureWarning)
            super().__init__(*args, **kwargs)

    def _setup_signal_handlers(self) -> None:
        """Also end the run by SIGHUP."""
        super()._setup_signal_handlers()
        handle_hangup(self._handle_termination)

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """The SDK's command, with secrets redacted from all its output."""
        redaction.install()
        return super().get_singer_command()

    @classmethod
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> _ConfigInput:
        """Read `--config`; exit 1 with one line when a file or a variable cannot be read."""
        use_config(value)
        for path in value:
            if path == "ENV":
                cls._check_environment()
            else:
                read_json_object(Path(path), "config")
        return super().cb_config(ctx, param, value)

    @classmethod
    def _check_environment(cls) -> None:
        """Check the variables before the SDK parses them: its errors are tracebacks that show the values."""
        cls.append_builtin_config(cls.config_jsonschema)
        for name, schema in cls.config_jsonschema["properties"].items():
            variable = f"{cls._env_var_prefix}{name.upper()}"
            kinds = {*([schema["type"]] if isinstance(schema["type"], str) else schema["type"])}
            if variable in os.environ and "string" not in kinds:
                check_variable(variable, kinds - {"null"})

    @classmethod
    def invoke(cls, *, about: bool = False, about_format: str | None = None, **options: Any) -> None:  # Any: click's
        """Run the command and exit; a StripeFlowError ends it with one line and its exit code."""
        if about:
            cls.print_about(about_format)
            raise SystemExit(0)
        cls.log_address(options.get("config", _ConfigInput()))
        cls._warn_of_mistyped_variables(options.get("config", _ConfigInput()))
        raise SystemExit(cls.run_to_exit_code(lambda: cls.execute(**options)))

    @classmethod
    def log_address(cls, config: _ConfigInput) -> None:
        """Log the first line: the plugin's version, Stripe's address and the mode."""
        environment = os.environ if config.parse_env else {}
        key, url = (
            environment.get(f"{cls._env_var_prefix}{name.upper()}") or config.config.get(name)
            for name in ("api_key", "base_url")
        )
        cls.print_version(lambda version: cls.logger.info("%s, Stripe at %s", version, describe_address(url, key)))

    @classmethod
    def _warn_of_mistyped_variables(cls, config: _ConfigInput) -> None:
        """Only a warning, unlike a typo in a file: an environment also holds the variables of other programs."""
        known = cls.config_jsonschema["properties"] if config.parse_env else ()
        for message in mistyped_variables(cls._env_var_prefix, known, os.environ if known else {}):
            cls.logger.warning("%s", message)

    @classmethod
    def run_to_exit_code(cls, do: Callable[[], int]) -> int:
        """The exit code of `do`; an error is logged as one line."""
        try:
            return do()
        except StripeFlowError as error:
            return cls._log_error(error)
        except MappingError as error:
            return cls._log_error(
                Misconfigured(f"setting stream_maps: {str(error).rstrip('.')}: fix the setting or remove it")
            )
        except Exception as error:  # noqa: BLE001  # the edge of the process
            return cls._log_error(describe_unexpected(error))

    @classmethod
    def _log_error(cls, error: StripeFlowError) -> int:
        cls.logger.error("%s", error)
        return error.exit_code

    @classmethod
    def execute(cls, *args: Any, **options: Any) -> int:  # Any: each plugin names its own options
        """Run with the options of the command line; returns the exit code."""
        raise NotImplementedError

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Fill in defaults and check the settings; a message names the setting but does not show its value."""
        self._protect_secrets()
        self.append_builtin_config(self.config_jsonschema)
        self._convert_texts()
        required = [name for name in self.config_jsonschema.get("required", []) if name not in self.checked_later]
        validator = JSONSchemaValidator({**self.config_jsonschema, "required": required})
        problems = list(find_problems(self._config.get("stream_maps")))
        # The SDK's schema for stream maps is invalid: the check would end in its error.
        checked = {name: value for name, value in self._config.items() if name != "stream_maps" or not problems}
        prefix, *_ = find_prefixes(self.name, self.meltano_variables, os.environ)
        under_meltano = f"{self.meltano_variables}_NAME" in os.environ
        problems += [explain(each, prefix, under_meltano=under_meltano) for each in validator.iter_errors(checked)]
        self._config.update(checked)  # the check filled in defaults
        known = self.config_jsonschema["properties"]
        problems += [explain_unknown(name, known) for name in self._config if name not in known]
        self._check_unread_variables()
        if problems and raise_errors:
            raise Misconfigured("; ".join(problems))
        for problem in problems:
            self.logger.warning("%s", problem)
        return problems

    def _check_unread_variables(self) -> None:
        """Raises Misconfigured, also in discovery, when a setting in MUST_ARRIVE did not reach the plugin."""
        known = self.config_jsonschema["properties"]
        prefixes = find_prefixes(self.name, self.meltano_variables, os.environ)
        errors = []
        for setting, variable in find_unread(known, self._config, os.environ, prefixes):
            meltano_name = os.environ.get(f"{self.meltano_variables}_NAME")
            message = explain_unread(setting, variable, known[setting], meltano_name)
            if setting in MUST_ARRIVE:
                errors.append(message)
            else:
                self.logger.warning("%s", message)
        if errors:
            raise Misconfigured("; ".join(errors))

    def _convert_texts(self) -> None:
        """Convert the text that Meltano passes for fractions and booleans; the schema check reports any other text."""
        for name, schema in self.config_jsonschema["properties"].items():
            text, kinds = self._config.get(name), schema.get("type", "string")
            if not isinstance(text, str) or "string" in kinds:
                continue
            if "number" in kinds:
                with contextlib.suppress(ValueError):
                    self._config[name] = float(text)
            if "boolean" in kinds:
                words = dict.fromkeys(TRUTHY, True) | dict.fromkeys(FALSY, False)
                self._config[name] = words.get(text.strip().lower(), text)

    @classproperty
    def _env_var_config(cls) -> dict[str, Any]:  # noqa: N805  # Any: settings
        """Settings of exported variables only: the SDK would let a `.env` file in a folder above it override them."""
        cls.append_builtin_config(cls.config_jsonschema)
        return parse_environment_config(cls.config_jsonschema, cls._env_var_prefix, dotenv_path=os.devnull)

    def _protect_secrets(self) -> None:
        for name, schema in self.config_jsonschema["properties"].items():
            if schema.get("secret") and isinstance(self._config.get(name), str):
                redaction.protect(self._config[name])


def read_json_object(path: Path, option: str) -> Mapping[str, object]:
    """The JSON object in the file of `--{option}`. Raises ClickException (one line, exit 1) when there is none."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except OSError as error:
        raise click.ClickException(
            f"the {option} file {path} cannot be read ({error.strerror}): check the path after --{option}"
        ) from None
    except (ValueError, RecursionError):  # errors of JSON and of UTF-8; their text may quote a secret
        raise click.ClickException(f"the {option} file {path} is not JSON in UTF-8: fix the file") from None
    if not isinstance(value, dict):
        raise click.ClickException(f"the {option} file {path} must hold a JSON object, like {{}}")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def describe_unexpected(error: Exception) -> StripeFlowError:
    """An error that names the class and the line of `error`, never its text, which may name a person."""
    if isinstance(error, OSError) and error.strerror:
        return StripeFlowError(f"the operating system reported an error: {error.strerror.lower()}")
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return StripeFlowError(
        f"an unexpected {type(error).__name__} in {Path(frame.filename).name}, line {frame.lineno}. Nothing is lost: "
        "the next run does what this run did not report as done. Please report this line"
    )


def accept_missing_paths(command: click.Command, *names: str) -> None:
    """Let these options be plain texts: click exits with 2 for a missing file, and exit code 2 has another meaning."""
    for parameter in command.params:
        if parameter.name in names:
            parameter.type = click.STRING
