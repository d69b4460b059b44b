"""Keras on TensorFlow, or an error that says how to install it; all that trains has it from here."""

from __future__ import annotations

import os
from typing import Any

from ..errors import MissingExtraError


def import_keras() -> Any:
    """Keras on TensorFlow, quietly.

    Raises
    ------
    MissingExtraError
        If TensorFlow is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        import keras
        import tensorflow  # noqa: F401  Keras loads without its backend and then fails less clearly
    except ImportError as error:
        raise MissingExtraError("training", "train") from error
    return keras
