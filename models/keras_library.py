"""Keras on TensorFlow, or an error that says how to install it; all that trains has it from here."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
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
        with _without_chatter():
            import keras
            import tensorflow  # Keras loads without its backend and then fails less clearly

            tensorflow.constant(0)  # what it has to say of devices, it says with its first operation
    except ImportError as error:
        raise MissingExtraError("training", "train") from error
    return keras


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Hold back what libraries write to standard error past Python, unless the block fails: then it may say why.

    TensorFlow's first lines, on what it was built with and which drivers it has not found, obey no setting.
    """
    try:
        sys.stderr.flush()
        kept = os.dup(2)
    except (AttributeError, OSError):  # there is no standard error
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(kept, 2)
            held.seek(0)
            os.write(2, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
