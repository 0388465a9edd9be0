#!/usr/bin/env bash
# Times stillroom and the PyTorch peer on the same work in one run, alternating, and prints both JSON lines per job.
#   benches/peer.sh STILLROOM PYTHON SHARED DATA
# PYTHON has torch, torchvision and pillow; SHARED holds peer/ and weights/; DATA is what SHARED/data/unpack.sh makes.
set -euo pipefail
stillroom=$1 python=$2 shared=$3 data=$4 rounds=${ROUNDS:-3}
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
peer() { "$python" "$shared/peer/rded_torch.py" "$@" --device cpu; }
ours() { "$stillroom" bench "$@" --device cpu 2>/dev/null; }
for round in $(seq "$rounds"); do
  echo "round $round: distill CIFAR-10, ResNet-20, N = 1, IPC 10, 300 x 5"
  ours distill --data "$data/cifar10/train" --observer "$shared/weights/resnet20-12fca82f.th" --patches 1
  peer distill --data "$data/cifar10/train" --weights "$shared/weights/resnet20-12fca82f.th" --arch resnet20_cifar \
    --side 32 --factor 1 --out "$work/peer-$round"
  for work_of in resnet18:32 mobilenet_v2:32 efficientnet_b0:32 vit_b_16:8; do
    arch=${work_of%:*} batch=${work_of#*:}
    echo "round $round: forward $arch at 224, batch $batch"
    ours forward --arch "$arch" --side 224 --batch "$batch"
    peer forward --arch "$arch" --side 224 --batch "$batch"
    peer forward --arch "$arch" --side 224 --batch "$batch" --channels-last
  done
done
