"""Runs the tap inside this process, for tests with hundreds of short runs. HTTP and the messages are real."""

from __future__ import annotations

import contextlib
import io
import json
import logging
from collections.abc import Mapping
from pathlib import Path

from singer_sdk.plugin_base import _ConfigInput

from tap_stripe_flow.tap import TapStripeFlow
from tests.support.plugins import Ended, Message


def run_inside(
    folder: Path, config: Mapping[str, object], *, catalog: Message | None = None, state: Message | None = None
) -> Ended:
    """A run of the tap; the log has no times."""
    paths: dict[str, str] = {}
    for name, value in {"catalog": catalog, "state": state}.items():
        if value is not None:
            path = folder / f"{name}.json"
            path.write_text(json.dumps(value), encoding="utf-8")
            paths[name] = str(path)
    written, log = io.BytesIO(), io.StringIO()
    handler = logging.StreamHandler(log)
    handler.setFormatter(logging.Formatter("| %(levelname)-8s | %(name)s | %(message)s"))
    root = logging.getLogger()
    with contextlib.redirect_stdout(io.TextIOWrapper(written, encoding="utf-8")) as output:
        root.addHandler(handler)
        try:
            settings = _ConfigInput(config=dict(config))
            code = TapStripeFlow.run_to_exit_code(lambda: TapStripeFlow.execute(config=settings, **paths))
        except SystemExit as ended:
            code = int(str(ended.code))
        finally:
            root.removeHandler(handler)
        output.flush()
    return Ended(code=code, output=written.getvalue().decode("utf-8"), log=log.getvalue())
