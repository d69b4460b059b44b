"""``python -m ecg_stream`` and ``ecg-stream``: the command, which Ctrl-C ends quietly from the first moment on."""

import os
import signal
import sys
from types import FrameType


def main() -> None:
    """Entry point of `ecg-stream`."""
    signal.signal(signal.SIGINT, _leave)  # half a second is spent on imports, where a traceback helps nobody
    from .cli.app import main as command

    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        command()
    except KeyboardInterrupt:
        sys.exit(130)


def _leave(_number: int, _frame: FrameType | None) -> None:
    os._exit(130)


if __name__ == "__main__":
    main()
