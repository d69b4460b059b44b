"""The `ecg-stream` command: one module a command. The only room that prints and exits."""
