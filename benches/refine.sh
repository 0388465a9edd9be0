#!/bin/bash
# Iterations per second and peak memory of SRe2L and LIC, stillroom's whole loop and PyTorch's, alternating in one run.
#   benches/refine.sh STILLROOM PYTHON SHARED CIFAR10 IMAGENETTE [ROUNDS]
# CIFAR10 and IMAGENETTE are folders of classes. Ratios are stillroom's rate over PyTorch's of the same round.
set -euo pipefail
stillroom=$1 python=$2 shared=$3 cifar=$4 nette=$5 rounds=${6:-3}
here=$(cd "$(dirname "$0")" && pwd)
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

# ours METHOD NET: the last line of a distillation of one image per class; scores and features are not in the rate.
ours() {
    local data=$cifar observer=$shared/weights/cifar10_conv3.pth steps=400 more=()
    if [ "$2" = tf_efficientnet_lite0 ]; then
        data=$nette observer=$shared/weights/tf_efficientnet_lite0.safetensors steps=40 more=(--prune --mean-std half)
    fi
    "$stillroom" distill --data "$data" --observer "$observer" --method "$1" --ipc 1 --iterations "$steps" \
        "${more[@]}" --out "$place/$RANDOM-set" --project "$place/$RANDOM-project" --device cpu 2> "$place/log" | tail -1
}

for round in $(seq "$rounds"); do
    for net in conv3 tf_efficientnet_lite0; do
        for method in sre2l lic; do
            batch=$([ $method = lic ] && echo 1 || echo 10)
            peer=$("$python" "$here/refine_torch.py" "$shared" --method $method --net $net --batch "$batch" --seconds 15)
            own=$(ours $method $net) || { cat "$place/log" >&2; exit 1; }
            jq -nc --argjson own "$own" --argjson peer "$peer" --arg what "$method $net" --argjson round "$round" '{round: $round,
                work: $what, stillroom: $own.iterations_per_second, pytorch: $peer.iterations_per_second,
                ratio: ($own.iterations_per_second / $peer.iterations_per_second * 100 | round / 100),
                stillroom_mib: $own.peak_rss_mib, pytorch_mib: $peer.peak_mib}'
        done
    done
done
