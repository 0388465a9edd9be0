//! Signals that ask a command to end: Ctrl-C, and what schedulers of clusters send before they take a machine back.
//!
//! The first one lets the command store what it has and end; a second one ends it at once. What was ignored when the
//! program began stays ignored: so `nohup` and the background jobs of scripts ask it.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::jobs::control::Control;

/// The first signal that came, by its name, and when.
static RECEIVED: OnceLock<(&str, Instant)> = OnceLock::new();

/// What comes so soon after the first is the same word twice: a closed terminal and its shell both say SIGHUP, and some
/// schedulers tell a process and its whole group.
const ECHO: Duration = Duration::from_millis(200);

/// What Ctrl-C sends.
const INTERRUPT: &str = "SIGINT";

/// The signal that asked the command to end, where it was another one than Ctrl-C.
pub fn received() -> Option<&'static str> {
    RECEIVED.get().map(|&(name, _)| name).filter(|&name| name != INTERRUPT)
}

/// Cancels `control` at the first signal, which `tell` hears of, and ends the program at the second.
///
/// # Errors
/// Where the system refuses the handlers.
pub fn cancel_on_signals(control: Control, tell: fn(&str)) -> Result<(), String> {
    // What is stored is safe at any moment.
    watch::each_signal(move |name| match RECEIVED.set((name, Instant::now())) {
        Ok(()) => {
            if let Some(name) = received() {
                tell(&format!(
                    "{name}: what is done is stored, then the program ends; a second signal ends it at once"
                ));
            }
            control.cancel();
        }
        // At its limit of processor time a process is told so every second (setrlimit(2)).
        Err(_) if name == "SIGXCPU" => {}
        Err(_) if RECEIVED.get().is_some_and(|(_, at)| at.elapsed() < ECHO) => {}
        Err(_) => std::process::exit(130),
    })
}

#[cfg(unix)]
mod watch {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU};
    use signal_hook::iterator::Signals;

    /// Slurm's `--signal` and Grid Engine's `-notify` send SIGUSR1 or SIGUSR2; SIGXCPU tells of the limit of processor time.
    const ALL: [(i32, &str); 6] = [
        (SIGINT, super::INTERRUPT),
        (SIGTERM, "SIGTERM"),
        (SIGHUP, "SIGHUP"),
        (SIGUSR1, "SIGUSR1"),
        (SIGUSR2, "SIGUSR2"),
        (SIGXCPU, "SIGXCPU"),
    ];

    /// Calls `handle` with the name of each signal that comes from now on, on a thread of its own.
    pub(super) fn each_signal(handle: impl Fn(&'static str) + Send + 'static) -> Result<(), String> {
        let ignored = ignored();
        let heard = ALL.iter().map(|&(number, _)| number).filter(|&number| !is_ignored(number, ignored));
        let mut signals = Signals::new(heard).map_err(|e| e.to_string())?;
        let listen = move || {
            for number in signals.forever() {
                ALL.iter().filter(|(known, _)| *known == number).for_each(|(_, name)| handle(name));
            }
        };
        let thread = std::thread::Builder::new().name("signals".to_owned()).spawn(listen);
        thread.map(|_| ()).map_err(|e| e.to_string())
    }

    /// The signals that are ignored, a bit each from SIGHUP = 1 on; `None` where the system doesn't tell.
    fn ignored() -> Option<u64> {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
        u64::from_str_radix(mask.trim(), 16).ok()
    }

    /// Where the system doesn't tell, SIGHUP is left as it was found, because of `nohup`: the end of the terminal then
    /// ends the program, and costs no more than a kill does.
    fn is_ignored(number: i32, ignored: Option<u64>) -> bool {
        ignored.map_or(number == SIGHUP, |mask| mask >> (number - 1) & 1 == 1)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn what_was_ignored_stays_ignored() {
            // SIGHUP and SIGPIPE, as nohup leaves them to a program of Rust.
            let mask = Some(0x1001);
            assert!(is_ignored(SIGHUP, mask) && !is_ignored(SIGINT, mask) && !is_ignored(SIGUSR1, mask));
            assert!(is_ignored(SIGHUP, None) && !is_ignored(SIGTERM, None));
            assert!(ALL.iter().all(|&(number, _)| !is_ignored(number, Some(0))));
        }
    }
}

#[cfg(not(unix))]
mod watch {
    /// Calls `handle` at each Ctrl-C.
    pub(super) fn each_signal(handle: impl Fn(&'static str) + Send + 'static) -> Result<(), String> {
        ctrlc::set_handler(move || handle(super::INTERRUPT)).map_err(|e| e.to_string())
    }
}
