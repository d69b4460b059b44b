"""The live engine: stages, pipeline, asyncio engine, MQTT, monitor, metrics."""
