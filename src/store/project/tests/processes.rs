//! Projects that another process holds, or was killed over.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use super::*;

const ROLE: &str = "STILLROOM_TEST_ROLE";
const FOLDER: &str = "STILLROOM_TEST_FOLDER";

/// Starts this test program again as a process that plays `role` on a project folder.
fn other_process(role: &str, folder: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([
        "--exact",
        "store::project::tests::processes::role",
        "--ignored",
        "--nocapture",
        "--test-threads",
        "1",
    ]);
    command.env(ROLE, role).env(FOLDER, folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// What the other process does. It says `ready` and then a line for every block that is committed.
#[test]
#[ignore = "started by the other tests as a process of its own"]
fn role() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let project = Project::open(Path::new(&std::env::var_os(FOLDER).unwrap())).unwrap();
    println!("\nready");
    if role == "hold" {
        // Until the test closes the pipe or kills this process.
        let _ = std::io::stdin().read_line(&mut String::new());
        return;
    }
    let key = key(7);
    for class in 0_u32.. {
        let name = class.to_string();
        let slot = Slot { key: &key, class: &name, output: class };
        project.save_scores(slot, &block(class.into(), 300, 5), &stamps(300)).unwrap();
        println!("stored {class}");
    }
}

#[test]
fn another_process_is_named_and_a_killed_one_holds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut holder = other_process("hold", folder.path());
    let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|l| l == "ready"));
    let error = Project::open(folder.path()).unwrap_err().to_string();
    let named = format!("this project is in use by process {} (", holder.id());
    assert!(error.contains(&named) && error.contains("for less than a minute"), "{error}");
    holder.kill().unwrap();
    holder.wait().unwrap();
    Project::open(folder.path()).unwrap();
}

#[test]
fn a_kill_leaves_whole_blocks_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let key = key(7);
    let mut stream = Stream::new("stillroom 2026 test", 4, &[]);
    for attempt in 0..6 {
        let mut writer = other_process("write", folder.path());
        let lines = BufReader::new(writer.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut lines = lines.filter(|l| l.starts_with("stored "));
        let seen = 3 + attempt * 4;
        assert_eq!(lines.by_ref().take(seen).count(), seen);
        std::thread::sleep(Duration::from_micros(stream.below(3000)));
        writer.kill().unwrap();
        let committed = seen + lines.count();
        writer.wait().unwrap();
        let project = Project::open(folder.path()).unwrap();
        let load = |class: usize| {
            let name = class.to_string();
            project.load_scores(Slot { key: &key, class: &name, output: class as u32 }, 5, &stamps(300)).unwrap()
        };
        for class in 0..committed {
            assert_eq!(load(class), Some(block(class as u64, 300, 5)), "told to be stored, so it is, and whole");
        }
        // The block that was being written when the kill came.
        let last = load(committed);
        assert!(last.is_none() || last == Some(block(committed as u64, 300, 5)));
    }
}
