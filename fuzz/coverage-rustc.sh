#!/usr/bin/env bash
# Cargo's wrapper for the workspace's crates: compiles them with libFuzzer's counters and with checks of overflow, on the
# stable toolchain. Dependencies are compiled as ever, and are those of the plain build.
exec "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Coverflow-checks=on -Cdebug-assertions=on --cfg=fuzzing
