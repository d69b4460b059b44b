"""Datasets, training, evaluation and plots. TensorFlow, scikit-learn and matplotlib load inside functions."""
