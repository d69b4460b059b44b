import numpy as np
import pytest

from ecg_stream.errors import RequestError
from ecg_stream.models.beat_networks import ARCHITECTURES, BASELINES, build_beat_network
from ecg_stream.models.onnx_export import quiet_export
from ecg_stream.models.stacked import Member, mean_of
from ecg_stream.stream.beats.features import NAMES, columns

CONTEXT = tuple(NAMES[index] for index in columns(["rr", "template"]))
WINDOW = tuple(NAMES[index] for index in columns(["window"]))


def _network(arch, names=None):
    names = names or (WINDOW if arch in BASELINES else CONTEXT)
    return build_beat_network(arch, names, np.zeros(len(names), "f"), np.ones(len(names), "f")), len(names)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_the_exported_network_agrees_with_keras(arch, tmp_path):
    import onnxruntime

    network, width = _network(arch)
    x = np.random.default_rng(0).standard_normal((7, width)).astype("f")
    quiet_export(network, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    (served,) = session.run(None, {session.get_inputs()[0].name: x})
    np.testing.assert_allclose(served, network.predict(x, verbose=0), atol=1e-5)
    np.testing.assert_allclose(served.sum(axis=1), 1.0, atol=1e-5)


def test_the_dense_baseline_is_the_published_one():
    network, _ = _network("dense")
    assert [layer.units for layer in network.layers if hasattr(layer, "units")] == [64, 32, 16, 5]


def test_an_artefact_is_no_worse_than_the_limit():
    network, width = _network("context")
    far, farther = np.full((1, width), 1e3, "f"), np.full((1, width), 1e6, "f")
    np.testing.assert_array_equal(network.predict(far, verbose=0), network.predict(farther, verbose=0))


def test_s_is_told_by_rhythm_and_not_by_the_wave():
    names = tuple(NAMES[index] for index in columns(["wave1", "rr", "template"]))
    network, width = _network("context", names)
    x = np.zeros((2, width), "f")
    x[1, :50] = np.random.default_rng(1).standard_normal(50)  # another wave, the same rhythm
    logits = np.log(network.predict(x, verbose=0))
    # The S logit stands still: against it, the others share one change of normalization only if they stand still too.
    assert not np.allclose(logits[1, 2:] - logits[1, 1], logits[0, 2:] - logits[0, 1], atol=1e-3)
    layer = next(layer for layer in network.layers if layer.name.startswith("concatenate"))
    before_softmax = type(network)(network.input, layer.output)
    s_logit = before_softmax.predict(x, verbose=0)[:, 1]
    assert s_logit[0] == pytest.approx(s_logit[1], abs=1e-6)


@pytest.mark.parametrize(("arch", "names"), [("context", CONTEXT), ("context", WINDOW), ("dense", WINDOW)])
def test_members_joined_give_their_mean(arch, names, tmp_path):
    import onnxruntime

    rng = np.random.default_rng(0)
    members = []
    for _ in range(3):
        mean, deviation = rng.normal(size=len(names)).astype("f"), rng.uniform(0.5, 2.0, len(names)).astype("f")
        network = build_beat_network(arch, names, mean, deviation)
        for layer in network.layers:  # as if trained: nothing is left at zero or one
            layer.set_weights([w + rng.uniform(0.0, 0.3, w.shape).astype("f") for w in layer.get_weights()])
        members.append(Member(network, mean, deviation))
    x = 3.0 * rng.standard_normal((7, len(names))).astype("f")
    expected = np.mean([member.network.predict(x, verbose=0) for member in members], axis=0)
    joined = mean_of(members, names)
    np.testing.assert_allclose(joined.predict(x, verbose=0), expected, atol=1e-5)
    quiet_export(joined, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    np.testing.assert_allclose(session.run(None, {"features": x})[0], expected, atol=1e-5)


def test_an_unknown_architecture_is_told():
    with pytest.raises(RequestError, match="valid are dense, lstm, simplernn, context"):
        _network("transformer", WINDOW)
