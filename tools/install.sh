#!/bin/sh
# usage: install.sh VENV LOCK — install the locked packages and this package itself, with uv where it is there.
set -eu
venv=$1 lock=$2
if command -v uv >/dev/null 2>&1; then
    uv pip install --quiet --python "$venv/bin/python" --require-hashes -r "$lock"
    uv pip install --quiet --python "$venv/bin/python" --no-deps -e .
else
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -e .
fi
# LightGBM's wheel links against libgomp.so.1, which slim images lack; scikit-learn's wheel brings a copy along.
mkdir -p "$venv/lib/openmp"
if ! "$venv/bin/python" -c 'import ctypes; ctypes.CDLL("libgomp.so.1")' 2>/dev/null; then
    copy=$(find "$venv" -name 'libgomp*.so*' -path '*scikit_learn.libs*' | head -n 1)
    [ -n "$copy" ] || { echo "LightGBM needs libgomp.so.1: apt-get install libgomp1" >&2; exit 1; }
    ln -sf "$(realpath "$copy")" "$venv/lib/openmp/libgomp.so.1"
fi
