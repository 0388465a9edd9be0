//! How much room there is on the disk.

use std::path::Path;

/// Bytes that are free where `path` is or will be; `None` where the system doesn't tell. Asked of POSIX's `df`: the
/// standard library doesn't know.
#[must_use]
pub fn free(path: &Path) -> Option<u64> {
    let absolute = std::path::absolute(path).ok()?;
    let there = absolute.ancestors().find(|folder| folder.is_dir())?;
    let asked = std::process::Command::new("df").env("LC_ALL", "C").args(["-P", "-k"]).arg(there).output().ok()?;
    if !asked.status.success() {
        return None;
    }
    available(&String::from_utf8_lossy(&asked.stdout))
}

/// The field before the percentage, in units of 1024 bytes. The names around them may have spaces.
fn available(answer: &str) -> Option<u64> {
    let fields: Vec<&str> = answer.lines().nth(1)?.split_whitespace().collect();
    let percentage = fields.windows(2).position(|pair| {
        let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        number(pair[0]) && pair[1].strip_suffix('%').is_some_and(number)
    })?;
    fields[percentage].parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_free_bytes_are_found_in_the_answer() {
        let head = "Filesystem 1024-blocks Used Available Capacity Mounted on\n";
        for (line, due) in [
            ("/dev/sda1 1000 300 700 30% /", Some(700 << 10)),
            ("map auto home 0 0 0 100% /System/Volumes/my disk 7", Some(0)),
            ("tmpfs - - - - /sys", None),
        ] {
            assert_eq!(available(&format!("{head}{line}\n")), due, "{line}");
        }
        assert_eq!(available(head), None);
    }
}
