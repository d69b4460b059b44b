"""Ray, or an error that says how to install it; all other modules have it from here."""

from __future__ import annotations

import os

from ..errors import MissingExtraError

os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # Ray warns of the other setting

try:
    import ray
except ImportError:
    raise MissingExtraError("a fleet", "fleet") from None

__all__ = ["ray"]
