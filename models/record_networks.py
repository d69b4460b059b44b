"""Networks that classify ten seconds of ECG as a whole; Keras, for training only.

Each takes ``(batch, time, leads)`` in millivolts and gives the probability of each class. Those that see the whole
window have a free time axis, so that they can train on crops, and are exported for the window that they will
serve. ``meanbeat`` sees what its front makes of the window, the mean beat.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import RequestError
from .keras_library import import_keras
from .mean_beat import BEAT_SAMPLES, mean_beat_network

if TYPE_CHECKING:
    import keras

ARCHITECTURES = ("cnn", "crnn", "seresnet", "slimcnn", "meanbeat")
"""What `build_record_network` knows."""

WINDOW_S = 10.0
"""Length of the window, seconds."""


def build_record_network(arch: str, *, fs: float, n_leads: int, n_classes: int = 2) -> keras.Model:
    """Build an untrained network.

    Parameters
    ----------
    arch
        One of `ARCHITECTURES`.
    fs
        Sampling rate of the input, Hz; the stems of ``seresnet`` and ``slimcnn`` are laid out in seconds.
    n_leads, n_classes
        Width of the input and of the output.

    Returns
    -------
    keras.Model
        From ``(batch, time, n_leads)``, mV, to ``(batch, n_classes)``, probabilities. The time of ``meanbeat`` is that
        of the mean beat, see `record_front`.

    Raises
    ------
    RequestError
        If there is no such architecture.
    MissingExtraError
        If TensorFlow is not installed.
    """
    builders: dict[str, Callable[[Any, float, int], Any]] = {
        "cnn": _cnn,
        "crnn": _crnn,
        "seresnet": _seresnet,
        "slimcnn": _slimcnn,
        "meanbeat": _meanbeat,
    }
    if arch not in builders:
        raise RequestError(f"no architecture '{arch}' for records: valid are {', '.join(ARCHITECTURES)}")
    keras = import_keras()
    x = keras.Input((BEAT_SAMPLES if arch == "meanbeat" else None, n_leads), name="ecg")
    return keras.Model(x, builders[arch](x, fs, n_classes), name=arch)


def record_front(arch: str, *, fs: float, n_leads: int) -> keras.Model | None:
    """Build what stands before the first weight of an architecture; None if that is the window itself."""
    if arch != "meanbeat":
        return None
    import_keras()
    return mean_beat_network(fs=fs, n_leads=n_leads, n_samples=round(WINDOW_S * fs))


def average(
    networks: Sequence[keras.Model], *, n_leads: int, fronts: Mapping[str, keras.Model] | None = None
) -> keras.Model:
    """Join several networks into one that gives the mean of their probabilities.

    Parameters
    ----------
    networks
        From `build_record_network`; they are renamed, as names in a network are unique.
    n_leads
        Width of the input.
    fronts
        By architecture, from `record_front`; each runs once for all of its members.

    Returns
    -------
    keras.Model
        From the window to the probabilities, named after its architectures.
    """
    keras = import_keras()
    fronts = fronts or {}
    arches = [network.name for network in networks]
    x = keras.Input(next((front.input_shape[1:] for front in fronts.values()), (None, n_leads)), name="ecg")
    seen = {arch: front(x) for arch, front in fronts.items()}
    outputs = []
    for number, (arch, network) in enumerate(zip(arches, networks, strict=True)):
        network.name = f"member_{number + 1}"
        outputs.append(network(seen.get(arch, x)))
    mean = keras.layers.Average(name="mean")(outputs) if len(outputs) > 1 else outputs[0]
    return keras.Model(x, mean, name="-".join(dict.fromkeys(arches)))


def _cnn(x: Any, fs: float, n_classes: int) -> Any:  # noqa: ARG001  the kernels are in samples, as they were published
    """Three convolutions 32-64-128, global average pooling, dense 64."""
    from keras import layers

    for filters in (32, 64, 128):
        x = layers.Conv1D(filters, 5, padding="same", activation="relu")(x)
        x = layers.MaxPooling1D(2)(x)
    x = layers.GlobalAveragePooling1D()(x)
    x = layers.Dense(64, activation="relu")(x)
    x = layers.Dropout(0.5)(x)
    return layers.Dense(n_classes, activation="softmax", name="probability")(x)


def _crnn(x: Any, fs: float, n_classes: int) -> Any:  # noqa: ARG001
    """Two convolutions with batch normalization, LSTM 64, dense 128."""
    from keras import layers

    for filters in (32, 64):
        x = layers.Conv1D(filters, 5, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU()(x)
        x = layers.MaxPooling1D(4)(x)
    x = layers.LSTM(64)(x)
    x = layers.Dense(128, activation="relu")(x)
    x = layers.Dropout(0.5)(x)
    return layers.Dense(n_classes, activation="softmax", name="probability")(x)


def _seresnet(x: Any, fs: float, n_classes: int) -> Any:
    """Residual network with squeeze and excitation; 320,000 weights.

    A strided stem brings any rate to 50 Hz (150 ms of support), four residual blocks each halve the time
    axis, and mean and maximum over time go to a dense head. Residual blocks after He et al. 2016
    (doi 10.1109/CVPR.2016.90) as Wang et al. 2017 used them on time series (doi 10.1109/IJCNN.2017.7966039),
    squeeze and excitation after Hu et al. 2018 (doi 10.1109/CVPR.2018.00745).

    Differences from the papers: one block a stage, the shortcut is pooled rather than strided, swish for ReLU,
    and the maximum beside the mean, since one beat may tell what the average hides.
    """
    from keras import layers

    kernel, stride = round(0.15 * fs), round(0.02 * fs)
    x = layers.Conv1D(32, kernel, strides=stride, padding="same", use_bias=False)(x)
    x = _normalized(x)
    x = layers.Activation("swish")(x)
    for filters, width, dropout in ((48, 7, 0.0), (64, 7, 0.1), (96, 5, 0.1), (112, 5, 0.1)):
        x = _residual_block(x, filters, width, dropout)
    x = layers.Concatenate()([layers.GlobalAveragePooling1D()(x), layers.GlobalMaxPooling1D()(x)])
    x = layers.Dropout(0.3)(x)
    x = layers.Dense(64, activation="swish")(x)
    x = layers.Dropout(0.3)(x)
    return layers.Dense(n_classes, activation="softmax", name="probability")(x)


def _slimcnn(x: Any, fs: float, n_classes: int) -> Any:
    """Four convolutions 32-48-64-96 with batch normalization, global average pooling, dense 64; 64,000 weights.

    The published `cnn` with a fourth convolution and a normalization after each. It looks at 100 Hz, where
    ``seresnet`` looks at 50, and at means only: the two err on different records.
    """
    from keras import layers

    first, stride = round(0.07 * fs), round(0.01 * fs)
    for filters, width in ((32, first), (48, 7), (64, 5), (96, 5)):
        x = layers.Conv1D(filters, width, strides=stride, padding="same", use_bias=False)(x)
        x = layers.ReLU()(_normalized(x))
        x = layers.MaxPooling1D(2)(x)
        stride = 1
    x = layers.SpatialDropout1D(0.1)(x)
    x = layers.GlobalAveragePooling1D()(x)
    x = layers.Dropout(0.3)(x)
    x = layers.Dense(64, activation="swish")(x)
    x = layers.Dropout(0.3)(x)
    return layers.Dense(n_classes, activation="softmax", name="probability")(x)


def _meanbeat(x: Any, fs: float, n_classes: int) -> Any:  # noqa: ARG001  the mean beat has a rate of its own
    """Residual network on the mean beat; 150,000 weights.

    Beats are aligned, so each place in time has a meaning of its own: the last feature map is not averaged
    but goes to the dense head as it is.
    """
    from keras import layers

    x = layers.Conv1D(32, 5, padding="same", use_bias=False)(x)
    x = layers.Activation("swish")(_normalized(x))
    for filters, width, dropout in ((40, 7, 0.0), (56, 5, 0.1), (64, 5, 0.1)):
        x = _residual_block(x, filters, width, dropout, gated=False)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.4)(x)
    x = layers.Dense(64, activation="swish")(x)
    x = layers.Dropout(0.4)(x)
    return layers.Dense(n_classes, activation="softmax", name="probability")(x)


def _residual_block(x: Any, filters: int, width: int, dropout: float, *, gated: bool = True) -> Any:
    from keras import layers

    y = layers.Conv1D(filters, width, strides=2, padding="same", use_bias=False)(x)
    y = _normalized(y)
    y = layers.Activation("swish")(y)
    y = layers.SpatialDropout1D(dropout)(y)
    y = layers.Conv1D(filters, width, padding="same", use_bias=False)(y)
    y = _normalized(y)
    if gated:
        gate = layers.GlobalAveragePooling1D(keepdims=True)(y)
        gate = layers.Dense(max(8, filters // 8), activation="swish")(gate)
        gate = layers.Dense(filters, activation="sigmoid")(gate)
        y = layers.Multiply()([y, gate])
    shortcut = layers.AveragePooling1D(2, padding="same")(x)
    shortcut = layers.Conv1D(filters, 1, use_bias=False)(shortcut)
    return layers.Activation("swish")(layers.Add()([shortcut, y]))


def _normalized(x: Any) -> Any:
    from keras import layers

    return layers.BatchNormalization(momentum=0.97)(x)  # 0.99 does not settle in the few steps of these folds
