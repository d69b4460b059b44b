#!/bin/sh
# The root file system is read-only, and numba wants to be able to write where its cache is: a copy in memory, some MB.
set -eu
export NUMBA_CACHE_DIR=/tmp/numba
cp -R /opt/numba /tmp/numba 2> /dev/null || true
exec ecg-stream "$@"
