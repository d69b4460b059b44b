"""What a terminal shows: the monitor of one patient, and the ward."""
