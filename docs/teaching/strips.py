# %% [markdown]
# # Ten seconds at a time
#
# Normal or inferior infarction, from lead I of PTB-XL: balance the classes, train a CNN and a CRNN, choose a threshold
# on records that neither has seen, and predict.
#
# Open this file as a notebook, or run it: `python docs/teaching/strips.py`. It needs the extra `[train]` and PTB-XL in
# the data folder (`ecg-stream download ptb-xl`). `LESSON_EPOCHS` sets how long the networks learn.
# `ecg-stream train record` does the same with more care. The modules used here are inside the package, so their names
# may change with a version.

# %%
import os

import numpy as np
from sklearn.metrics import roc_auc_score

from ecg_stream.models.keras_library import import_keras
from ecg_stream.models.record_networks import build_record_network
from ecg_stream.offline.ptbxl_signals import read_records
from ecg_stream.offline.record_balance import balanced
from ecg_stream.offline.record_evaluation import decide, find_thresholds
from ecg_stream.replay.catalog import data_folder

keras = import_keras()  # Keras on TensorFlow, without its chatter
keras.utils.set_random_seed(0)
EPOCHS = int(os.environ.get("LESSON_EPOCHS", "12"))

# %% [markdown]
# ## The records
#
# PTB-XL is dealt into ten folds by patient. Eight are to learn from, the ninth chooses the threshold; leave the tenth
# alone until all is chosen. Each strip is ten seconds at 100 Hz: 1,000 samples of lead I, in millivolts.

# %%
records = read_records(data_folder() / "ptb-xl", rate=100, leads=("I",), cache=data_folder() / "cache")
x, infarction, _ = records.folds(*range(1, 9))
x_chosen, infarction_chosen, _ = records.folds(9)
print(f"{len(x)} strips to learn from, {infarction.mean():.0%} of them infarctions; {len(x_chosen)} to choose on")

# %% [markdown]
# ## Balance
#
# There are more normal ECGs. Four ways to give both classes the same say: weigh, drop some, repeat some, or make new
# ones between neighbours (SMOTE). Balance the training strips only. The others must stay as the world is.

# %%
targets = np.stack([1 - infarction, infarction], axis=1).astype(np.float32)
for how in ("weights", "undersample", "oversample"):
    strips, aims, weights = balanced(x, targets, infarction, how, seed=0)
    print(
        f"{how:12} {len(strips):6d} strips, infarctions have {np.average(aims[:, 1], weights=weights):.0%} of the say"
    )
strips, aims, weights = balanced(x, targets, infarction, "weights", seed=0)

# %% [markdown]
# ## CNN and CRNN
#
# A CNN finds shapes wherever they stand. A CRNN lets a recurrent layer read what the CNN has found, in order.

# %%
probabilities = {}
for kind in ("cnn", "crnn"):
    model = build_record_network(kind, fs=100, n_leads=1)
    model.compile(optimizer="adam", loss="categorical_crossentropy")
    model.fit(strips, aims, sample_weight=weights, epochs=EPOCHS, batch_size=32, verbose=0)
    probabilities[kind] = model.predict(x_chosen, verbose=0)[:, 1]
    print(f"{kind}: area under the ROC curve {roc_auc_score(infarction_chosen, probabilities[kind]):.3f}")

# %% [markdown]
# ## Threshold
#
# Where to say "infarction"? Youden's threshold has the largest sum of sensitivity and specificity. Another weighs all
# errors alike. With a rare disease the two differ much.

# %%
for kind, p in probabilities.items():
    for rule, threshold in find_thresholds(infarction_chosen, p.astype(np.float64)).items():
        made = decide(infarction_chosen, p.astype(np.float64), threshold)
        counts = f"{made.tp} found, {made.fn} missed, {made.fp} false, {made.tn} spared"
        print(f"{kind:5} {rule:12} at {threshold:.2f}: {counts}")

# %% [markdown]
# ## Predict
#
# What was chosen on these strips looks better on them than it is. The figures that count are of fold 10:
# `ecg-stream evaluate record`. The shipped model says of a record:
#
#     ecg-stream predict ptb-xl/records100/00000/00001_lr

# %%
p = probabilities["cnn"][:5]
print("the first strips:", ", ".join(f"{each:.0%}" for each in p))
