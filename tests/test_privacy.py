"""Nothing leaves the machine unasked: no name is looked up, and nothing is written but where it is said to be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import ecg_stream

_WATCHED = """
import os, sys
from pathlib import Path

seen, allowed = [], [Path(each).resolve() for each in sys.argv[1:]]

def watch(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.connect", "socket.sendto"):
        seen.append((event, arguments))
    elif event == "open" and isinstance(arguments[0], str) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        path = Path(arguments[0]).resolve()
        if path != Path(os.devnull) and not any(path.is_relative_to(folder) for folder in allowed):
            seen.append((event, str(path)))

sys.addaudithook(watch)

from ecg_stream.cli.app import run

status = run(["replay", "demo", "--speed", "max", "--format", "json", "--end", "30", "--annotations", sys.argv[1]])
print(seen, file=sys.stderr)
sys.exit(status or len(seen))
"""
OURS = ("ORT_DISABLE_TELEMETRY", "RAY_USAGE_STATS_ENABLED")


def test_a_classified_record_leaves_its_annotations_and_nothing_else(tmp_path: Path) -> None:
    home, out = tmp_path / "home", tmp_path / "out"
    home.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", *OURS))}
    environment |= {"HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    compiled = os.environ.get("NUMBA_CACHE_DIR", Path(ecg_stream.__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", _WATCHED, out, compiled], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert '"type":"beat"' in done.stdout
    assert [path.name for path in out.iterdir()] == ["demo.ecs"]
    # No audit hook sees native code; ONNX Runtime's reports begin with a name for the machine, kept in the home folder.
    assert not [*home.rglob("*")]


def test_a_choice_of_the_users_own_stays() -> None:
    show = f"import os, ecg_stream; print([os.environ[name] for name in {OURS}])"
    for theirs, expected in (({}, "['1', '0']"), (dict.fromkeys(OURS, "7"), "['7', '7']")):
        environment = {name: value for name, value in os.environ.items() if name not in OURS} | theirs
        done = subprocess.run([sys.executable, "-c", show], env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == expected
