"""A live ECG beat classifier: WFDB records or MQTT in, AAMI-classified beats out."""

__version__ = "0.1.0"
