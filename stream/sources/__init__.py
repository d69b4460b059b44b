"""Live sources: Lab Streaming Layer, a chest strap over Bluetooth, a serial port, UDP."""
