//! The sample that ships inside the program: its images written to a folder, its observer trained on them, and both
//! made ready for the demo and the window.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::core::progress::{Cancelled, Progress};
use crate::engine::images::encode::{self, EncodeError};
use crate::engine::images::pipeline;
use crate::sample::{CLASSES, TEST_PER_CLASS, TRAIN_PER_CLASS, render};
use crate::store::card;
use crate::store::export::folder::{FolderError, NewFolder};
use crate::store::files::{FileError, Written, shown, write_new};
use crate::store::lock::{Tried, tried};
use crate::store::project::{Project, ProjectError};

/// The observer's weights, f16, and their card: `stillroom pretrain --data SAMPLE --student conv4x64 --preset sample` makes
/// one like it, and `stillroom convert --half` its file.
const OBSERVER: &[u8] = include_bytes!("../../../assets/sample_observer.safetensors");
const CARD: &[u8] = include_bytes!("../../../assets/sample_observer.safetensors.json");

/// Where the sample lies, ready for use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SamplePaths {
    /// The images: `train/<class>/…` and `test/<class>/…`.
    pub data: PathBuf,
    /// The observer's weight file; its card lies beside it.
    pub observer: PathBuf,
}

/// Why the sample could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// The user asked for it.
    #[error("cancelled; the same command begins anew")]
    Cancelled(#[from] Cancelled),
    /// The folder of the images.
    #[error(transparent)]
    Export(#[from] FolderError),
    /// An image can't be encoded.
    #[error("an image of the sample {0}")]
    Encode(#[from] EncodeError),
    /// A file beside the images.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no home folder.
    #[error(transparent)]
    Home(#[from] ProjectError),
    /// A name that is taken.
    #[error("{} exists already and is not overwritten; give another name", shown(.0))]
    Taken(PathBuf),
}

/// Where the demo and the window keep the sample: `stillroom/sample` in the user's data folder, beside the default
/// project.
///
/// # Errors
/// [`ProjectError::NoHome`] where the environment names no home folder.
pub fn sample_folder() -> Result<PathBuf, ProjectError> {
    Ok(Project::default_dir()?.with_file_name("sample"))
}

/// How many images of each class are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Amount {
    train: u32,
    test: u32,
}

const ALL: Amount = Amount { train: TRAIN_PER_CLASS, test: TEST_PER_CLASS };

impl Amount {
    fn images(self) -> usize {
        CLASSES.len() * (self.train + self.test) as usize
    }

    /// Class, split and number of the `at`-th image.
    fn image(self, at: usize) -> (usize, bool, u32) {
        let per_class = (self.train + self.test) as usize;
        let (class, number) = (at / per_class, (at % per_class) as u32);
        if number < self.train { (class, false, number) } else { (class, true, number - self.train) }
    }
}

fn split_name(test: bool) -> &'static str {
    if test { "test" } else { "train" }
}

/// Writes the sample's images as `OUT/{train,test}/<class>/NNNN.png`. The folder is absent or complete.
///
/// # Errors
/// [`SampleError`]; an existing `out` that is not empty is refused with a free name.
pub fn write_images(out: &Path, progress: &mut dyn Progress) -> Result<PathBuf, SampleError> {
    write_amount(out, ALL, progress)
}

fn write_amount(out: &Path, amount: Amount, progress: &mut dyn Progress) -> Result<PathBuf, SampleError> {
    let folder = NewFolder::begin(out)?;
    let threads = threads();
    let total = amount.images() as u64;
    let draw = |at: usize| {
        let (class, test, number) = amount.image(at);
        let name = format!("{}/{}/{number:04}.png", split_name(test), CLASSES[class]);
        let bytes = encode::png(&render(class, test, number))?;
        Ok::<(), SampleError>(folder.put(&name, &bytes)?)
    };
    pipeline::ordered(amount.images(), threads, 4 * threads, draw, |at, written| {
        written?;
        Ok::<(), SampleError>(progress.step("draw", at as u64 + 1, total)?)
    })?;
    Ok(folder.publish()?)
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Makes the sample's images and observer available in [`sample_folder`], or finds them there.
///
/// # Errors
/// [`SampleError`].
pub fn ensure_sample(progress: &mut dyn Progress) -> Result<SamplePaths, SampleError> {
    ensure_in(&sample_folder()?, ALL, progress)
}

/// Each edition of the sample has its own folder, so that a newer program neither meets nor changes an older one's.
fn ensure_in(folder: &Path, amount: Amount, progress: &mut dyn Progress) -> Result<SamplePaths, SampleError> {
    let folder = folder.join(edition());
    std::fs::create_dir_all(&folder).map_err(FileError::at(&folder, "make this folder"))?;
    // The system drops the lock when a process ends, however it ends.
    let path = folder.join("lock");
    let opened = File::options().read(true).write(true).create(true).truncate(false).open(&path);
    let lock = opened.map_err(FileError::at(&path, "lock the sample"))?;
    await_lock(&lock, &path, progress)?;
    let made = make(&folder, amount, progress);
    // Closing does it too; a copy of the file in a process just being started would keep it.
    let _ = lock.unlock();
    made
}

fn make(folder: &Path, amount: Amount, progress: &mut dyn Progress) -> Result<SamplePaths, SampleError> {
    let observer = folder.join("observer.safetensors");
    for (path, bytes) in [(card::path_of(&observer), CARD), (observer.clone(), OBSERVER)] {
        if write_new(&path, bytes)? == Written::Differs {
            return Err(SampleError::Taken(path));
        }
    }
    // A folder in which somebody has deleted images is left alone, and another one is made.
    let mut data = folder.join("images");
    let mut number = 1;
    while data.exists() && !is_complete(&data, amount) {
        number += 1;
        data = folder.join(format!("images-{number}"));
    }
    if !data.exists() {
        write_amount(&data, amount, progress)?;
    }
    Ok(SamplePaths { data, observer })
}

/// Waits for another process that is making the sample.
fn await_lock(lock: &File, path: &Path, progress: &mut dyn Progress) -> Result<(), SampleError> {
    loop {
        match tried(lock.try_lock()).map_err(FileError::at(path, "lock the sample"))? {
            // Without locks two processes may make the images at once; only one folder of them gets the name.
            Tried::Taken | Tried::Unknown => return Ok(()),
            Tried::Busy => {
                progress.step("wait for another process", 0, 0)?;
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }
}

/// Whether a folder holds the number of images of every class and split; their bytes were synced before it got its
/// name.
fn is_complete(data: &Path, amount: Amount) -> bool {
    let count = |test: bool, class: &str| {
        std::fs::read_dir(data.join(split_name(test)).join(class)).map_or(0, |entries| entries.flatten().count())
    };
    let whole =
        |class: &&str| count(false, class) == amount.train as usize && count(true, class) == amount.test as usize;
    CLASSES.iter().all(whole)
}

/// Names this program's sample by its observer and an image of each class and split.
fn edition() -> String {
    let mut hash = blake3::Hasher::new();
    hash.update(OBSERVER).update(CARD);
    for class in 0..CLASSES.len() {
        hash.update(&render(class, false, 0).data).update(&render(class, true, 0).data);
    }
    hash.finalize().to_hex()[..8].to_owned()
}

#[cfg(test)]
mod tests;
