"""The edge of a plugin's process: every failure is one line on stderr and an exit code, never a traceback.

A mix-in before the SDK's `Tap` or `Target`. Its overrides of private names of singer-sdk 0.54 (each with a test):
`_validate_config`, because the SDK's own messages repeat the value of a setting, and a value may be a secret.
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
from stripe_flow.api.connection import address
from stripe_flow.api.errors import Misconfigured, StripeFlowError
from stripe_flow.api.spelling import mistyped_variables
from stripe_flow.singer.environment import FALSY, MUST_ARRIVE, advice, prefixes, unheard
from stripe_flow.singer.explanations import explain, unknown


class PluginCommand(PluginBase):
    """Clear messages and documented exit codes for a Singer plugin.

    `meltano_variables` is what the variables begin with in which Meltano tells a plugin its name and namespace.
    """

    meltano_variables: ClassVar[str]

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: the SDK's arguments, passed through
        with warnings.catch_warnings():
            # From half a year before the end of a Python the SDK would add two lines to every log.
            warnings.filterwarnings("ignore", message=".* end of life", category=FutureWarning)
            super().__init__(*args, **kwargs)

    @classmethod
    def get_singer_command(cls) -> click.Command:
        redaction.install()
        return super().get_singer_command()

    @classmethod
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> _ConfigInput:
        for path in value:
            if path == "ENV":
                cls._check_environment()
            else:
                check_json_object(Path(path), "config")
        return super().cb_config(ctx, param, value)

    @classmethod
    def _check_environment(cls) -> None:
        """The SDK parses these values, and its errors are tracebacks that show them."""
        cls.append_builtin_config(cls.config_jsonschema)
        for name, schema in cls.config_jsonschema["properties"].items():
            variable = f"{cls._env_var_prefix}{name.upper()}"
            kinds = {*([schema["type"]] if isinstance(schema["type"], str) else schema["type"])}
            if variable in os.environ and "string" not in kinds:
                _check_variable(variable, kinds - {"null"})

    @classmethod
    def invoke(cls, *, about: bool = False, about_format: str | None = None, **options: Any) -> None:  # Any: click's
        """Run the command and exit; a StripeFlowError ends it with one line and its exit code."""
        if about:
            cls.print_about(about_format)
            raise SystemExit(0)
        cls.introduce(options.get("config", _ConfigInput()))
        cls._warn_of_variables(options.get("config", _ConfigInput()))
        raise SystemExit(cls.ended(lambda: cls.execute(**options)))

    @classmethod
    def introduce(cls, config: _ConfigInput) -> None:
        """The first line of a log: which Stripe is going to be asked, and in which mode."""
        environment = os.environ if config.parse_env else {}
        key, url = (
            environment.get(f"{cls._env_var_prefix}{name.upper()}") or config.config.get(name)
            for name in ("api_key", "base_url")
        )
        cls.print_version(lambda version: cls.logger.info("%s, Stripe at %s", version, address(url, key)))

    @classmethod
    def _warn_of_variables(cls, config: _ConfigInput) -> None:
        """Not an error, as a typo in a file is: an environment holds what others have put there, too."""
        known = cls.config_jsonschema["properties"] if config.parse_env else ()
        for told in mistyped_variables(cls._env_var_prefix, known, os.environ if known else {}):
            cls.logger.warning("%s", told)

    @classmethod
    def ended(cls, do: Callable[[], int]) -> int:
        """The exit code of `do`; what it raises is one line."""
        try:
            return do()
        except StripeFlowError as error:
            return cls._say(error)
        except MappingError as error:
            return cls._say(Misconfigured(f"setting stream_maps: {str(error).rstrip('.')}: mend it, or leave it out"))
        except BrokenPipeError:
            raise  # the reader is gone, and click ends quietly
        except Exception as error:  # noqa: BLE001  # the edge of the process
            return cls._say(unexpected(error))

    @classmethod
    def _say(cls, error: StripeFlowError) -> int:
        cls.logger.error("%s", error)
        return error.exit_code

    @classmethod
    def execute(cls, *args: Any, **options: Any) -> int:  # Any: each plugin names its own options
        """Do what the command line says; the exit code."""
        raise NotImplementedError

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Fill in defaults and check the settings; what is wrong is named, its value is not shown."""
        self._protect_secrets()
        self.append_builtin_config(self.config_jsonschema)
        self._read_texts()
        validator = JSONSchemaValidator(self.config_jsonschema)
        problems = [explain(error, self._env_var_prefix) for error in validator.iter_errors(self._config)]
        known = self.config_jsonschema["properties"]
        problems += [unknown(name, known) for name in self._config if name not in known]
        self._check_arrival()
        if problems and raise_errors:
            raise Misconfigured("; ".join(problems))
        for problem in problems:
            self.logger.warning("%s", problem)
        return problems

    def _check_arrival(self) -> None:
        """Raises Misconfigured where a variable names a setting that did not arrive; in discovery, too."""
        known = self.config_jsonschema["properties"]
        before = prefixes(self.name, self.meltano_variables, os.environ)
        stops = []
        for setting, variable in unheard(known, self._config, os.environ, before):
            told = advice(setting, variable, known[setting], os.environ.get(f"{self.meltano_variables}_NAME"))
            if setting in MUST_ARRIVE:
                stops.append(told)
            else:
                self.logger.warning("%s", told)
        if stops:
            raise Misconfigured("; ".join(stops))

    def _read_texts(self) -> None:
        """Fractions, yes and no come as text from Meltano; what is none of these is told by the schema."""
        for name, schema in self.config_jsonschema["properties"].items():
            text = self._config.get(name)
            if isinstance(text, str) and schema.get("type") == "number":
                with contextlib.suppress(ValueError):
                    self._config[name] = float(text)
            if isinstance(text, str) and schema.get("type") == "boolean":
                words = dict.fromkeys(TRUTHY, True) | dict.fromkeys(FALSY, False)
                self._config[name] = words.get(text.strip().lower(), text)

    @classproperty
    def _env_var_config(cls) -> dict[str, Any]:  # noqa: N805  # Any: settings
        """What is exported, and no more: the SDK would let a `.env` file in any folder above it overrule that."""
        cls.append_builtin_config(cls.config_jsonschema)
        return parse_environment_config(cls.config_jsonschema, cls._env_var_prefix, dotenv_path=os.devnull)

    def _protect_secrets(self) -> None:
        for name, schema in self.config_jsonschema["properties"].items():
            if schema.get("secret") and isinstance(self._config.get(name), str):
                redaction.protect(self._config[name])


_TYPES: Mapping[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int, float),
    "array": (list,),
    "object": (dict,),
}


def _check_variable(variable: str, kinds: set[str]) -> None:
    if "boolean" in kinds:
        # The SDK takes what is none of its words for yes as a no: `dry_run: ture` would move money.
        if os.environ[variable].lower() not in {*TRUTHY, *FALSY}:
            raise click.ClickException(f"the environment variable {variable} must be true or false")
        return
    try:
        is_right = type(json.loads(os.environ[variable])) in {each for kind in kinds for each in _TYPES[kind]}
    except (ValueError, RecursionError):
        is_right = False
    if not is_right:
        raise click.ClickException(f"the environment variable {variable} must be JSON: {' or '.join(sorted(kinds))}")


def check_json_object(path: Path, what: str) -> Mapping[str, object]:
    """The object in a file that the command line names; exit 1 with one line where there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant)
    except OSError as error:
        raise click.ClickException(
            f"the {what} file {path} cannot be read ({error.strerror}): check the path after --{what}"
        ) from None
    except (ValueError, RecursionError):  # JSON and UTF-8 errors alike; their text may quote a secret
        raise click.ClickException(f"the {what} file {path} is not JSON in UTF-8: mend it") from None
    if not isinstance(found, dict):
        raise click.ClickException(f"the {what} file {path} must hold a JSON object, like {{}}")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def unexpected(error: Exception) -> StripeFlowError:
    """Words for what nobody foresaw: where it happened and its class, never its text, which may name a person."""
    if isinstance(error, OSError) and error.strerror:
        return StripeFlowError(f"the system refused something: {error.strerror.lower()}")
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return StripeFlowError(
        f"an unexpected {type(error).__name__} in {Path(frame.filename).name}, line {frame.lineno}. Nothing is lost: "
        "what is not reported as done will be done by the next run. Please report this line"
    )


def take_paths(command: click.Command, *names: str) -> None:
    """Let these options be plain paths: click would end with 2 for a missing file, which means something else here."""
    for parameter in command.params:
        if parameter.name in names:
            parameter.type = click.STRING
