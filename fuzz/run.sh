#!/usr/bin/env bash
# fuzz/run.sh SECONDS [TARGET…]: builds the fuzz targets and runs them one after another, all by default. What is new in
# the corpora stays in fuzz/corpus, findings in fuzz/findings; neither is committed: a finding becomes a fixture.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:?seconds for each target}; shift
targets=("$@"); [ $# -gt 0 ] || targets=(pickle zip safetensors manifest curation card class_map labels fkd cifar jpeg)
export RUSTC_WORKSPACE_WRAPPER=$PWD/fuzz/coverage-rustc.sh
[ -n "${STILLROOM_FUZZ_BIN:-}" ] || cargo build -q --release --example fuzz --features fuzzing
bin=${STILLROOM_FUZZ_BIN:-${CARGO_TARGET_DIR:-target}/release/examples/fuzz}
failed=0
for target in "${targets[@]}"; do
    mkdir -p "fuzz/corpus/$target" fuzz/findings
    seeds=("fuzz/seeds/$target")
    case $target in
        zip) seeds+=(tests/fixtures/weights tests/fixtures/fkd/cutmix/epoch_0) ;;
        pickle | safetensors) seeds+=(tests/fixtures/weights) ;;
        fkd) seeds+=(tests/fixtures/fkd/cutmix/epoch_0 tests/fixtures/fkd/none/epoch_0 tests/fixtures/fkd/mixup/epoch_0) ;;
        manifest) seeds+=(tests/fixtures/format1) ;;
        jpeg) seeds+=(tests/fixtures/images) ;;
    esac
    for folder in "${seeds[@]}" "tests/fixtures/hostile/$target"; do [ -d "$folder" ] && corpora+=("$folder"); done
    echo "== $target for $seconds s"
    # The program itself takes about 100 MiB; reading small files must not take more than 64 MiB beyond them.
    STILLROOM_FUZZ=$target "$bin" -max_total_time="$seconds" -rss_limit_mb=256 -timeout=10 -max_len=65536 \
        -print_final_stats=1 -artifact_prefix="fuzz/findings/$target-" "fuzz/corpus/$target" "${corpora[@]}" || failed=1
    corpora=()
done
exit $failed
