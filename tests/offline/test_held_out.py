import json
import shutil
from pathlib import Path

import pytest

from ecg_stream.errors import RequestError
from ecg_stream.models.bundle import SHIPPED
from ecg_stream.offline.beat_run import Conditions, held_out_by
from ecg_stream.stream.pipeline import DEFAULT_DETECTOR, DEFAULT_MODEL


def bundle(folder: Path, shipped: str, **training: list[str]) -> Path:
    shutil.copytree(SHIPPED / shipped, folder)
    card = json.loads((folder / "card.json").read_text())
    card["training"] |= training
    (folder / "card.json").write_text(json.dumps(card))
    return folder


def test_a_record_is_run_with_the_fold_that_it_was_held_out_of(tmp_path):
    for fold, name in enumerate(("mitdb/101", "vfdb/421")):
        bundle(tmp_path / str(fold) / "beat", DEFAULT_MODEL, held_out=[name])
    folds = held_out_by(tmp_path)
    assert folds == {"mitdb/101": tmp_path / "0", "vfdb/421": tmp_path / "1"}
    conditions = Conditions(model="cv", folds=folds)
    models = conditions.models("vfdb/421")
    assert models.classifier.card.training["held_out"] == ["vfdb/421"]
    with pytest.raises(RequestError, match="record mitdb/100 was held out of no fold"):
        conditions.models("mitdb/100")


def test_a_detector_of_the_fold_is_taken_and_must_not_have_seen_its_records(tmp_path):
    bundle(tmp_path / "0" / "beat", DEFAULT_MODEL, held_out=["mitdb/101"])
    qrs = bundle(tmp_path / "0" / "qrs", DEFAULT_DETECTOR, held_out=["mitdb/101"], records=["mitdb/106"])
    assert held_out_by(tmp_path) == {"mitdb/101": tmp_path / "0"}
    shutil.rmtree(qrs)
    bundle(qrs, DEFAULT_DETECTOR, held_out=[], records=["mitdb/101", "mitdb/106"])
    with pytest.raises(RequestError, match=r"was trained on records that .*beat held out, such as mitdb/101"):
        held_out_by(tmp_path)


def test_a_folder_without_folds_is_refused(tmp_path):
    with pytest.raises(RequestError, match="no folds in"):
        held_out_by(tmp_path)
