"""``ecg-stream train quality``: what the quality of a beat is told from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .jobs_option import Jobs, parallel
from .training_options import Databases, Seed


def quality(
    output: Annotated[
        Path, typer.Option("--output", metavar="DIR", help="Folder for the bundle; one that is there is replaced.")
    ],
    db: Databases = None,
    detector: Annotated[str, typer.Option(metavar="NAME|PATH", help="Detector whose errors are learnt from.")] = "qrs",
    seed: Seed = 0,
    jobs: Jobs = "1",
) -> None:
    """Fit the quality of beats to the errors of a detector, and write it as a bundle.

    Records are run as they are and with noise. Figures in the card are of a cross-validation by patient.
    """
    from ..errors import MissingExtraError

    try:
        import sklearn as _  # noqa: F401  before minutes of reading, if it is missing
    except ImportError:
        raise MissingExtraError("ecg-stream train quality", "train") from None

    from ..offline.quality_training import WAYS, cross_validated, fit, gather, write_quality_bundle
    from ..offline.splits import RHYTHMS
    from ..offline.training_records import read_noises
    from ..stream.qrs.detector import load_network
    from .training_options import progress, read_all_records, training_note, training_split

    databases = db or ["mitdb-ds1", "svdb", "edb", *RHYTHMS]
    names, _held_out = training_split(databases, 2, None, rhythms=True)
    network = load_network(detector)
    noises = read_noises()
    records = read_all_records(names, network)
    with parallel(jobs) as n_jobs, progress(len(records) * len(WAYS), "running the detector") as advance:
        parts = gather(records, noises, network, seed, advance, n_jobs)
    command = f"ecg-stream train quality {' '.join(f'--db {name}' for name in databases)} --seed {seed}"
    training = training_note(
        command, databases, (names, []), 2, None, noise=sorted(noises), detector=Path(detector).name, seed=seed
    )
    metrics = cross_validated(parts, seed)
    write_quality_bundle(output, fit(parts), training, metrics)
    print(f"{output}: {len(names)} records, AUC {metrics['auc, mean of patients in noise']} by patient in noise")
