"""Annotation files: what is written is what is read, and what cannot be read is told in one line."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg_stream.errors import RecordError, RequestError
from ecg_stream.replay.annotations import marks, read_annotations, write_annotations
from ecg_stream.stream.core.messages import CLASSES

Written = list[tuple[int, str]]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.integers(0, 5000), st.integers(0, 2**40)),  # gaps of one word, of a SKIP, and of many
            st.sampled_from(CLASSES),
        ),
        max_size=40,
    ),
    st.sampled_from([100.0, 128.0, 249.5, 250.0, 360.0, 1000.0]),
)
def test_what_is_written_is_what_is_read(written: Written, fs: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = write_annotations(Path(folder), "r1", fs, [s for s, _ in written], [k for _, k in written])
        assert file == Path(folder, "r1.ecs")
        read = read_annotations(Path(folder, "r1"), fs, "ecs")
    assert read is not None
    expected = sorted(written, key=lambda mark: mark[0])
    assert list(zip(read.samples.tolist(), read.symbols, strict=True)) == expected
    assert read.samples.dtype == np.int64


def test_no_beats_give_a_valid_file(tmp_path: Path) -> None:
    write_annotations(tmp_path, "r1", 250, [], [])
    read = read_annotations(tmp_path / "r1", 250, "ecs")
    assert read is not None
    assert len(read) == 0
    assert read.samples.shape == read.subtypes.shape == (0,)


def test_a_file_with_a_time_resolution_of_its_own_is_brought_to_the_samples_of_the_leads(tmp_path: Path) -> None:
    write_annotations(tmp_path, "r1", 250, [0, 125, 251], ["N", "V", "N"])
    for fs, expected in [
        (250.0, [0, 125, 251]),
        (360.0, [0, 180, 361]),
        (1000.0, [0, 500, 1004]),
        (128.0, [0, 64, 129]),
    ]:
        read = read_annotations(tmp_path / "r1", fs, "ecs", frame_hz=77.0)
        assert read is not None
        assert read.samples.tolist() == expected
        assert read.symbols == ("N", "V", "N")


def test_a_file_without_one_counts_frames(tmp_path: Path) -> None:
    write_annotations(tmp_path, "r1", 250, [0, 125, 251], ["N", "V", "N"])
    file = tmp_path / "r1.ecs"
    whole = file.read_bytes()
    marks_begin = whole.index(b"\x00\xec\xff\xff\xff\xff\x01\x00") + 8
    file.write_bytes(whole[marks_begin:])
    for fs, frame_hz, expected in [
        (500.0, 125.0, [0, 500, 1004]),
        (250.0, 250.0, [0, 125, 251]),
        (360.0, None, [0, 125, 251]),
    ]:
        read = read_annotations(tmp_path / "r1", fs, "ecs", frame_hz=frame_hz)
        assert read is not None
        assert read.samples.tolist() == expected


def test_a_time_resolution_that_is_no_number_is_told(tmp_path: Path) -> None:
    write_annotations(tmp_path, "r1", 250, [5], ["N"])
    file = tmp_path / "r1.ecs"
    file.write_bytes(file.read_bytes().replace(b"resolution: 250", b"resolution: 1.x"))
    with pytest.raises(RecordError, match=r"time resolution of '?1\.x"):
        read_annotations(tmp_path / "r1", 250, "ecs")


def test_a_patient_id_may_hold_dots(tmp_path: Path) -> None:
    write_annotations(tmp_path / "new" / "folder", "ward-3.bed_7", 250, [5], ["V"])
    read = read_annotations(tmp_path / "new" / "folder" / "ward-3.bed_7", 250, "ecs")
    assert read is not None
    assert read.symbols == ("V",)


def test_writing_again_replaces_the_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    write_annotations(tmp_path, "r1", 250, [5, 9], ["V", "N"])
    write_annotations(tmp_path, "r1", 250, [7], ["S"])
    assert [file.name for file in tmp_path.iterdir()] == ["r1.ecs"]
    read = read_annotations(tmp_path / "r1", 250, "ecs")
    assert read is not None
    assert read.samples.tolist() == [7]


def test_what_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    write_annotations(tmp_path, "r1", 250, [5], ["V"])
    with pytest.raises(ValueError, match="negative"):
        write_annotations(tmp_path, "r1", 250, [-5], ["V"])
    assert [file.name for file in tmp_path.iterdir()] == ["r1.ecs"]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RequestError, match=r"cannot write .*r1\.ecs: ") as told:
        write_annotations(tmp_path / "file", "r1", 250, [1], ["N"])
    assert told.value.about == "annotations"


def test_no_file_is_no_annotations(tmp_path: Path) -> None:
    assert read_annotations(tmp_path / "r1", 250) is None


@pytest.mark.parametrize(
    "content",
    [b"", b"\x05", b"\x12\x04\x00", b"\x12\x04\x12\x04", b"RIFF and so on\0", bytes(range(1, 200))],
    ids=["empty", "one byte", "odd", "no end", "text", "noise"],
)
def test_what_is_no_annotation_file_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "r1.atr").write_bytes(content)
    with pytest.raises(RecordError, match=r"r1\.atr .*fetch it again"):
        read_annotations(tmp_path / "r1", 250)


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=60))
def test_damage_is_a_record_error_or_some_annotations_in_order(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "r1.atr").write_bytes(content + b"\0\0")
        try:
            read = read_annotations(Path(folder, "r1"), 250)
        except RecordError as error:
            assert "\n" not in str(error)  # noqa: PT017  either outcome is right
        else:
            assert read is not None
            assert (np.diff(read.samples) >= 0).all()


def test_beats_are_what_is_left_of_the_marks() -> None:
    found = marks([1, 5, 9, 12], "+N~V")
    assert found.counts() == {"+": 1, "N": 1, "~": 1, "V": 1}
    beats = found.beats()
    assert beats.samples.tolist() == [5, 12]
    assert beats.symbols == ("N", "V")
    assert len(beats.subtypes) == len(beats.notes) == len(beats) == 2
