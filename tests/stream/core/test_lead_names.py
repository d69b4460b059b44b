"""What a signal is, told from its name, in the spellings that are met."""

from __future__ import annotations

import pytest

from ecg_stream.stream.core.lead_names import ecg_signals, is_ecg, standard_lead
from ecg_stream.stream.core.units import millivolts

ECG = (
    "I,II,III,i,aVR,AVL,avf,-aVR,V,V1,v6,V3R,V10,MLI,MLII,ML2,MLIII,ML5,MCL1,mcl6,CM5,CM1,CC5,CL1,MV2,D1,D3,DI,DII,"
    "ECG,ecg1,ECG_1,ECG 2,ECG-II,ECG lead I,EKG,EKG2,Lead I,lead_II,Lead 1,I ECG,ecgII,X,Y,z,vx,vy,VZ,chest,C1,FECG,"
    "LA-RA,LL-RA,Vx-RL,mod.V1,ECG (V5),ECG+,Elektrokardiogramm,Ableitung II"
)
OTHER = (
    "RESP,Resp,resp A,Resp (chest),Resp (sum),RESPIRATION,Thorax,Nasal airflow,ECG-derived resp,PLETH,PLETHl,PLETH R,"
    "PPG,ppg_ir,SpO2,SpO2 %,SaO2,SO2,ABP,ABPMean,ABP Sys,ART,ART1,PAP,CVP,ICP,BP,NBPSys,P1,CO2,EtCO2,EEG,EEG (C4-A1),"
    "C4-A1,C3-O1,O2-A1,Fp1,Cz,F4-M1,EOG,EOG(L),E1-M2,EMG,EMG chin,GSR,foot GSR,hand GSR,EDA,SCG,BCG,PCG,HR,heart rate,"
    "PULSE,SV,UC,marker,status,event,Temp,temp1,ACC_X,accel x,Gyro Z,battery,ST1,CS12"
)
UNKNOWN = (
    "signal 0",
    "record_name, signal 0",
    "sig 0, fmt 8",
    "",
    "noise1",
    "A-S",
    "ch1",
    "col 2",
    "Abdomen_1",
    "データ",
)


@pytest.mark.parametrize("name", ECG.split(","))
def test_ecg_leads_are_known_by_name(name: str) -> None:
    assert is_ecg(name) is True
    assert ecg_signals([name]) == [True]


@pytest.mark.parametrize("name", OTHER.split(","))
def test_other_signals_are_known_by_name(name: str) -> None:
    assert is_ecg(name) is False
    assert is_ecg(f" {name.upper()} ") is False
    assert ecg_signals([name, "II"]) == [False, True]


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_name_that_tells_nothing_is_taken_for_a_lead(name: str) -> None:
    assert is_ecg(name) is None
    assert ecg_signals([name]) == [True]


def test_c3_and_c4_are_chest_leads_among_others_and_else_of_the_eeg() -> None:
    assert ecg_signals(["C3", "C4", "O1"]) == [False, False, False]
    assert ecg_signals(["C1", "C2", "C3", "C4"]) == [True] * 4


def test_a_long_name_costs_nothing() -> None:
    assert is_ecg("a-" * 100_000) is None


@pytest.mark.parametrize(
    ("name", "lead"),
    [
        ("I", "i"), ("Lead I", "i"), ("ECG I", "i"), ("ECG_I", "i"), ("DI", "i"), ("D1", "i"), ("D2", "ii"),
        ("DIII", "iii"), ("I II", "i ii"), ("I-II", "i-ii"),
        ("ECG Lead II", "ii"), (" aVR", "avr"), ("AVF", "avf"), ("lead v1", "v1"), ("EKG V6", "v6"),
        ("MLI", "mli"), ("MLII", "mlii"), ("ECG1", "ecg1"), ("Lead 1", "lead 1"), ("-aVR", "-avr"), ("Größe", "grösse"),
    ],
)  # fmt: skip
def test_a_standard_lead_is_the_same_whatever_stands_around_it(name: str, lead: str) -> None:
    assert standard_lead(name) == lead


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("mV", 1.0), ("mv", 1.0), ("MV", 1.0), ("millivolt", 1.0), ("milliVolts", 1.0), ("V", 1e3), ("volts", 1e3),
        ("uV", 1e-3), ("uv", 1e-3), ("µV", 1e-3), ("μV", 1e-3), ("ÂµV", 1e-3), ("microvolt", 1e-3), ("nV", 1e-6),
        ("mmHg", None), ("NU", None), ("adu", None), ("", None), ("mmV", None), ("bpm", None), ("?V", None),
    ],
)  # fmt: skip
def test_units_of_voltage_in_all_spellings(unit: str, factor: float | None) -> None:
    assert millivolts(unit) == factor
