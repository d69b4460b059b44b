"""A live ECG beat classifier: WFDB records or MQTT in, AAMI-classified beats out."""

import os

# Nothing leaves the machine unasked: ONNX Runtime from 1.29 on and Ray report to their makers unless told not to.
# Whatever uses them is inside this package, so this is run before they are imported, in every process.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

__version__ = "0.1.0"
