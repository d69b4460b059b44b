"""What every room of the live engine stands on: messages, the contract of a stage, snapshots, compiled loops."""
