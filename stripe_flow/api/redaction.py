"""Hides keys and card numbers in log records, exceptions and tracebacks, and completes the commands of messages.

Meltano replaces all handlers and formatters of a plugin (`SINGER_SDK_LOG_CONFIG`), so a filter on one of them would be
lost. The factory that makes log records is not replaced. It does not see `extra={…}`, which is set after the factory
ran: `stripe_flow.singer.run_log` calls `redact` on what it passes there.
"""

from __future__ import annotations

import base64
import logging
import re
import sys
import threading
from contextlib import suppress
from types import TracebackType
from typing import Any

from stripe_flow.api.card_numbers import mask_card_numbers
from stripe_flow.api.commands import complete_commands

MASK = "[redacted]"
# Keys of all kinds, webhook secrets, and the header that carries a key.
_PATTERN = re.compile(r"\b(?:[srp]k_(?:live|test)|whsec)_\w+|\b(?:Basic|Bearer)\s+[A-Za-z0-9+/=_.-]{8,}")
_KEPT = re.compile(r"^((?:[srp]k_(?:live|test)|whsec)_|Basic|Bearer)")
# A shorter "secret" would blank out ordinary words.
_SHORTEST = 8

_secrets: set[str] = set()
_install_lock = threading.Lock()


def protect(secret: str) -> None:
    """Hide this text wherever it appears: a mistyped key does not match the pattern of keys."""
    stripped = secret.strip()
    if len(stripped) >= _SHORTEST:
        _secrets.update({stripped, base64.b64encode(f"{stripped}:".encode()).decode().rstrip("=")})


def protect_quoted(name: str) -> None:
    """Hide this text wherever it is in double quotes, as databases quote names: it may be an ordinary word."""
    if name:
        _secrets.add(f'"{name}"')


def redact(text: str) -> str:
    """`text` with every secret and card number replaced; the kind of a key (`sk_test_`) stays readable."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return mask_card_numbers(_PATTERN.sub(_mask, text))


def _mask(match: re.Match[str]) -> str:
    kept = _KEPT.match(match[0])
    return f"{kept[0] if kept else ''}{MASK}"


def scrub(error: BaseException) -> None:
    """Redact the arguments of `error`, its causes and its contexts, in place."""
    _scrub(error, set())


def _scrub(error: BaseException | None, seen: set[int]) -> None:
    """`seen` holds the ids of finished exceptions: causes and contexts may form a cycle."""
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    error.args = tuple(_walk(argument, seen) for argument in error.args)
    _scrub(error.__cause__, seen)
    _scrub(error.__context__, seen)


def install() -> None:
    """Redact every log record and every uncaught traceback of this process from now on. Idempotent."""
    with _install_lock:
        # urllib3 logs whole URLs, and a query may name a person.
        logging.getLogger("urllib3").propagate = False
        base = logging.getLogRecordFactory()
        if not isinstance(base, _RedactingFactory):
            logging.setLogRecordFactory(_RedactingFactory(base))
        if not isinstance(sys.excepthook, _RedactingHook):
            sys.excepthook = _RedactingHook(sys.excepthook)


class _RedactingFactory:
    def __init__(self, base: Any) -> None:  # Any: the standard library types the factory so
        self._base = base

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:  # Any: passed through untouched
        record: logging.LogRecord = self._base(*args, **kwargs)
        record.msg, record.args = _walk(record.msg, set()), _walk(record.args, set())
        with suppress(TypeError, ValueError):  # the arguments do not fit: `logging` reports it when it formats
            if "`stripe-flow " in (message := record.getMessage()):
                record.msg, record.args = complete_commands(message), ()
        if record.exc_info and record.exc_info[1] is not None:
            scrub(record.exc_info[1])
        return record


class _RedactingHook:
    def __init__(self, base: Any) -> None:  # Any: the hook that was installed before
        self._base = base

    def __call__(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        scrub(error)
        self._base(kind, error, trace)


def _walk(value: Any, seen: set[int]) -> Any:  # Any: log arguments are of any type
    """Redact strings, and those inside containers and exceptions; any other value is returned as it is."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, BaseException):
        _scrub(value, seen)
        return value
    if type(value) is dict:
        return {key: _walk(inner, seen) for key, inner in value.items()}
    if type(value) in {list, tuple}:
        return type(value)(_walk(inner, seen) for inner in value)
    return value
