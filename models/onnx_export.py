"""Keras networks as files: ONNX to serve, and checkpoints to go on from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .keras_library import import_keras

if TYPE_CHECKING:
    import keras


def export_onnx(network: keras.Model, path: Path, *, n_samples: int) -> None:
    """Write the network for windows of `n_samples` as ONNX with one input, ``ecg``, and any batch.

    Weights that half precision holds exactly (see `round_weights`) are stored in it, which halves the file and
    changes nothing. Nor does the shortening of the names inside the graph.
    """
    keras = import_keras()
    x = keras.Input((n_samples, network.input_shape[-1]), name="ecg")
    fixed = keras.Model(x, network(x), name=network.name)
    quiet_export(fixed, path)
    _store_compactly(path)


def round_weights(network: keras.Model) -> None:
    """Round the weights, in place, to what half precision holds."""
    network.set_weights([weight.astype("float16").astype("float32") for weight in network.get_weights()])


def _store_compactly(path: Path) -> None:
    """Rewrite an ONNX file: exact weights in half precision, each with a cast that brings it back, and short names."""
    import numpy as np
    import onnx
    from onnx import numpy_helper

    model = onnx.load(path)
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        weight = numpy_helper.to_array(tensor)
        half = weight.astype(np.float16) if weight.dtype == np.float32 and weight.size > 64 else weight
        if half is weight or not np.array_equal(half.astype(np.float32), weight):
            continue
        name, stored = tensor.name, f"{tensor.name}_half"
        tensor.CopyFrom(numpy_helper.from_array(half, stored))
        casts.append(onnx.helper.make_node("Cast", [stored], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    kept = ("", *(value.name for value in (*graph.input, *graph.output)))  # an empty name is an input left out
    short = {name: name for name in kept}
    for tensor in graph.initializer:
        tensor.name = short.setdefault(tensor.name, f"v{len(short)}")
    for node in nodes:
        node.name = ""
        node.input[:] = [short.setdefault(name, f"v{len(short)}") for name in node.input]
        node.output[:] = [short.setdefault(name, f"v{len(short)}") for name in node.output]
    del graph.node[:], graph.value_info[:]
    graph.node.extend(nodes)
    onnx.save(model, path)


def quiet_export(network: keras.Model, path: Path) -> None:
    """Write the network as ONNX, with its own inputs and any batch."""
    import warnings

    keras = import_keras()
    nothing = [keras.ops.zeros((1, *x.shape[1:])) for x in network.inputs]
    network(nothing if len(nothing) > 1 else nothing[0])  # the exporter wants to have seen it run
    with warnings.catch_warnings():
        # tf2onnx asks NumPy for names that NumPy is about to give a new meaning
        warnings.filterwarnings("ignore", message="In the future `np", category=FutureWarning)
        network.export(path, format="onnx", verbose=False)


def save_checkpoint(network: keras.Model, path: Path) -> None:
    """Write the network as Keras has it, to go on from."""
    import warnings

    with warnings.catch_warnings():
        # Keras variables do not know NumPy 2's copy keyword yet, and h5py asks for it
        warnings.filterwarnings(
            "ignore", message="__array__ implementation doesn't accept", category=DeprecationWarning
        )
        network.save(path)
