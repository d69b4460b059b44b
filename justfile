# What a pull request must pass, part by part: `just lint`. The commands stand in .ci/run, once, for CI and for you.
# `just` itself: `python -m pip install rust-just`, or your system's package. Without it, `.ci/run lint` does the same.

# List what there is
default:
    @just --list

# Ruff: lint and format
lint:
    @bash .ci/run lint

# mypy --strict, and the floors
types:
    @bash .ci/run types

# All tests, in two processes
tests:
    @bash .ci/run tests

# The site, strictly, into site/
docs:
    @bash .ci/run docs

# Everything, from a fresh environment, as CI does it
ci:
    @bash .ci/run
