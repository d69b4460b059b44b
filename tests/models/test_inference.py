"""A bundle is tried once, when it is loaded: what it cannot do is said in one line, and not found out by a patient."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from ecg_stream.cli.app import run
from ecg_stream.errors import BundleError
from ecg_stream.models.bundle import SHIPPED, read_card, shipped_names, write_card
from ecg_stream.stream.beats.classifier import BeatClassifier
from ecg_stream.stream.beats.features import NAMES
from ecg_stream.stream.beats.quality import load_quality
from ecg_stream.stream.qrs.detector import load_network
from ecg_stream.stream.rhythm.forest import load_forest
from ecg_stream.stream.strip.model import load_record_model


def write_onnx(path: Path, nodes: list[onnx.NodeProto], outputs: int = 1, classes: int = 5) -> None:
    """A network of 50 features; `nodes` make ``out0`` and so on of ``x``, and of ``ones``, ``(50, classes)``."""
    values = [helper.make_tensor_value_info(f"out{k}", TensorProto.FLOAT, [None, classes]) for k in range(outputs)]
    ones = numpy_helper.from_array(np.ones((50, classes), np.float32), "ones")
    zero = helper.make_tensor("zero", TensorProto.FLOAT, [1], [0.0])
    x = helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, 50])
    graph = helper.make_graph(nodes, "made", [x], values, [ones, zero])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)


def product(out: str = "product") -> onnx.NodeProto:
    return helper.make_node("MatMul", ["features", "ones"], [out])


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED / "dense", tmp_path / "bundle"))


def refused(folder: Path) -> str:
    write_card(folder, read_card(folder))
    with pytest.raises(BundleError) as told:
        BeatClassifier(folder)
    assert "\n" not in str(told.value)
    return str(told.value)


def test_shipped_bundles_pass() -> None:
    for name in shipped_names():
        loaders: dict[str, Callable[[str], object]] = {
            "beat": BeatClassifier,
            "detector": load_network,
            "record": load_record_model,
            "quality": load_quality,
            "rhythm": lambda name: load_forest(
                name, read_card(SHIPPED / name).preprocessing, (*read_card(SHIPPED / name).features,)
            ),
        }
        loaders[read_card(SHIPPED / name).task](name)


def test_good(bundle: Path) -> None:
    write_onnx(bundle / "model.onnx", [product(), helper.make_node("Softmax", ["product"], ["out0"])])
    write_card(bundle, read_card(bundle))
    assert BeatClassifier(bundle)(np.zeros((3, len(NAMES)), np.float32)).shape == (3, 5)


def test_not_a_number(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It labelled everything N, with exit code 0."""
    write_onnx(
        bundle / "model.onnx",
        [
            product(),
            helper.make_node("Div", ["zero", "zero"], ["nan"]),
            helper.make_node("Mul", ["product", "nan"], ["out0"]),
        ],
    )
    assert "no probability (NaN or infinite)" in refused(bundle)
    assert run(["replay", "demo", "--speed", "max", "--end", "5", "--model", str(bundle)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_not_a_number_for_some_beats_only(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = BeatClassifier(bundle)

    class Broken:
        def run(self, *_: object) -> list[NDArray[np.float32]]:
            return [np.full((16, 5), np.nan, np.float32)]

    monkeypatch.setattr(classifier, "_session", Broken())
    with pytest.raises(BundleError, match=f"model {classifier.name} gave what is no probability"):
        classifier(np.zeros((3, len(NAMES)), np.float32))


def test_two_outputs(bundle: Path) -> None:
    write_onnx(bundle / "model.onnx", [product("out0"), helper.make_node("Softmax", ["out0"], ["out1"])], outputs=2)
    assert "1 inputs and 2 outputs: valid is one of each" in refused(bundle)


def test_other_classes(bundle: Path) -> None:
    write_onnx(bundle / "model.onnx", [product(), helper.make_node("Softmax", ["product"], ["out0"])], classes=4)
    assert "gave shape (16, 4): valid is (16, 5)" in refused(bundle)


def test_no_probabilities(bundle: Path) -> None:
    write_onnx(bundle / "model.onnx", [product("out0")])
    assert "does not add up to one" in refused(bundle)


def test_weights_beside_the_file_that_the_hash_covers(bundle: Path) -> None:
    write_onnx(bundle / "model.onnx", [product(), helper.make_node("Softmax", ["product"], ["out0"])])
    model = onnx.load(bundle / "model.onnx")
    onnx.save(model, bundle / "model.onnx", save_as_external_data=True, location="more.bin", size_threshold=0)
    assert (bundle / "more.bin").is_file()
    assert "has weights in other files" in refused(bundle)


@pytest.mark.parametrize(
    "change",
    [
        {"b1": (128,)},
        {"w2": (128, 32)},
        {"w2": (256, 0)},
        {"b2": (96,)},
        {"b2": (100,)},
        {"w3": (64,)},
        {"b1": (2, 128)},
        {"w1": ()},
        {"b3": (2,)},
    ],
)
def test_layers_of_the_detector_that_do_not_fit_each_other(tmp_path: Path, change: dict[str, tuple[int, ...]]) -> None:
    """Compiled loops read past their ends."""
    folder = Path(shutil.copytree(SHIPPED / "qrs", tmp_path / "bundle"))
    with np.load(folder / "weights.npz") as arrays:
        layers = dict(arrays)
    layers |= {name: np.zeros(shape, np.float32) for name, shape in change.items()}
    np.savez(folder / "weights.npz", **layers)
    write_card(folder, read_card(folder))
    with pytest.raises(BundleError):
        load_network(str(folder))


def test_a_detector_of_no_numbers(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(SHIPPED / "qrs", tmp_path / "bundle"))
    with np.load(folder / "weights.npz") as arrays:
        layers = dict(arrays)
    layers["b1"] = np.full_like(layers["b1"], np.nan)
    np.savez(folder / "weights.npz", **layers)
    write_card(folder, read_card(folder))
    with pytest.raises(BundleError, match="no number"):
        load_network(str(folder))
    (folder / "weights.npz").write_bytes(b"PK\x03\x04 no archive")
    write_card(folder, read_card(folder))
    with pytest.raises(BundleError, match="cannot read"):
        load_network(str(folder))
