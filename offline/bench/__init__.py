"""Measuring on this machine: the pipeline, other libraries beside it, the MQTT service, the denoiser's look-ahead."""
