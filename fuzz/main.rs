//! One libFuzzer program for all targets: the variable `STILLROOM_FUZZ` chooses. `fuzz/README.md` says how to run it.

#![no_main]

mod targets;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use targets::{TARGETS, Target};

static CHOSEN: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("STILLROOM_FUZZ").unwrap_or_default();
    let names = || TARGETS.map(|(name, _)| name).join(", ");
    let found = TARGETS.iter().find(|(known, _)| *known == name);
    if found.is_some_and(|(name, _)| *name == "jpeg") {
        // Image decoders panic on some damaged files, which the program turns into errors: no reason to stop.
        // Panics that leave the target still end the run.
        std::panic::set_hook(Box::new(|_| ()));
    }
    found.unwrap_or_else(|| panic!("STILLROOM_FUZZ is '{name}', not one of {}", names())).1
});

fuzz_target!(init: { LazyLock::force(&CHOSEN); }, |bytes: &[u8]| CHOSEN(bytes));
