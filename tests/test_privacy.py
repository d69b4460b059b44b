"""Nothing leaves the machine unasked: no name is looked up, and nothing is written but where it is said to be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from broker import free_port

import ecg_stream
from ecg_stream.replay.demo import demo_record

_WATCHED = """
import json, os, sys
from pathlib import Path

commands = json.loads(sys.argv[1])
seen, allowed = [], [Path(each).resolve() for each in sys.argv[2:]]

def watch(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.connect", "socket.sendto"):
        where = arguments[1] if event in ("socket.connect", "socket.sendto") else arguments
        if not (isinstance(where, tuple) and where[0] == "127.0.0.1"):  # this machine, where we say so ourselves
            seen.append((event, arguments))
    elif event == "open" and isinstance(arguments[0], str) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        path = Path(arguments[0]).resolve()
        if path != Path(os.devnull) and not any(path.is_relative_to(folder) for folder in allowed):
            seen.append((event, str(path)))

sys.addaudithook(watch)

from ecg_stream.cli.app import run

for status, *arguments in commands:
    found = run(arguments)
    if found != status or seen:
        sys.exit(f"{arguments} gave {found} for {status}; seen: {seen}")
"""
OURS = ("ORT_DISABLE_TELEMETRY", "RAY_USAGE_STATS_ENABLED")


def test_no_command_speaks_or_writes_unasked(tmp_path: Path) -> None:
    """Every command that runs without data, broker and devices; `download` and `fleet` are about other machines.

    `train` and `bench` take minutes.
    """
    home, out = tmp_path / "home", tmp_path / "out"
    home.mkdir()
    wave = tmp_path / "wave.json"
    wave.write_text('{"v":1,"start":0,"fs":250,"leads":["II"],"samples":[[0.1]]}')
    ride = tmp_path / "ride.csv"
    rows = demo_record().signal(0, 12 * 250)[:, 0].tolist()
    ride.write_text("time,I\n" + "".join(f"{k / 250:.3f},{x:.3f}\n" for k, x in enumerate(rows)))
    short = ["demo", "--end", "30"]
    closed = f"127.0.0.1:{free_port()}"
    commands: list[list[Any]] = [
        [0, "replay", *short, "--speed", "max", "--format", "json", "--annotations", str(out)],
        [0, "replay", *short, "--speed", "max", "--format", "csv", "--output", str(out / "beats.csv")],
        [0, "score", "demo", "--annotations", str(out), "--test", "ecs"],
        [0, "info", "demo"],
        [0, "rr", *short, "--output", str(out / "nn.txt")],
        [0, "predict", str(ride)],
        [0, "plot", "demo", "--what", "denoise", "--output", str(out / "denoise.svg")],
        [0, "evaluate", "beat", "--records", "demo"],
        [0, "models"],
        [0, "rhythms"],
        [0, "check-wave", str(wave)],
        [2, "publish", "demo", f"mqtt://{closed}"],
        [2, "subscribe", f"mqtt://{closed}"],
        [2, "live", "udp://127.0.0.1:0", "--exit-when-idle", "0.1"],
        [0, "--version"],
        [0, "--help"],
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", *OURS))}
    fonts = tmp_path / "fonts"  # matplotlib keeps its list of fonts in a folder of its own
    environment |= {"HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1", "MPLCONFIGDIR": str(fonts)}
    compiled = os.environ.get("NUMBA_CACHE_DIR", str(Path(ecg_stream.__file__).parent))
    program = [sys.executable, "-c", _WATCHED, json.dumps(commands), str(out), compiled, str(fonts)]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert '"type":"beat"' in done.stdout
    assert sorted(path.name for path in out.iterdir()) == ["beats.csv", "demo.ecs", "denoise.svg", "nn.txt"]
    # No audit hook sees native code; ONNX Runtime's reports begin with a name for the machine, kept in the home folder.
    assert not [*home.rglob("*")]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fonts", "home", "out", "ride.csv", "wave.json"]


def test_a_choice_of_the_users_own_stays() -> None:
    show = f"import os, ecg_stream; print([os.environ[name] for name in {OURS}])"
    for theirs, expected in (({}, "['1', '0']"), (dict.fromkeys(OURS, "7"), "['7', '7']")):
        environment = {name: value for name, value in os.environ.items() if name not in OURS} | theirs
        done = subprocess.run([sys.executable, "-c", show], env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == expected
