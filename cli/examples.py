"""Examples at the end of each command's help: what stands there is run, or at least read, by the tests."""

from __future__ import annotations

from typing import Any

EXAMPLES: dict[str, tuple[str, ...]] = {
    "replay": (
        "ecg-stream replay demo",
        "ecg-stream replay e0103 --speed 4 --at V:3",
        "ecg-stream replay ride.csv --fs 250 --unit uV --speed max --format csv",
        "ecg-stream replay demo --speed max --annotations out/",
    ),
    "live": (
        "ecg-stream live polar:",
        'ecg-stream live "udp://:5005?fs=250&leads=II,V1&unit=uV"',
        'ecg-stream live "serial:/dev/ttyUSB0?fs=250" --unit 200/mV --publish mqtt://localhost --name bed-7',
    ),
    "subscribe": (
        "ecg-stream subscribe --demo",
        "ecg-stream subscribe mqtt://localhost --http 8080",
        "ecg-stream subscribe mqtts://broker --ca ca.pem --state /var/lib/ecg-stream --metrics 9464 --format json",
    ),
    "publish": (
        "ecg-stream publish demo mqtt://localhost --patient bed-7",
        "ecg-stream publish ride.csv mqtt://localhost --fs 250 --speed max",
    ),
    "check-wave": ("ecg-stream check-wave message.json",),
    "info": ("ecg-stream info demo", "ecg-stream info mitdb/207 --rhythms"),
    "download": ("ecg-stream download edb e0103", "ecg-stream download mitdb"),
    "models": ("ecg-stream models", "ecg-stream models context"),
    "plot": (
        "ecg-stream plot demo --start 390 --end 396 --output denoise.svg",
        "ecg-stream plot demo --what monitor --start 485.6 --size 80x24 --output monitor.png",
    ),
    "predict": ("ecg-stream predict demo --model ptbxl-lead-i", "ecg-stream predict ptb-xl/00001_lr --json"),
    "rhythms": ("ecg-stream rhythms",),
    "rr": ("ecg-stream rr demo --normal --output nn.txt", "ecg-stream rr demo --normal --format neurokit"),
    "score": (
        "ecg-stream score demo --annotations out/",
        "ecg-stream score 201 203 207 --annotations out/ --episodes --rhythm AF",
    ),
    "train beat": (
        "ecg-stream train beat --arch dense --db mitdb-ds1 --output my-model",
        "ecg-stream train beat --records mine.txt --data my-records --output my-model",
    ),
    "train record": ("ecg-stream train record --arch cnn --leads I --output my-model",),
    "train detector": ("ecg-stream train detector --db mitdb --db svdb --output my-detector",),
    "train quality": ("ecg-stream train quality --output my-quality",),
    "train rhythm": ("ecg-stream train rhythm atrial-fibrillation --output my-model",),
    "evaluate beat": ("ecg-stream evaluate beat --db mitdb-ds1 --model my-model --report report",),
    "evaluate labels": ("ecg-stream evaluate labels --db vfdb",),
    "evaluate pacing": ("ecg-stream evaluate pacing --db mitdb --rate 250 --rate 1000",),
    "evaluate pauses": ("ecg-stream evaluate pauses --db mitdb --seed 1",),
    "evaluate quality": ("ecg-stream evaluate quality --db mitdb-ds1 --noise em --snr 0",),
    "evaluate record": ("ecg-stream evaluate record --model ptbxl-lead-i --fold 9 --report report",),
    "evaluate rhythm": ("ecg-stream evaluate rhythm --db mitdb --report report",),
    "evaluate rhythm-model": ("ecg-stream evaluate rhythm-model atrial-fibrillation",),
    "warm-up": ("ecg-stream warm-up",),
    "bench record": (
        "ecg-stream bench e0103 --hours 24 --json",
        "ecg-stream bench --save before.json",
        "ecg-stream bench --compare before.json",
    ),
    "bench mqtt": ("ecg-stream bench mqtt --patients 50 --seconds 60",),
    "bench web": ("ecg-stream bench web --patients 12 --picture ward.png",),
    "bench fleet": ("ecg-stream bench fleet --shards 1,2 --patients 100",),
    "bench look-ahead": ("ecg-stream bench look-ahead --db mitdb",),
    "fleet run": (
        "ecg-stream fleet mqtt://localhost --state state --shards 2",
        "ecg-stream fleet mqtts://broker --ca ca.pem --state s3://ward/state --address auto",
    ),
    "fleet status": ("ecg-stream fleet status",),
    "fleet scale": ("ecg-stream fleet scale 4",),
}
"""Command, with the one inside it where it is a group: lines that a reader can type."""


def add_examples(name: str, command: Any) -> None:
    """Put its examples at the end of the help of a command, and of each command inside it."""
    inside = getattr(command, "commands", {})
    for inner, each in inside.items():
        add_examples(f"{name} {inner}", each)
    if lines := EXAMPLES.get(name):
        heading = "Example" if len(lines) == 1 else "Examples"
        command.epilog = "\n".join(["\b", f"{heading}:", *(f"  {line}" for line in lines)])
