"""SIGHUP: the terminal of the process was closed. The SDK leaves it to the system, which would cut a line of output."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType


def handle_hangup(handler: Callable[[int, FrameType | None], object]) -> None:
    """Let `handler` handle SIGHUP, unless it is ignored, as under `nohup`. Only the main thread can do so."""
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, handler)
