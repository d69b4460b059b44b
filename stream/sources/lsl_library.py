"""pylsl, imported where it is needed; liblsl's own messages are kept from the terminal."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ...errors import MissingExtraError

_SETTINGS = ("lsl_api.cfg", "~/lsl_api/lsl_api.cfg", "/etc/lsl_api/lsl_api.cfg")


def load_pylsl() -> Any:
    """Import pylsl.

    Raises
    ------
    MissingExtraError
        If it, or the library that it stands on, is not installed.
    """
    try:
        import pylsl
    except (ImportError, RuntimeError):  # a RuntimeError where liblsl is not found
        raise MissingExtraError("Lab Streaming Layer", "lsl") from None
    theirs = "LSLAPICFG" in os.environ or any(Path(each).expanduser().exists() for each in _SETTINGS)
    if not theirs and hasattr(pylsl, "set_config_content"):
        pylsl.set_config_content("[log]\nlevel = -3\n")  # else it tells of its version and of lost streams
    return pylsl
