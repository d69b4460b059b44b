# %% [markdown]
# # One lead, one beat at a time
#
# The classical exercise: denoise a whole record, cut a window around each R peak, and let three small networks tell
# the classes apart. It is what many a first project does. The last cell says why it is not enough.
#
# Open this file as a notebook (VS Code and Jupytext do), or run it: `python docs/teaching/beats.py`. It needs the
# extra `[train]`. It takes the built-in record; `LESSON_RECORDS="e0103 e0121"` takes others, and `LESSON_EPOCHS` sets
# how long the networks learn.

# %%
import os

import numpy as np
import pywt
from sklearn.metrics import confusion_matrix, roc_auc_score

import ecg_stream as es
from ecg_stream.models.keras_library import import_keras

keras = import_keras()  # Keras on TensorFlow, without its chatter
keras.utils.set_random_seed(0)
RECORDS = os.environ.get("LESSON_RECORDS", "demo").split()
EPOCHS = int(os.environ.get("LESSON_EPOCHS", "30"))
CLASSES = {"N": "N", "L": "N", "R": "N", "B": "N", "e": "N", "j": "N", "n": "N", "A": "S", "a": "S", "J": "S", "S": "S"}
CLASSES |= {"V": "V", "E": "V", "r": "V", "F": "F"}

# %% [markdown]
# ## Denoise
#
# Wavelet db6: split the signal into scales, shrink what is small at the finest ones, put it together again. This looks
# at the whole record at once. The live pipeline may look 40 ms ahead only: `ecg-stream plot demo --what denoise`.


# %%
def denoised(signal: np.ndarray, levels: int = 4) -> np.ndarray:
    """Shrink the finest scales of a signal, ``(n,)``, by the universal threshold (Donoho 1995)."""
    parts = pywt.wavedec(signal, "db6", level=levels)
    noise = np.median(np.abs(parts[-1])) / 0.6745
    limit = noise * np.sqrt(2 * np.log(len(signal)))
    shrunk = [*parts[:-2], *(pywt.threshold(part, limit, "soft") for part in parts[-2:])]
    return pywt.waverec(shrunk, "db6")[: len(signal)]


# %% [markdown]
# ## Normalize, and cut windows of 50 samples
#
# 200 ms around each R peak of the reference, brought to 250 Hz: 50 samples. Each has zero mean and unit deviation, so
# that the height of a beat tells nothing.

# %%
windows, labels, times = [], [], []
for name in RECORDS:
    record = es.read_record(name)
    lead = denoised(np.nan_to_num(record.samples[:, 0]))
    beats = record.reference.beats()
    for sample, symbol in zip(beats.samples.tolist(), beats.symbols, strict=True):
        places = sample + np.arange(-25, 25) * record.fs / 250
        window = np.interp(places, np.arange(len(lead)), lead)
        if symbol in CLASSES and window.std() > 0:
            windows.append((window - window.mean()) / window.std())
            labels.append(CLASSES[symbol])
            times.append(sample / len(lead))
names = sorted(set(labels), key="NSVF".index)
x = np.array(windows, dtype=np.float32)
y = np.array([names.index(label) for label in labels])
print(f"{len(x)} beats:", {name: int((y == k).sum()) for k, name in enumerate(names)})

# %% [markdown]
# ## Train and test
#
# The first 70 % of each record to learn from, the rest to test on. Never deal beats at random: neighbours look alike,
# and the test would be an echo of the training.

# %%
learns = np.array(times) < 0.7
weights = {k: len(y) / (len(names) * max(1, int((y[learns] == k).sum()))) for k in range(len(names))}


def network(kind: str) -> "keras.Model":
    """Dense layers of 64, 32 and 16; or a recurrent layer that reads the window sample by sample."""
    layers = keras.layers
    if kind == "dense":
        body = [layers.Dense(units, activation="relu") for units in (64, 32, 16)]
    else:
        recurrent = {"LSTM": layers.LSTM, "SimpleRNN": layers.SimpleRNN}[kind]
        body = [layers.Reshape((50, 1)), recurrent(32), layers.Dense(16, activation="relu")]
    model = keras.Sequential([keras.Input((50,)), *body, layers.Dense(len(names), activation="softmax")])
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    return model


probabilities = {}
for kind in ("dense", "LSTM", "SimpleRNN"):
    model = network(kind)
    model.fit(x[learns], y[learns], epochs=EPOCHS, batch_size=64, class_weight=weights, verbose=0)
    probabilities[kind] = model.predict(x[~learns], verbose=0)

# %% [markdown]
# ## Confusion matrix and ROC
#
# Rows are the truth, columns what was called. Of V against the rest, the area under the ROC curve: how probable it is
# that a V beat gets a higher probability of V than another beat does.

# %%
for kind, p in probabilities.items():
    called = p.argmax(axis=1)
    print(f"\n{kind}: {np.mean(called == y[~learns]):.1%} right")
    print("     " + "".join(f"{name:>6}" for name in names))
    for name, row in zip(names, confusion_matrix(y[~learns], called, labels=range(len(names))), strict=True):
        print(f"{name:>5}" + "".join(f"{count:6d}" for count in row))
    if "V" in names and 0 < (y[~learns] == names.index("V")).sum() < (~learns).sum():
        area = roc_auc_score(y[~learns] == names.index("V"), p[:, names.index("V")])
        print(f"area under the ROC curve of V: {area:.3f}")

# %% [markdown]
# ## Why it is not enough
#
# Training and test are of the same patients here. On other patients a window alone finds about half of the V beats and
# hardly an S beat, which looks normal and comes early (`docs/trials.md`). The live classifier measures each beat
# against the patient's own:

# %%
for name in RECORDS:
    result = es.classify(name)
    print(result)
    print(es.score(name, result))
