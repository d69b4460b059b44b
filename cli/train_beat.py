"""``ecg-stream train beat``: the network that classifies beats."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ..errors import RequestError
from .jobs_option import Jobs, parallel
from .training_options import Databases, Fold, Folds, OwnFolder, OwnList, Seed


def beat(
    output: Annotated[
        Path, typer.Option("--output", metavar="DIR", help="Folder for the bundle; one that is there is replaced.")
    ],
    arch: Annotated[str, typer.Option(metavar="NAME", help="Network: context, dense, lstm or simplernn.")] = "context",
    db: Databases = None,
    own_list: OwnList = None,
    data: OwnFolder = None,
    features: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="Groups of features, with commas; by default what the network takes."),
    ] = None,
    detector: Annotated[
        str, typer.Option(metavar="NAME|PATH", help="Detector bundle, by name or path, that finds the beats.")
    ] = "qrs",
    epochs: Annotated[int, typer.Option(metavar="N", min=1, help="Maximum epochs of a member.")] = 12,
    members: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Number of networks, whose mean is the model; 5 for context, else 1."),
    ] = None,
    multipliers: Annotated[
        str | None,
        typer.Option(
            metavar="FACTORS",
            help="Factors of the classes, as S=1.4,V=2,F=0.6,Q=1.2. Without it they are chosen on patients left out.",
        ),
    ] = None,
    trees: Annotated[
        bool | None, typer.Option("--trees/--no-trees", help="Boosted trees beside the networks; context has them.")
    ] = None,
    kind_memory: Annotated[
        float | None,
        typer.Option(
            metavar="X", min=0.0, max=0.95, help="How much earlier beats of a kind count; 0.6 for context, else 0."
        ),
    ] = None,
    ectopic: Annotated[
        bool,
        typer.Option(
            "--ectopic/--no-ectopic", help="Whether context also learns from ventricular beats put into other records."
        ),
    ] = True,
    folds: Folds = 4,
    fold: Fold = None,
    seed: Seed = 0,
    jobs: Jobs = "1",
) -> None:
    """Train a network on beats that the live cascade finds and cuts, and write it as a bundle.

    --records and --data train on records of your own, alone or, with --db, beside others.

    Splits are by patient. Records with paced beats take no part, as EC57 scores them apart. Of a list whose rhythms
    alone are annotated, as `vfdb`, context takes the beats whose class follows from the rhythm.
    """
    from ..models.beat_networks import ARCHITECTURES
    from ..models.keras_library import import_keras
    from .record_options import one_of
    from .training_options import (
        TimeLeft,
        noises_at_hand,
        own_records,
        progress,
        read_all_records,
        training_note,
        training_split,
    )

    one_of("--arch", arch, ARCHITECTURES)
    chosen = _multipliers(multipliers) if multipliers else None

    from ..offline.beat_bundle import write_beat_bundle
    from ..offline.beat_dataset import gather
    from ..offline.beat_training import FEATURES, KIND_MEMORY, VARIATIONS, BeatEpoch, train_beat_network
    from ..offline.splits import PACED, RHYTHMS
    from ..stream.beats.features import columns
    from ..stream.qrs.detector import load_network

    groups = tuple(features.split(",")) if features else FEATURES[arch]
    columns(groups)
    network = load_network(detector)
    n_members = members or (5 if arch == "context" else 1)
    with_trees = arch == "context" if trees is None else trees
    memory = (KIND_MEMORY if arch == "context" else 0.0) if kind_memory is None else kind_memory
    weak_labels = arch == "context"
    own = own_records(own_list, data)
    databases = db or ([] if own else ["mitdb", "svdb", "edb", *(["ltstdb-50hz", *RHYTHMS] if weak_labels else [])])
    theirs = own.records if own else ()
    names, held_out = training_split(databases, folds, fold, rhythms=weak_labels, own=theirs)
    names = [name for name in names if name not in PACED]
    import_keras()  # before minutes of reading, if it is missing
    records = read_all_records(names, network, data)
    noises = noises_at_hand()
    variations = [variation for variation in VARIATIONS[arch] if ectopic or not variation.needs_donor]
    with parallel(jobs) as n_jobs, progress(len(records) * len(variations), "cutting beats") as advance:
        beats = gather(records, variations, noises, network, seed, on_record=advance, jobs=n_jobs)

    left = TimeLeft([epochs] * n_members)

    def show(done: BeatEpoch) -> None:
        print(
            f"member {done.member + 1} epoch {done.epoch + 1}: loss {done.loss:.4f}, "
            f"validation {done.validation_loss:.4f}, {left.after(done.member, done.epoch)}",
            file=sys.stderr,
        )

    trained = train_beat_network(
        beats,
        arch=arch,
        groups=groups,
        epochs=epochs,
        members=n_members,
        seed=seed,
        multipliers=chosen,
        trees=with_trees,
        kind_memory=memory,
        on_epoch=show,
    )
    command = f"ecg-stream train beat --arch {arch} {' '.join(f'--db {name}' for name in databases)}".rstrip()
    command += f" --features {','.join(groups)} --detector {Path(detector).name} --epochs {epochs}"
    command += f" --members {n_members} --{'trees' if with_trees else 'no-trees'} --kind-memory {memory:g}"
    command += f" --seed {seed}" if ectopic else f" --no-ectopic --seed {seed}"
    if own:
        command += f" --records {own.file.name} --data {own.folder.name}"
    if multipliers:
        command += f" --multipliers {multipliers}"
    training = training_note(
        command,
        [*databases, *([own.name] if own else [])],
        (names, held_out),
        folds,
        fold,
        beats=len(beats),
        noise=sorted(noises),
        split=f"by patient; each of {n_members} members leaves out a part for its best epoch and the calibration"
        f"{'' if multipliers else ', and for the multipliers'}",
        seed=seed,
    )
    card = write_beat_bundle(output, trained, arch, training)
    found = ", ".join(f"{name} {value:g}" for name, value in trained.validation.items())
    print(f"{output}: {card.arch} on {len(beats):,} beats of {len(names)} records; validation patients: {found}")


def _multipliers(text: str) -> dict[str, float]:
    """Read what the probability of each class is multiplied by; classes not named have 1."""
    from ..stream.core.messages import CLASSES

    try:
        pairs = dict(part.split("=") for part in text.split(","))
        values = {name: float(value) for name, value in pairs.items()}
    except ValueError:
        values = {"": 0.0}
    if not set(values) <= set(CLASSES) or not all(value > 0.0 for value in values.values()):
        raise RequestError(
            f"no multipliers '{text}': valid are classes of {' '.join(CLASSES)} with numbers above 0, as V=2,S=1.4"
        )
    return {name: values.get(name, 1.0) for name in CLASSES}
