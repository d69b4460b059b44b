"""From raw samples to clean ones: guard, high-pass, wavelet denoiser, and the 125 Hz grid of the detector."""
