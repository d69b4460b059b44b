"""The record networks: what they are made of, and that ONNX says what Keras says."""

import numpy as np
import onnxruntime
import pytest

from ecg_stream.errors import RequestError

keras = pytest.importorskip("keras", reason="the networks need the extra [train]")

from ecg_stream.models.onnx_export import export_onnx, round_weights  # noqa: E402
from ecg_stream.models.record_networks import (  # noqa: E402
    ARCHITECTURES,
    average,
    build_record_network,
    record_front,
)


def shaken(network):
    """Move every weight off its start, so that batch norms and biases take part."""
    rng = np.random.default_rng(4)
    network.set_weights([w + np.abs(rng.normal(0.0, 0.05, w.shape)) for w in network.get_weights()])
    return network


@pytest.mark.parametrize(("arch", "n_leads"), [*((arch, 12) for arch in ARCHITECTURES), ("meanbeat", 1)])
def test_onnx_agrees_with_keras(tmp_path, arch, n_leads):
    keras.utils.set_random_seed(1)
    front = record_front(arch, fs=100, n_leads=n_leads)
    member = shaken(build_record_network(arch, fs=100, n_leads=n_leads))
    network = average([member], n_leads=n_leads, fronts={arch: front} if front else None)
    export_onnx(network, tmp_path / "model.onnx", n_samples=1000)
    x = np.random.default_rng(2).normal(0.0, 0.3, (5, 1000, n_leads)).astype(np.float32)
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    (taken,) = session.get_inputs()
    assert (taken.name, taken.shape[1:]) == ("ecg", [1000, n_leads])
    got = session.run(None, {"ecg": x})[0]
    np.testing.assert_allclose(got, np.asarray(network(x, training=False)), rtol=0, atol=1e-5)
    np.testing.assert_allclose(got.sum(axis=1), 1.0, atol=1e-5)


def test_the_mean_of_members_is_one_graph(tmp_path):
    members = [shaken(build_record_network("seresnet", fs=100, n_leads=1)) for _ in range(2)]
    mean = average(members, n_leads=1)
    export_onnx(mean, tmp_path / "model.onnx", n_samples=1000)
    assert (tmp_path / "model.onnx").stat().st_size < 2.7e6
    x = np.random.default_rng(2).normal(0.0, 0.3, (4, 1000, 1)).astype(np.float32)
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    expected = np.mean([np.asarray(member(x, training=False)) for member in members], axis=0)
    np.testing.assert_allclose(session.run(None, {"ecg": x})[0], expected, rtol=0, atol=1e-5)


def test_members_of_two_kinds_share_one_front(tmp_path):
    keras.utils.set_random_seed(2)
    arches = ("seresnet", "meanbeat", "meanbeat")
    members = [shaken(build_record_network(arch, fs=100, n_leads=1)) for arch in arches]
    front = record_front("meanbeat", fs=100, n_leads=1)
    x = np.random.default_rng(2).normal(0.0, 0.3, (5, 1000, 1)).astype(np.float32)
    apart = np.mean([np.asarray(m(x if i == 0 else front(x))) for i, m in enumerate(members)], axis=0)
    mean = average(members, n_leads=1, fronts={"meanbeat": front})
    assert mean.name == "seresnet-meanbeat"
    assert [layer.name for layer in mean.layers].count("mean_beat") == 1
    np.testing.assert_allclose(np.asarray(mean(x)), apart, atol=1e-6)


def test_rounded_weights_take_half_the_room_and_say_the_same(tmp_path):
    keras.utils.set_random_seed(3)
    network = shaken(build_record_network("cnn", fs=100, n_leads=1))
    x = np.random.default_rng(2).normal(0.0, 0.3, (4, 1000, 1)).astype(np.float32)
    before = np.asarray(network(x, training=False))
    export_onnx(network, tmp_path / "whole.onnx", n_samples=1000)
    round_weights(network)
    export_onnx(network, tmp_path / "half.onnx", n_samples=1000)
    whole, half = ((tmp_path / name).stat().st_size for name in ("whole.onnx", "half.onnx"))
    assert half < 0.6 * whole
    session = onnxruntime.InferenceSession(str(tmp_path / "half.onnx"), providers=["CPUExecutionProvider"])
    rounded = np.asarray(network(x, training=False))
    np.testing.assert_allclose(session.run(None, {"ecg": x})[0], rounded, rtol=0, atol=1e-5)
    np.testing.assert_allclose(rounded, before, rtol=0, atol=0.02)


@pytest.mark.parametrize("arch", ["cnn", "crnn", "seresnet", "slimcnn"])
def test_crops_and_500_hz_pass(arch):
    network = build_record_network(arch, fs=500, n_leads=1)
    for n in (2500, 5000):
        assert network(np.zeros((2, n, 1), np.float32)).shape == (2, 2)


def test_the_published_networks_are_as_published():
    def sizes(arch, kind):
        network = build_record_network(arch, fs=100, n_leads=1)
        layers = [layer for layer in network.layers if type(layer).__name__ == kind]
        return [layer.units if hasattr(layer, "units") else layer.filters for layer in layers]

    assert sizes("cnn", "Conv1D") == [32, 64, 128]
    assert sizes("cnn", "Dense") == [64, 2]
    assert len(sizes("crnn", "Conv1D")) == 2
    assert sizes("crnn", "LSTM") == [64]
    assert sizes("crnn", "Dense") == [128, 2]


def test_an_unknown_architecture_is_refused():
    with pytest.raises(
        RequestError, match=r"no architecture 'vgg' for records: valid are cnn, crnn, seresnet, slimcnn"
    ):
        build_record_network("vgg", fs=100, n_leads=1)
