//! Short work on the disk that no frame may wait for; the answer is polled.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, sync_channel};

/// Runs `work` on the shared thread pool.
pub fn later<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Receiver<T> {
    let (done, result) = sync_channel(1);
    rayon::spawn(move || {
        let _ = done.send(work());
    });
    result
}

/// Runs `work` on a thread of its own: the shared pool may be busy with a job for a long while. Where the system has no
/// thread left the answer never comes.
pub fn soon<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Receiver<T> {
    let (done, result) = sync_channel(1);
    let run = move || {
        let _ = done.send(work());
    };
    // Without a thread the sender is dropped, and whoever waits learns it.
    let _ = std::thread::Builder::new().name("keep".to_owned()).spawn(run);
    result
}

/// A path in `parent` that nothing has yet: `name`, `name-2`, …
pub fn free_name(parent: PathBuf, name: String) -> Receiver<PathBuf> {
    free_file(parent, name, "")
}

/// The same for a file with an ending: `name.html`, `name-2.html`, …
pub fn free_file(parent: PathBuf, name: String, ending: &'static str) -> Receiver<PathBuf> {
    later(move || {
        let numbered = (2..1000).map(|n| parent.join(format!("{name}-{n}{ending}")));
        let first = parent.join(format!("{name}{ending}"));
        std::iter::once(first.clone()).chain(numbered).find(|p| !p.exists()).unwrap_or(first)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_name_gets_a_number() {
        let folder = tempfile::tempdir().unwrap();
        let ask = || free_name(folder.path().to_owned(), "out".to_owned()).recv().unwrap();
        assert_eq!(ask(), folder.path().join("out"));
        std::fs::create_dir(folder.path().join("out")).unwrap();
        assert_eq!(ask(), folder.path().join("out-2"));
        let ask = || free_file(folder.path().to_owned(), "out".to_owned(), ".html").recv().unwrap();
        assert_eq!(ask(), folder.path().join("out.html"));
        std::fs::write(folder.path().join("out.html"), b"").unwrap();
        assert_eq!(ask(), folder.path().join("out-2.html"));
    }
}
