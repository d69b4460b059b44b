"""One stream at work: source, session, sinks, JSON lines, summary."""
