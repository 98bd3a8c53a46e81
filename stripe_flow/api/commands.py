"""The commands that a message names, completed so that one can copy them.

A message has a command between backticks, such as `stripe-flow journal list --state parked`. What only the process
knows, its settings or its plugin's name under Meltano, is added where messages leave the process: in the log, in the
errors and findings of the operator's command, and in the rejects file.

A library that is missing is named itself, never as an extra of this package, which no package index has.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from contextlib import suppress

# Words in capitals after it are for the person to fill in.
_COMMAND = re.compile(r"`stripe-flow (?P<name>journal|doctor|slices)(?P<rest>(?: [^`]*)?)`")
_KEY = re.compile(r"(?<=`stripe-flow journal )(retry|settle|show|forget) KEY\b")
# Meltano sets it for a loader and for the commands of its plugin.
_PLUGIN = "MELTANO_LOADER_NAME"
# It sets these for every plugin. Another environment may have another journal.
_ENVIRONMENT, _DEFAULT_ENVIRONMENT = "MELTANO_ENVIRONMENT", "MELTANO_DEFAULT_ENVIRONMENT"

_config: list[str] = []


def use_config(options: Sequence[str]) -> None:
    """Name these values of `--config` in the commands of all messages from now on."""
    _config[:] = options


def config_options() -> Sequence[str]:
    """The values of `--config` of this process."""
    return tuple(_config)


def complete_commands(text: str) -> str:
    """`text` with the options that its commands need: `--config` of this process, or Meltano's way to run them."""
    return _COMMAND.sub(_complete, text)


def with_key(text: str, key: str) -> str:
    """`text` with KEY of its journal commands replaced."""
    return _KEY.sub(lambda match: f"{match[1]} {key}", text)


def install_hint(*requirements: str) -> str:
    """How to add libraries that most users do without; Meltano has an environment of its own for each plugin."""
    command = shlex.join(["pip", "install", *requirements])
    return (
        f"`{command}` where stripe-flow is installed; under Meltano write {' '.join(requirements)} after the plugin's "
        "pip_url and run `meltano install`"
    )


def _complete(match: re.Match[str]) -> str:
    name, rest = match["name"], match["rest"]
    plugin = os.environ.get(_PLUGIN)
    if plugin and name == "journal":
        return f"`meltano {_environment_option()}invoke {shlex.quote(plugin)}:{name}{rest}`"
    options = "".join(f" --config {shlex.quote(each)}" for each in _config)
    before, after = _split_options(rest)
    return match[0] if before is None or "--config" in before else f"`stripe-flow {name}{before}{options}{after}`"


def _environment_option() -> str:
    name = os.environ.get(_ENVIRONMENT)
    is_default = name == os.environ.get(_DEFAULT_ENVIRONMENT)
    return "" if not name or is_default else f"--environment={shlex.quote(name)} "


def _split_options(rest: str) -> tuple[str | None, str]:
    """The text before and from the end of the options, ` -- `; None for text that no shell would read."""
    parts = rest.split(" -- ")
    for count in range(1, len(parts) + 1):
        before = " -- ".join(parts[:count])
        with suppress(ValueError):  # it ends inside quotes
            shlex.split(before)
            return before, rest.removeprefix(before)
    return None, rest
