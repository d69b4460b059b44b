"""`ecg-stream train record` and `evaluate record` on a made-up PTB-XL: the way through, and what is refused."""

import json

import pytest
from record_bundles import write_bundle
from synthetic_ptbxl import write_database

from ecg_stream.cli.app import run

pytest.importorskip("tensorflow", reason="training needs the extra [train]")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    (root / "ptb-xl").mkdir()
    write_database(root / "ptb-xl", per_fold=8)
    return root


@pytest.fixture(autouse=True)
def data_folder_is_the_made_up_one(root, monkeypatch):
    monkeypatch.setenv("ECG_STREAM_DATA", str(root))


def refused(capsys, *arguments: str) -> str:
    """The one line of a refusal."""
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("ecg-stream")
    assert err.count("\n") == 1
    return err


def test_train_and_evaluate(root, tmp_path, capsys):
    bundle = tmp_path / "mine"
    arguments = [
        "--arch",
        "cnn",
        "--epochs",
        "10",
        "--validation",
        "8",
        "--balance",
        "undersample",
        "--seed",
        "3",
        "--output",
        str(bundle),
    ]
    assert run(["train", "record", *arguments]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"{bundle}: cnn, validation AUC ")
    assert "member 1 epoch   1  loss" in err
    card = json.loads((bundle / "card.json").read_text())
    assert card["leads"] == ["I"]
    assert card["training"]["command"].startswith("ecg-stream train record --arch cnn --leads I --rate 100 ")

    report = tmp_path / "report"
    assert run(["evaluate", "record", "--model", str(bundle), "--json", "--report", str(report)]) == 0
    out, _ = capsys.readouterr()
    assert out.count("\n") == 1
    figures = json.loads(out)
    assert figures["auc"] > 0.9
    assert figures["fold"] == 9
    assert figures["threshold"] == card["thresholds"]["youden"]
    assert figures["thresholds"]["max_correct"]["threshold"] == card["thresholds"]["max_correct"]
    assert figures["records"] == 8
    assert json.loads((report / "report.json").read_text()) == figures

    assert run(["evaluate", "record", "--model", str(bundle), "--into-card"]) == 0
    capsys.readouterr()
    scored = json.loads((bundle / "card.json").read_text())
    written = scored["metrics"].pop("test")
    assert written == {k: v for k, v in figures.items() if k not in ("model", "arch", "leads", "rate")}
    card["metrics"].pop("test", None)
    assert scored == card

    student = tmp_path / "student"
    teach = ["--arch", "cnn", "--epochs", "1", "--validation", "8", "--teacher", str(bundle), "--output", str(student)]
    assert "the teacher mine learnt from" in refused(capsys, "train", "record", *teach)
    halves = ["--arch", "cnn", "--epochs", "1", "--validation", "1+2+3+4,5+6+7+8", "--output", str(bundle)]
    assert run(["train", "record", *halves]) == 0
    assert run(["train", "record", *teach]) == 0
    assert "--teacher mine" in json.loads((student / "card.json").read_text())["training"]["command"]


def test_evaluate_as_a_table_and_on_a_training_fold(tmp_path, capsys):
    model = str(write_bundle(tmp_path / "lowest"))
    assert run(["evaluate", "record", "--model", model]) == 0
    out, _ = capsys.readouterr()
    assert out.startswith("lowest (lowest, I) on fold 9: 8 records, 4 of them IMI\nAUC 1.0000 (")
    assert "training folds" not in out
    assert run(["evaluate", "record", "--model", model, "--fold", "3"]) == 0
    assert "Fold 3 is one of the training folds" in capsys.readouterr().out


def test_missing_records_are_named(root, tmp_path, capsys):
    database = tmp_path / "ptb-xl"
    database.mkdir()
    write_database(database, per_fold=4)
    (database / "records100/00000/00033_lr.dat").unlink()
    model = str(write_bundle(tmp_path / "lowest"))
    assert run(["evaluate", "record", "--model", model, "--data", str(database)]) == 0
    assert (
        "1 of 4 records are missing or unreadable and left out: records100/00000/00033_lr\n" in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--arch", "vgg"], "--arch vgg: valid are cnn, crnn, seresnet, slimcnn, meanbeat"),
        (["--arch", "cnn+cnn"], "got the architectures cnn, cnn: valid are one or more of cnn, crnn"),
        (["--leads", "IX"], "--leads IX: no lead IX; valid are all, or some of I, II, III"),
        (["--rate", "250"], "--rate 250: PTB-XL has 100 and 500 Hz"),
        (["--rate", "500"], "none of the 72 records"),
        (["--balance", "luck"], "--balance luck: valid are weights, undersample, oversample, smote"),
        (["--label", "last"], "--label last: valid are first, any"),
        (["--validation", "eight"], "--validation eight: folds such as 8, or groups of them such as 1+2,3+4"),
        (["--validation", "9"], "got validation folds [[9]]: valid are groups of folds 1 to 8"),
        (["--teacher", "nonsense"], "no model 'nonsense'"),
        (["--epochs", "0"], "epochs"),
    ],
)
def test_train_refuses_in_one_line(tmp_path, capsys, options, said):
    line = refused(capsys, "train", "record", "--output", str(tmp_path / "m"), *options)
    assert said in line
    assert not (tmp_path / "m").exists()


def test_train_refuses_a_database_that_is_not_there(tmp_path, capsys):
    line = refused(capsys, "train", "record", "--output", str(tmp_path / "m"), "--data", str(tmp_path))
    assert "ptbxl_database.csv: fetch the database with `ecg-stream download ptb-xl`" in line
    (tmp_path / "ptbxl_database.csv").write_text("ecg_id\n1\n")
    line = refused(capsys, "train", "record", "--output", str(tmp_path / "m"), "--data", str(tmp_path))
    assert "lacks the columns patient_id" in line


def test_evaluate_refuses_in_one_line(tmp_path, capsys):
    model = str(write_bundle(tmp_path / "lowest"))
    beats = str(write_bundle(tmp_path / "beats", task="beat"))
    assert "is for the task 'beat'" in refused(capsys, "evaluate", "record", "--model", beats)
    assert "was trained on I; leave --leads out" in refused(
        capsys, "evaluate", "record", "--model", model, "--leads", "all"
    )
    assert "--into-card --fold 3: a card carries figures of folds that no model learns from" in refused(
        capsys, "evaluate", "record", "--model", model, "--into-card", "--fold", "3"
    )
    assert "test" not in json.loads((tmp_path / "lowest" / "card.json").read_text())["metrics"]
    assert "of fold 10; PTB-XL has folds 1 to 10: choose another with --fold" in refused(
        capsys, "evaluate", "record", "--model", model, "--fold", "10"
    )
