#!/usr/bin/env bash
# Label files for FKD: what stillroom exports is read as FKD's loader reads it, by PyTorch without its unpickler.
#   benches/fkd.sh PYTHON
# PYTHON has torch and numpy.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
STILLROOM_FKD="$work" cargo test --release --lib store::fkd::tests::exports_for_pytorch -- --ignored --exact
for case in "$work"/*.json; do
  "$1" tests/fixtures/fkd.py check "${case%.json}" "$case"
done
