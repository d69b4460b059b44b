"""Running a bundle's network with ONNX Runtime: loaded from what the hash covers, and tried once before it is used."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import BundleError
from .bundle import Bundle

_EXTERNAL = b"\x0a\x08location"  # the key that says in which other file the weights of a layer are
MOST_INPUTS = 10_000_000  # numbers that a network takes at once


Beside: TypeAlias = Mapping[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]]
"""Further inputs of a network, by name: what makes their rows of those of the first one."""

NOTHING: Beside = MappingProxyType({})


def inference_session(bundle: Bundle, rows: int = 1, model: bytes = b"", beside: Beside = NOTHING) -> Any:
    """Give the ONNX Runtime session of the bundle's network, on one thread.

    Parameters
    ----------
    bundle
        Checked.
    rows
        How many the network must take at once; it is tried with so many.
    model, beside
        The network in other bytes, made of the bundle's, and its inputs but the first one.

    Raises
    ------
    BundleError
        If ONNX Runtime cannot read the weights, some of them are in files that the hash in the card does not cover, or
        what the network gives for a known input are no probabilities of the card's classes.
    """
    import onnxruntime

    content = bundle.content()
    if _EXTERNAL in content:
        raise BundleError(
            f"bundle {bundle.folder}: {bundle.card.weights} has weights in other files, which its sha256 does not "
            "cover: valid is a network in one file"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(model or content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises classes of its own that share no public base
        raise BundleError(
            f"bundle {bundle.folder}: ONNX Runtime cannot read {bundle.card.weights}: {str(error).splitlines()[0]}"
        ) from error
    _try(session, bundle, rows, beside)
    return session


def checked(probabilities: Any, n_rows: int, n_classes: int, name: str) -> NDArray[np.float64]:
    """Give what a network gave, ``(n_rows, n_classes)``.

    Raises
    ------
    BundleError
        If it is of another shape, or not finite.
    """
    given = np.asarray(probabilities, dtype=np.float64)
    if given.shape != (n_rows, n_classes):
        raise BundleError(f"model {name} gave shape {given.shape}: valid is ({n_rows}, {n_classes})")
    if not np.isfinite(given).all():
        raise BundleError(f"model {name} gave what is no probability (NaN or infinite)")
    return given


def _try(session: Any, bundle: Bundle, rows: int, beside: Beside) -> None:
    """Run the network on zeros and on a ramp."""
    inputs = [each for each in session.get_inputs() if each.name not in beside]
    outputs = session.get_outputs()
    if len(inputs) != 1 or len(outputs) != 1:
        raise BundleError(
            f"bundle {bundle.folder}: the network has {len(inputs)} inputs and {len(outputs)} outputs: "
            "valid is one of each"
        )
    shape = (rows, *(size if isinstance(size, int) else 1 for size in inputs[0].shape[1:]))
    if math.prod(shape) > MOST_INPUTS:
        raise BundleError(f"bundle {bundle.folder}: the network takes {shape}: valid are up to {MOST_INPUTS} numbers")
    for x in (np.zeros(shape, np.float32), np.linspace(-1.0, 1.0, math.prod(shape), dtype=np.float32).reshape(shape)):
        try:
            (given,) = session.run(None, {inputs[0].name: x, **{name: give(x) for name, give in beside.items()}})
        except Exception as error:  # see above
            raise BundleError(
                f"bundle {bundle.folder}: the network fails on a known input: {str(error).splitlines()[0]}"
            ) from error
        probabilities = checked(given, rows, len(bundle.card.classes), str(bundle.folder))
        if (probabilities < -1e-6).any() or not np.allclose(probabilities.sum(axis=1), 1.0, atol=1e-3):
            raise BundleError(f"bundle {bundle.folder}: what the network gives does not add up to one")
