"""A program that says what it was started with, and ends or waits as it is told."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading


def main() -> None:
    """Print what a start gave us, then do the word."""
    umask = os.umask(0)
    seen = {
        "pid": os.getpid(),
        "arguments": sys.argv[1:],
        "module": getattr(sys.modules["__main__"].__spec__, "name", None),
        "settings": dict(os.environ),
        "folder": os.getcwd(),  # noqa: PTH109 - a name that is gone is an error there
        "umask": umask,
        "leads_session": os.getsid(0) == os.getpid(),
        "files": len(os.listdir("/proc/self/fd")),  # noqa: PTH208
        "hears_ctrl_c": signal.getsignal(signal.SIGINT) is signal.default_int_handler,
        "threads": threading.active_count(),
        "stdin": sys.stdin.read(),
    }
    sys.stdout.write(json.dumps(seen) + "\n")
    sys.stderr.write("to stderr\n")
    if sys.argv[1] == "wait":
        sys.stdout.flush()
        signal.pause()
    sys.exit(int(sys.argv[1]))


if __name__ == "__main__":
    main()
