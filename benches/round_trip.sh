#!/usr/bin/env bash
# Weight files between PyTorch and stillroom, in both directions: reads what PyTorch and timm save, compares the logits,
# writes it again, and loads that in PyTorch with strict=True.
#   benches/round_trip.sh PYTHON [CASE…]
# PYTHON has torch, torchvision, timm and safetensors; the cases are those of `round_trip.py names`. Needs 3 GB on the
# temporary disk.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$1; shift
script=tests/fixtures/round_trip.py
cases=("$@"); [ ${#cases[@]} -gt 0 ] || mapfile -t cases < <("$python" "$script" names)
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cargo test --release --test suite --no-run --message-format=json >"$work/built"
cp "$(grep -o '"executable":"[^"]*/suite-[^"]*"' "$work/built" | tail -1 | cut -d'"' -f4)" "$work/suite"
failed=()
for case in "${cases[@]}"; do
  rm -rf "$work/case"; mkdir -p "$work/case/saved"
  if "$python" "$script" make "$case" "$work/case" &&
    STILLROOM_ROUND_TRIP="$work/case" "$work/suite" round_trip::with_pytorch --ignored --exact >"$work/log" 2>&1 &&
    "$python" "$script" verify "$case" "$work/case"; then :; else
    failed+=("$case"); echo "$case: FAILED"; grep -v '^$' "$work/log" | head -20
  fi
done
[ ${#failed[@]} -eq 0 ] || { echo "failed: ${failed[*]}"; exit 1; }
