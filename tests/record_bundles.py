"""Record models small enough to follow by hand: IMI is probable where the first lead goes far below zero."""

from pathlib import Path

import onnx
from onnx import TensorProto, helper

from ecg_stream.models.bundle import Card, write_card
from ecg_stream.stream.strip.input import PREPROCESSING


def write_bundle(folder: Path, *, leads: tuple[str, ...] = ("I",), rate: int = 100, **changes: object) -> Path:
    """Write a model whose probability of IMI is ``sigmoid(-10 (lowest sample of the first lead + 0.6 mV))``."""
    folder.mkdir(parents=True)
    shape = [None, 10 * rate, len(leads)]
    nodes = [
        helper.make_node("Gather", ["ecg", "zero"], ["lead"], axis=2),
        helper.make_node("ReduceMin", ["lead"], ["lowest"], axes=[1], keepdims=1),  # the scalar index dropped the leads
        helper.make_node("Mul", ["lowest", "minus_ten"], ["scaled"]),
        helper.make_node("Sub", ["scaled", "six"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["p"]),
        helper.make_node("Sub", ["one", "p"], ["q"]),
        helper.make_node("Concat", ["q", "p"], ["probability"], axis=1),
    ]
    constants = [
        helper.make_tensor("zero", TensorProto.INT64, [], [0]),
        helper.make_tensor("minus_ten", TensorProto.FLOAT, [1], [-10.0]),
        helper.make_tensor("six", TensorProto.FLOAT, [1], [6.0]),
        helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0]),
    ]
    graph = helper.make_graph(
        nodes,
        "lowest",
        [helper.make_tensor_value_info("ecg", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, [None, 2])],
        constants,
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), folder / "model.onnx"
    )
    fields: dict[str, object] = {
        "name": folder.name,
        "task": "record",
        "arch": "lowest",
        "classes": ("NORM", "IMI"),
        "input_name": "ecg",
        "input_shape": tuple(shape),
        "preprocessing": PREPROCESSING,
        "sampling_rate_hz": float(rate),
        "thresholds": {"youden": 0.5, "max_correct": 0.6},
        "leads": leads,
    }
    write_card(folder, Card(**{**fields, **changes}))  # type: ignore[arg-type]
    return folder
