"""The demo in every format: the same leads, rate, samples and marks as the record itself."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ecg_stream as es
from ecg_stream.errors import RecordError, RecordWarning
from ecg_stream.replay.catalog import find_record
from ecg_stream.replay.demo import demo_record

FS = 250
DEMO = demo_record()
ECG = DEMO.signal(0, 20 * FS)
TIMES = np.arange(len(ECG)) / FS
Write = Callable[[Path], dict[str, Any]]


def csv(header: str, row: str, *, scale: float = 1.0, comma: bool = False, encoding: str = "utf-8") -> Write:
    def write(path: Path) -> dict[str, Any]:
        lines = [
            row.format(t=t, ms=round(1000 * t), k=k, a=a, b=b)
            for k, (t, (a, b)) in enumerate(zip(TIMES, ECG * scale, strict=True))
        ]
        text = "\n".join(lines) + "\n"
        path.write_bytes((header + (text.replace(".", ",") if comma else text)).encode(encoding))
        return {}

    return write


def given(write: Write, **options: Any) -> Write:
    return lambda path: write(path) | options


def npy(path: Path) -> dict[str, Any]:
    np.save(path, ECG)
    return {"fs": FS}


def npz(path: Path) -> dict[str, Any]:
    np.savez(path, signals=ECG * 1000, fs=FS, leads=["MLII", "V5"], unit="uV", labels_of_beats=np.arange(100))
    return {}


def named_fields(path: Path) -> dict[str, Any]:
    x = np.zeros(len(ECG), dtype=[("time", "f8"), ("MLII", "f8"), ("V5", "f8")])
    x["time"], x["MLII"], x["V5"] = TIMES, ECG[:, 0], ECG[:, 1]
    np.save(path, x)
    return {}


def mat(path: Path) -> dict[str, Any]:
    from scipy.io import savemat

    savemat(path, {"val": np.rint(ECG.T * 200).astype(np.int16), "Fs": FS})  # on its side, as PhysioNet has them
    return {"unit": "200/mV"}


def parquet(path: Path) -> dict[str, Any]:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet as files

    moments = (1_700_000_000_000_000 + np.rint(TIMES * 1e6)).astype("datetime64[us]")
    files.write_table(pyarrow.table({"at": moments, "MLII [uV]": ECG[:, 0] * 1000, "V5 [uV]": ECG[:, 1] * 1000}), path)
    return {}


def edf(path: Path) -> dict[str, Any]:
    edfio = pytest.importorskip("edfio")
    limits = {"physical_range": (-10.24, 10.235), "digital_range": (-2048, 2047)}
    leads = [
        edfio.EdfSignal(ECG[:, k], FS, label=name, physical_dimension="mV", **limits)
        for k, name in enumerate(DEMO.leads)
    ]
    slow = edfio.EdfSignal(
        np.sin(np.arange(20 * 25) / 9), 25, label="Resp", physical_dimension="mV", physical_range=(-1, 1)
    )
    marks = DEMO.annotations()
    assert marks is not None
    inside = marks.between(0, len(ECG))
    notes = [
        edfio.EdfAnnotation(s / FS, None, symbol)
        for s, symbol in zip(inside.samples.tolist(), inside.symbols, strict=True)
    ]
    edfio.Edf([slow, *leads], annotations=notes).write(path)
    return {}


def bdf(path: Path) -> dict[str, Any]:
    edfio = pytest.importorskip("edfio")
    limits = {"physical_range": (-10240, 10240), "digital_range": (-2048, 2048)}
    edfio.Bdf(
        [
            edfio.BdfSignal(ECG[:, k] * 1000, FS, label=name, physical_dimension="uV", **limits)
            for k, name in enumerate(DEMO.leads)
        ]
    ).write(path)
    return {}


def matlab73(path: Path) -> dict[str, Any]:
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in (("val", np.rint(ECG * 200)), ("Fs", np.array([[FS]]))):
            # MATLAB has (n_samples, n_leads) of which this is the transpose, column by column.
            file.create_dataset(name, data=value.T).attrs["MATLAB_class"] = np.bytes_(b"double")
        text = file.create_dataset("unit", data=np.array([[ord(each)] for each in "mV"], np.uint16))
        text.attrs["MATLAB_class"] = np.bytes_(b"char")
    content = path.read_bytes()
    head = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM"
    path.write_bytes(head + content[len(head) :])
    return {"unit": "200/mV"}


def hdf5(path: Path) -> dict[str, Any]:
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        group = file.create_group("session")
        group.create_dataset("ecg", data=ECG * 1000)
        group.create_dataset("leads", data=list(DEMO.leads))
        group.create_dataset("unit", data="uV")
        file.attrs["fs"] = FS
    return {}


def dicom(path: Path) -> dict[str, Any]:
    pydicom = pytest.importorskip("pydicom")

    def channel(name: str) -> Any:
        out, source, unit = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
        source.CodeMeaning = f"Lead {name} (made)"
        unit.CodeValue = "uV"
        out.ChannelSourceSequence, out.ChannelSensitivityUnitsSequence = [source], [unit]
        out.ChannelSensitivity, out.ChannelSensitivityCorrectionFactor, out.ChannelBaseline = "5", "1", "0"
        return out

    groups = []
    for samples in (ECG[:300], ECG):  # as a mean beat, and the rhythm
        group = pydicom.Dataset()
        group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = samples.shape[::-1]
        group.SamplingFrequency = str(FS)
        group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 16, "SS"
        group.ChannelDefinitionSequence = [channel(name) for name in DEMO.leads]
        group.WaveformData = np.rint(samples * 200).astype("<i2").tobytes()
        groups.append(group)
    content = pydicom.Dataset()
    content.WaveformSequence = groups
    content.file_meta = pydicom.dataset.FileMetaDataset()
    content.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    content.file_meta.MediaStorageSOPClassUID = pydicom.uid.UID("1.2.840.10008.5.1.4.1.1.9.1.2")
    content.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    content.save_as(path, enforce_file_format=True)
    return {}


CASES = {
    "time in s.csv": csv("time,MLII,V5\n", "{t:.4f},{a:.3f},{b:.3f}"),
    "time in ms, units in names.csv": csv("Time (ms),MLII (uV),V5 (uV)\n", "{ms},{a:.1f},{b:.1f}", scale=1000),
    "decimal comma.csv": csv("Zeit;MLII;V5\n", "{t:.4f};{a:.3f};{b:.3f}", comma=True),
    "as rdsamp has it.csv": csv(
        "'Elapsed time','MLII','V5'\n'hh:mm:ss.mmm','mV','mV'\n", "'0:{t:06.3f}',{a:.3f},{b:.3f}"
    ),
    "samples counted.csv": given(csv("'sample #','MLII','V5'\n", "{k},{a:.3f},{b:.3f}"), fs=FS),
    "no header.csv": given(csv("", "{a:.3f},{b:.3f}"), fs=FS),
    "no header, time.txt": csv("", "{t:.3f} {a:.3f} {b:.3f}"),
    "comments and tabs.tsv": given(csv("# made by hand\n# mV\nMLII\tV5\n", "{a:.3f}\t{b:.3f}"), fs=FS),
    "separator at the end.txt": given(csv("MLII\tV5\t\n", "{a:.3f}\t{b:.3f}\t"), fs=FS),
    "white space, comma.txt": given(csv("MLII V5\n", "{a:.3f}  {b:.3f}", comma=True), fs=FS),
    "latin-1.csv": csv("time;MLII (µV);V5 (µV)\n", "{t:.4f};{a:.1f};{b:.1f}", scale=1000, encoding="latin-1"),
    "utf-16.csv": csv("time;MLII;V5\n", "{t:.4f};{a:.3f};{b:.3f}", encoding="utf-16"),
    "byte order mark.csv": csv("time,MLII,V5\n", "{t:.4f},{a:.3f},{b:.3f}", encoding="utf-8-sig"),
    "pandas.csv": given(csv(",0,1\n", "{k},{a:.3f},{b:.3f}"), fs=FS),
    "quotes.csv": csv('"time","MLII","V5"\n', '"{t:.4f}","{a:.3f}","{b:.3f}"'),
    "text beside.csv": csv("when,time,MLII,V5,note\n", "Monday,{t:.4f},{a:.3f},{b:.3f},well"),
    "dates.csv": csv("time,MLII,V5\n", "2024-01-31 10:15:{t:09.6f},{a:.3f},{b:.3f}"),
    "array.npy": npy,
    "arrays.npz": npz,
    "fields.npy": named_fields,
    "matlab.mat": mat,
    "table.parquet": parquet,
    "leads.edf": edf,
    "leads.bdf": bdf,
    "matlab 7,3.mat": matlab73,
    "arrays.h5": hdf5,
    "waveform.dcm": dicom,
}

WARNED = {
    "matlab.mat": "each row is taken for a lead",
    "leads.edf": "Resp .* left out",
    "waveform.dcm": "left out: 1.2 s",
}
"""From Python, what is odd about a record is a warning."""


@pytest.mark.parametrize("case", CASES)
def test_samples_are_those_of_the_record(case: str, tmp_path: Path) -> None:
    path = tmp_path / case
    options = CASES[case](path)
    record = find_record(str(path), **options)
    assert (record.name, record.fs, record.n_samples) == (path.stem, FS, len(ECG))
    np.testing.assert_allclose(record.signal(), ECG, atol=1e-9)
    np.testing.assert_allclose(record.signal(1000, 1234), ECG[1000:1234], atol=1e-9)
    if record.leads not in {("ECG1", "ECG2"), ("0", "1")}:
        assert record.leads == ("MLII", "V5")
    with pytest.warns(RecordWarning, match=WARNED[case]) if case in WARNED else nullcontext():
        assert es.read_record(path, **options).leads == record.leads


def test_annotations_of_edf_are_the_reference(tmp_path: Path) -> None:
    path = tmp_path / "marked.edf"
    edf(path)
    found, expected = find_record(str(path)).annotations(), DEMO.annotations()
    assert found is not None
    assert expected is not None
    assert found.samples.tolist() == expected.between(0, len(ECG)).samples.tolist()
    assert found.symbols == expected.between(0, len(ECG)).symbols


@pytest.mark.parametrize("suffix", [".edf", ".bdf"])
def test_interruptions_of_edf_are_gaps(suffix: str, tmp_path: Path) -> None:
    edfio = pytest.importorskip("edfio")
    path = tmp_path / f"x{suffix}"
    make = edfio.EdfSignal if suffix == ".edf" else edfio.BdfSignal
    limits = {"physical_range": (-10.24, 10.235), "digital_range": (-2048, 2047)}
    leads = [make(ECG[:, k], FS, label=name, physical_dimension="mV", **limits) for k, name in enumerate(DEMO.leads)]
    marks = [edfio.EdfAnnotation(17.5, None, "V")]
    (edfio.Edf if suffix == ".edf" else edfio.Bdf)(leads, annotations=marks, data_record_duration=1).write(path)
    content = path.read_bytes()
    for second in range(10, 20):  # half of the data records began 60 s later
        old, new = f"+{second}\x14\x14".encode(), f"+{second + 60}\x14\x14".encode()
        assert content.count(old) == 1
        content = content.replace(old, new)
    path.write_bytes(content.replace(b"+17.5\x14V", b"+77.5\x14V"))
    record = find_record(str(path))
    assert record.n_samples == 80 * FS
    signal = record.signal()
    np.testing.assert_allclose(signal[:2500], ECG[:2500], atol=1e-9)
    assert np.isnan(signal[2500:17500]).all()
    np.testing.assert_allclose(signal[17500:], ECG[2500:], atol=1e-9)
    np.testing.assert_allclose(record.signal(17400, 17600)[100:], ECG[2500:2600], atol=1e-9)
    found = record.annotations()
    assert found is not None
    assert found.samples.tolist() == [77.5 * FS]
    path.write_bytes(content.replace(b"+75\x14\x14", b"+05\x14\x14"))
    with pytest.raises(RecordError, match="its data record 16 begins 5 s after the first"):
        find_record(str(path))


def test_a_real_dicom_ecg_is_played() -> None:
    pydicom = pytest.importorskip("pydicom")
    path = Path(pydicom.__file__).parent / "data/test_files/waveform_ecg.dcm"
    if not path.exists():
        pytest.skip("this pydicom comes without its test files")
    record = find_record(str(path))
    assert record.leads == ("I", "II", "III", "aVR", "aVL", "aVF", *(f"V{k}" for k in range(1, 7)))
    assert (record.fs, record.n_samples) == (1000, 10_000)
    signal = record.signal()
    np.testing.assert_allclose(signal[:, 0] + signal[:, 2], signal[:, 1], atol=0.01)  # Einthoven: I + III = II
    assert 0.5 < np.abs(signal).max() < 5


def test_an_annotation_file_beside_a_file_is_its_reference(tmp_path: Path, write_record: Callable[..., Path]) -> None:
    record = write_record(tmp_path)
    np.save(tmp_path / "r1.npy", ECG)
    (tmp_path / "r1.hea").unlink()
    marks = find_record(str(record.with_suffix(".npy")), fs=FS).annotations()
    assert marks is not None
    assert len(marks) > 20


def test_columns_are_chosen_by_name_or_number(tmp_path: Path) -> None:
    path = tmp_path / "three.csv"
    csv("time,RESP,MLII,V5\n", "{t:.4f},7.5,{a:.3f},{b:.3f}")(path)
    assert find_record(str(path)).leads == ("MLII", "V5")
    assert find_record(str(path), columns=["4", "mlii"]).leads == ("V5", "MLII")
    assert find_record(str(path), columns=["RESP"]).leads == ("RESP",)
    assert find_record(str(path), leads=["1"]).leads == ("V5",)
    np.testing.assert_allclose(find_record(str(path), columns=["4"]).signal(), ECG[:, 1:], atol=1e-9)


@pytest.mark.parametrize("digits", [3, 6])
def test_a_gap_in_time_is_a_gap(tmp_path: Path, digits: int) -> None:
    kept = np.r_[0:1000, 1600:3000, 3001 : len(ECG)]
    path = tmp_path / "gaps.csv"
    rows = [f"{1.5 + k / 360:.{digits}f},{ECG[k, 0]:.3f}\n" for k in kept.tolist()]
    path.write_text("time,II\n" + "".join(rows))
    record = find_record(str(path))
    assert (record.fs, record.n_samples) == (360, len(ECG))
    missing = np.isnan(record.signal()[:, 0])
    assert np.flatnonzero(missing).tolist() == [*range(1000, 1600), 3000]
    np.testing.assert_allclose(record.signal()[~missing, 0], ECG[kept, 0], atol=1e-9)
    np.testing.assert_array_equal(record.signal(900, 1700), record.signal()[900:1700])


def test_time_of_the_day_runs_past_midnight(tmp_path: Path) -> None:
    path = tmp_path / "night.csv"
    rows = []
    for k, a in enumerate(ECG[:, 0].tolist()):
        ms = 86_390_000 + 4 * k
        rows.append(f"{ms // 3_600_000 % 24:02}:{ms // 60_000 % 60:02}:{ms % 60_000 / 1000:06.3f},{a:.3f}\n")
    path.write_text("time,II\n" + "".join(rows))
    record = find_record(str(path))
    assert (record.fs, record.n_samples) == (250, len(ECG))


def test_blank_cells_are_no_measurement(tmp_path: Path) -> None:
    path = tmp_path / "blank.csv"
    path.write_text("I,II\n" + "0.1,0.2\n" * 300 + ",NaN\nn/a,-\n" + "0.1,0.2\n" * 300)
    samples = find_record(str(path), fs=250).signal()
    assert samples.shape == (602, 2)
    assert np.isnan(samples[300:302]).all()
    assert np.isfinite(np.delete(samples, [300, 301], axis=0)).all()


def test_one_dimension_is_one_lead(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.rint(ECG[:, 0] * 1000).astype(np.int16))
    record = find_record(str(tmp_path / "x.npy"), fs=FS, unit="uV")
    assert record.leads == ("ECG1",)
    np.testing.assert_allclose(record.signal(), ECG[:, :1], atol=1e-9)


def test_a_wfdb_record_beside_a_file_of_its_name_is_still_found(
    tmp_path: Path, write_record: Callable[..., Path]
) -> None:
    path = write_record(tmp_path)
    buffer = io.StringIO()
    np.savetxt(buffer, ECG[:500], delimiter=",")
    path.with_suffix(".csv").write_text(buffer.getvalue())
    assert find_record(str(path)).n_samples == 20 * FS
    assert find_record(str(path.with_suffix(".csv")), fs=FS).n_samples == 500
