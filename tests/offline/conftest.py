"""TensorFlow without graphs: of a training of a few steps, tracing them takes nearly all the time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture
def eagerly() -> Iterator[None]:
    """Train step by step, in the same arithmetic; what exports a network still traces it."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
