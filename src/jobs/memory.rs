//! How much memory this process has taken at most, where the system tells it (Linux).

use std::sync::atomic::{AtomicU64, Ordering};

/// The highest of the peaks that were forgotten, in MiB.
static FORGOTTEN: AtomicU64 = AtomicU64::new(0);

/// The largest resident set of this process so far in MiB.
#[must_use]
pub fn peak_rss_mib() -> Option<u64> {
    Some(now()?.max(FORGOTTEN.load(Ordering::Relaxed)))
}

/// What a piece of work takes at most, from [`Watch::begin`] on.
#[derive(Debug)]
pub struct Watch {
    /// Whether the system began to count anew.
    anew: bool,
}

impl Watch {
    /// Begins to watch. One piece of work at a time can be watched.
    #[must_use]
    pub fn begin() -> Self {
        let Some(before) = now() else { return Self { anew: false } };
        // 5 makes the kernel forget the peak of the resident set, and nothing else (proc(5)).
        let anew = std::fs::write("/proc/self/clear_refs", "5").is_ok();
        if anew {
            FORGOTTEN.fetch_max(before, Ordering::Relaxed);
        }
        Self { anew }
    }

    /// The largest resident set since it began, in MiB; `None` where the system doesn't tell.
    #[must_use]
    pub fn peak_mib(&self) -> Option<u64> {
        now().filter(|_| self.anew)
    }
}

/// The peak that the system knows.
fn now() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgotten_peaks_count_for_the_whole() {
        let Some(before) = peak_rss_mib() else { return };
        let watch = Watch::begin();
        assert!(peak_rss_mib().is_some_and(|peak| peak >= before));
        assert!(watch.peak_mib().is_none_or(|peak| peak_rss_mib().is_some_and(|whole| whole >= peak)));
    }
}
