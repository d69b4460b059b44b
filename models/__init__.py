"""Network definitions, model bundles and the shipped weights."""
