"""``python -m ecg_stream`` is the command `ecg-stream`."""

from .cli.app import main

if __name__ == "__main__":
    main()
