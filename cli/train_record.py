"""``ecg-stream train record``: NORM or inferior infarction, from PTB-XL."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..offline.ptbxl_signals import RecordSet
    from ..offline.record_member import EpochFigures


def record(
    output: Annotated[
        Path, typer.Option("--output", metavar="DIR", help="Folder for the bundle; one that is there is replaced.")
    ],
    arch: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Network: cnn, crnn, seresnet, slimcnn or meanbeat; or several, such as seresnet+slimcnn.",
        ),
    ] = "seresnet+slimcnn",
    leads: Annotated[str, typer.Option(metavar="LEADS", help="I, all, or lead names with commas.")] = "I",
    rate: Annotated[int, typer.Option(metavar="HZ", help="Sampling rate of the records, 100 or 500 Hz.")] = 100,
    balance: Annotated[
        str, typer.Option(metavar="HOW", help="Of the training folds: weights, undersample, oversample or smote.")
    ] = "weights",
    label: Annotated[str, typer.Option(metavar="first|any", help="SCP code that decides: first or any.")] = "first",
    epochs: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Maximum epochs of a member; without it, those of its recipe."),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Random seed.")] = 0,
    validation: Annotated[
        str,
        typer.Option(
            metavar="FOLDS",
            help="Folds of 1 to 8 to leave out, such as 8 or 1+2,3+4: a member of each network for each group of "
            "folds, and their mean.",
        ),
    ] = "1+2,3+4,5+6,7+8",
    teacher: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH",
            help="Record model, by name or path, to learn from as well; for each record, from its members that left "
            "the record out.",
        ),
    ] = None,
    database: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="PTB-XL's folder; without it, ptb-xl in the data folder."),
    ] = None,
) -> None:
    """Train a network on PTB-XL to call a strip normal or inferior infarction, and write it as a bundle.

    The best epochs and the thresholds are chosen on those records left out that a person has validated. Folds 9
    and 10 take no part.
    """
    from ..models.record_networks import ARCHITECTURES
    from ..offline.record_balance import BALANCES
    from .record_options import fold_groups, one_of

    archs = [one_of("--arch", name, ARCHITECTURES) for name in arch.split("+")]
    how = one_of("--balance", balance, BALANCES)
    groups = fold_groups("--validation", validation)

    from ..models.keras_library import import_keras
    from ..offline.record_bundle import write_record_bundle
    from ..offline.record_recipes import RECIPES
    from ..offline.record_training import train_record_model
    from .record_options import open_across, open_records
    from .training_options import TimeLeft

    import_keras()  # before minutes of reading, if it is missing
    records = open_records(database, leads=leads, rate=rate, label=label)
    soft = None if teacher is None else _ask(teacher, records)
    left = TimeLeft([epochs or RECIPES[arch].epochs for _ in groups for arch in archs])

    def show(figures: EpochFigures) -> None:
        _show(figures, left.after(figures.member, figures.epoch))

    trained = train_record_model(
        records,
        archs=archs,
        epochs=epochs,
        seed=seed,
        balance=how,
        left_out=groups,
        teacher=soft,
        across=open_across(records, database, archs),
        on_epoch=show,
    )
    made_by: dict[str, Any] = {
        "database": "PTB-XL 1.0.1",
        "command": f"ecg-stream train record --arch {arch} --leads {leads} --rate {rate} --balance {balance} "
        f"--label {label} --seed {seed} --validation {validation}"
        + (f" --epochs {epochs}" if epochs else "")
        + (f" --teacher {Path(teacher).name}" if teacher else ""),
        "split": f"strat_fold 1-8; each member leaves out one group of {validation}, whose records that a person has "
        "validated pick its best epoch, its calibration and the thresholds; folds 9 and 10 unseen",
        "records": trained.n_records,
        "left_out": {**records.index.dropped, "missing": len(records.missing)},
        "seed": seed,
    }
    card = write_record_bundle(
        output, trained, records.index, name=output.name, rate=rate, leads=records.leads, training=made_by
    )
    print(
        f"{output}: {card.arch}, validation AUC {trained.validation_auc:.4f}, balanced accuracy "
        f"{trained.validation_balanced_accuracy:.3f} on {trained.n_validation} records"
    )


def _ask(teacher: str, records: RecordSet) -> NDArray[np.float64]:
    """Read what another record model says of records that it did not learn from."""
    from ..models.bundle import load_bundle
    from ..offline.record_bundle import read_left_out
    from ..stream.strip.input import PREPROCESSING

    return read_left_out(load_bundle(teacher, "record", PREPROCESSING), records.index)


def _show(figures: EpochFigures, left: str) -> None:
    print(
        f"member {figures.member + 1} epoch {figures.epoch + 1:3d}  loss {figures.loss:.4f}  "
        f"validation loss {figures.validation_loss:.4f}  AUC {figures.validation_auc:.4f}{'  *' * figures.kept}  "
        f"{left}",
        file=sys.stderr,
        flush=True,
    )
