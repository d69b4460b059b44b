"""``ecg-stream train detector``: the network of the QRS detector."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .jobs_option import Jobs, parallel
from .training_options import Databases, Fold, Folds, Seed


def detector(
    output: Annotated[
        Path, typer.Option("--output", metavar="DIR", help="Folder for the bundle; one that is there is replaced.")
    ],
    db: Databases = None,
    folds: Folds = 4,
    fold: Fold = None,
    epochs: Annotated[str, typer.Option(metavar="N,...", help="Epochs of each round, with commas.")] = "4,6,12",
    seed: Seed = 0,
    jobs: Jobs = "1",
) -> None:
    """Train the networks that judge QRS candidates, and write them as a bundle.

    Each round runs the detector over all records with the networks so far and learns from the candidates it met.
    """
    from ..models.keras_library import import_keras
    from .record_options import whole_numbers
    from .training_options import noises_at_hand, progress, read_records, training_note, training_split

    rounds = whole_numbers("--epochs", epochs)
    databases = db or ["mitdb", "svdb", "edb"]
    names, held_out = training_split(databases, folds, fold)
    import_keras()  # before minutes of reading, if it is missing

    from ..offline.qrs_bundle import write_detector_bundle
    from ..offline.qrs_training import Round, train_detector

    records, noises = read_records(names), noises_at_hand()

    with parallel(jobs) as n_jobs, progress(len(records) * len(rounds), "running the detector") as advance:

        def show(done: Round) -> None:
            advance.tell(f"round {done.number + 1}: {done.n_candidates:,} candidates, loss {done.loss:.4f}")

        network = train_detector(
            records,
            noises,
            epochs=rounds,
            seed=seed,
            on_record=lambda _round, name: advance(name),
            on_round=show,
            jobs=n_jobs,
        )
    command = (
        f"ecg-stream train detector {' '.join(f'--db {name}' for name in databases)} --epochs {epochs} --seed {seed}"
    )
    noise = sorted(noises)
    training = training_note(command, databases, (names, held_out), folds, fold, noise=noise, seed=seed)
    card = write_detector_bundle(output, network, training)
    print(f"{output}: {card.arch}, {len(names)} records" + (f", {len(held_out)} held out" if held_out else ""))
