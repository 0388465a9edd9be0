#!/usr/bin/env bash
# Times a student's training (CIFAR-10, conv3 taught by conv3, IPC 10, batch 50) in stillroom and in the PyTorch peer,
# alternating, and prints both JSON lines.
#   benches/train.sh STILLROOM PYTHON SHARED DATA
# PYTHON has torch, torchvision and pillow; SHARED holds peer/ and weights/; DATA is what SHARED/data/unpack.sh makes.
set -euo pipefail
stillroom=$1 python=$2 shared=$3 data=$4 rounds=${ROUNDS:-3} epochs=${EPOCHS:-50}
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
observer=$shared/weights/cifar10_conv3.pth
"$stillroom" distill --data "$data/cifar10" --observer "$observer" --ipc 10 --patches 1 --format jpeg:75 \
  --project "$work/project" --out "$work/distilled" --device cpu 2>/dev/null | tail -n 1
# The peer takes every entry for a class.
mkdir "$work/classes" && cp -r "$work/distilled"/0* "$work/classes"
for round in $(seq "$rounds"); do
  echo "round $round"
  "$stillroom" train --data "$work/distilled" --val "$data/cifar10" --observer "$observer" --student conv3 \
    --epochs "$epochs" --val-limit 100 --out "$work/ours-$round" --device cpu 2>/dev/null | tail -n 1
  "$python" "$shared/peer/rded_torch.py" train --data "$work/classes" --val "$data/cifar10/test" --weights "$observer" \
    --arch conv3 --side 32 --factor 1 --ipc 10 --epochs "$epochs" --val-limit 100 --device cpu
done
