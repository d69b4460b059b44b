"""What a signal is, told from its name: an ECG lead, something else, or unknown."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

_ECG = re.compile(
    r"(?:ecg|ekg|ekc|fecg|mecg|electrocardio\w*|elektrokardio\w*|lead|ableitung|derivation)(?:\d*|i{1,3})"
    r"|(?:d|dl|l|ml|mli|mod|cm|cc|cs|cb|ch|mcl|cl|mv|v|vr)?(?:i|ii|iii|iv|v)"  # I, DII, MLIII, CMV
    r"|(?:d|l)[1-3]|ml[1-6]"
    r"|(?:m?cl|cm|cc|cb|mv)[1-6]r?"
    r"|m?v(?:[1-9]r?|1[0-2])?"  # V1 to V9, V3R, V
    r"|c[1-6]r?"  # IEC calls the chest leads C1 to C6
    r"|-?m?av[rlf]m?"
    r"|v[rlf]|[xyz]|v[xyz]|frank|holter|nehb\w*|chest|wilson|precordial|easi"
)
"""Words that only an ECG lead is called."""

_OTHER_NAMES = {
    "breathing": "resp respiration respiratory breath breathing airflow flow nasal oral cannula thermistor snore "
    "snoring tho thor thorax thoracic abd abdo effort belt rip vent paw pip peep volume imp impedance icg z0 dz dzdt",
    "oximeter": "pleth plethysmogram plethysmograph ppg pulse puls oximetry spo2 spo sao2 so2 osat o2sat ir red "
    "green led",
    "pressure": "abp art ibp nibp nbp bp sbp dbp map pap cvp icp cpp lap rap uap uac fap aop pcw pressure press "
    "arterial cuff fin finap finapres portapres",
    "gas": "co2 etco2 capno capnogram o2 fio2",
    "brain, eyes, muscles": "eeg eog emg ecog meg egg ecochg bis loc roc chin submental tibialis tib leg legs",
    "skin": "gsr eda scr scl sc skin hand foot",
    "movement of the heart": "scg bcg pcg mcg gcg phono phonocardiogram heartsound sound audio mic microphone",
    "heart rate and output": "hr hrv rr nn bpm fhr mhr rate toco uc uterine sv co ci svr stroke output st",
    "temperature": "temp temperature t1 t2",
    "movement": "acc accel acceleration accelerometer accx accy accz gyro gyr mag magnetometer position activity "
    "motion",
    "device": "light lux battery batt status stat trigger trig alarm sync clock time timestamp counter index quality "
    "sqi pace pacer pacing marker markers mark event events annotation annotations annot ann label labels",
    "inside the heart": "hbp egm hra rva his abl ablation",
}
_OTHER_WORDS = frozenset(word for words in _OTHER_NAMES.values() for word in words.split())
"""Words that a signal beside the ECG is called. One of them in a name outweighs an ECG word: ``ECG-derived resp``."""

_OTHER = re.compile(
    r"(?:resp|pleth|ppg|abp|nibp|nbp|spo2|sao2|etco2|temp|emg|eeg|eog|gsr|scg|acc|gyro|airflow|plethysmo|press)[a-z]+"
    r"|(?:resp|pleth|ppg|abp|art|pap|cvp|icp|bp|p|co2|eeg|eog|emg|gsr|scg|bcg|pcg|hr|spo2|sv|temp|marker|st|acc|uc)\d+"
    r"|(?:art|pap|cvp|icp)(?:sys|dias?|mean|s|d|m)"
    r"|(?:fp|af|fc|ft|cp|tp|po|f|t|p|o|m|e|g)(?:z|\d{1,2})|cz|nz|iz|oz|a[12]"  # electrodes of the EEG: Fp1, Cz, O2, A1
    r"|cs\d\d|(?:hra|rva|his|egm|abl)(?:[dmp]|\d+)"  # inside the heart
)

_TEN_TWENTY = re.compile(r"(?:fp|af|fc|ft|cp|tp|po|f|c|t|p|o|a|m|e)(?:z|\d{1,2})")

_LIMBS = re.compile(r"\b(?:ra|la|ll|rl|vx)\s*[-/]\s*(?:ra|la|ll|rl|wct)\b")  # electrodes of a lead: LA-RA

_ROMAN = {"1": "i", "2": "ii", "3": "iii"}


@lru_cache(maxsize=1024)
def is_ecg(name: str) -> bool | None:
    """Tell whether a signal of this name is an ECG lead; None where the name tells nothing.

    Names are taken in any case and with any separators: ``MLII``, ``ECG lead I``, ``ecg_2``, ``V1``, ``aVR``, ``MCL1``,
    ``D1``, ``CM5``, ``vx``; and ``RESP``, ``PLETHl``, ``ABP Mean``, ``EEG (C4-A1)``, ``foot GSR``, ``SpO2``.
    """
    words = _words(name)
    pairs = re.findall(rf"({_TEN_TWENTY.pattern})-({_TEN_TWENTY.pattern}|ref|ave?)", _plain(name)[:200])
    if pairs or any(word in _OTHER_WORDS or _OTHER.fullmatch(word) for word in words):
        return False
    known = any(_ECG.fullmatch(word) for word in words) or _LIMBS.search(_plain(name)[:200])
    return True if known else None


def ecg_signals(names: Iterable[str]) -> list[bool]:
    """Tell which signals of a record are taken for ECG leads: those by name, and those whose name tells nothing.

    A name that nobody agreed on (``signal 0``, ``noise1``, ``A-S``, none at all) is most often that of an ECG lead, in
    a file that a program wrote. To leave out a patient's only lead would be the greater harm, and what is no ECG mostly
    says so. C3 and C4 are chest leads beside another one of C1 to C6, and electrodes of the EEG without.
    """
    all_names = list(names)
    plain = [_plain(name).strip() for name in all_names]
    chest = bool({"c1", "c2", "c5", "c6"}.intersection(plain))
    return [
        is_ecg(name) is not False and (chest or word not in ("c3", "c4"))
        for name, word in zip(all_names, plain, strict=True)
    ]


def standard_lead(name: str) -> str:
    """Give the name of a lead of the standard twelve as ``i``, ``avr`` or ``v1``, whatever stands around it.

    ``Lead I``, ``ECG I``, ``ECG_I``, ``DI`` and ``D1`` are lead I, and so for the others. ``MLI`` is not: electrodes of
    a modified lead lie on the trunk, which turns the axis that record models read. ``ECG1`` and ``Lead 1`` are not:
    they say the first lead, whichever that is. What is none of the twelve is given as it stands, in small letters.
    """
    words = [word for word in _words(name) if word not in ("lead", "ecg", "ekg", "derivation", "ableitung")]
    word = words[0] if len(words) == 1 and not name.strip().startswith("-") else ""  # -aVR is upside down
    if found := re.fullmatch(r"d(i{1,3}|[1-3])", word):
        return _ROMAN.get(found[1], found[1])
    return word if re.fullmatch(r"i{1,3}|av[rlf]|v[1-6]", word) else name.strip().casefold()


def _plain(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W_]+", _plain(name)[:200])
