"""Runs a command and reports its pid, and at its end what it used: `python -I -S small.py FD COMMAND …`.

On Linux the peak memory of a process starts at that of the process that forked it, so the parent must be smaller than
its child. This one imports next to nothing and has 10 MB; the process that reads the figures may have any size.
"""

from __future__ import annotations

import json
import os
import sys


def main() -> None:
    report, command = int(sys.argv[1]), sys.argv[2:]
    child = os.fork()
    if child == 0:
        os.close(report)
        try:
            os.execvp(command[0], command)
        finally:
            os._exit(127)
    for stream in (0, 1):  # so that readers of the command's output see its end
        os.close(stream)
    os.write(report, b"%d\n" % child)
    _, status, used = os.wait4(child, 0)
    # getrusage counts in KiB on Linux and in bytes on macOS.
    peak_bytes = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    figures = {"code": os.waitstatus_to_exitcode(status), "cpu_s": used.ru_utime + used.ru_stime}
    os.write(report, json.dumps(figures | {"peak_bytes": peak_bytes}).encode())


if __name__ == "__main__":
    main()
