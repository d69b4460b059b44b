"""Online QRS detection on the 125 Hz grid: candidates, and small networks that judge them."""
