"""Many patients at once, over MQTT: link, codec, queues, sessions, journal, outbox, metrics."""
