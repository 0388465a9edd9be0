//! Decodes what the window shows, on its own threads: newest request first, finished pictures in a bounded queue.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::core::data::dataset::{Dataset, ImageId};
use crate::core::data::pixels::Rgb8;
use crate::core::distil::patch::CropBox;
use crate::core::distil::set::{Address, ImageSet};
use crate::engine::images::{decode, resize};

/// A picture to show.
#[derive(Clone)]
pub enum Picture {
    /// A whole image, reduced so that its longer side is at most `max_side`.
    Image {
        /// Which.
        image: ImageId,
        /// Pixels.
        max_side: u32,
    },
    /// A crop of an image, resized to a square of `side`.
    Patch {
        /// Source.
        image: ImageId,
        /// Where.
        bbox: CropBox,
        /// Pixels.
        side: u32,
    },
    /// An image of a set.
    OfSet {
        /// The set.
        set: Arc<dyn ImageSet>,
        /// Which image.
        at: Address,
    },
}

/// A finished picture, or why there is none. `size` is that of the source image, where there is one source.
pub type Finished<K> = (K, Result<(Rgb8, (u32, u32)), String>);

struct Queue<K> {
    waiting: Vec<(K, Arc<Dataset>, Picture)>,
    known: HashSet<K>,
    closed: bool,
}

/// A pool that makes pictures; `K` names them.
pub struct PicturePool<K> {
    queue: Arc<(Mutex<Queue<K>>, Condvar)>,
    finished: Receiver<Finished<K>>,
}

impl<K: Clone + Eq + Hash + Send + 'static> PicturePool<K> {
    /// Starts `threads` threads; `wake` is called after each picture.
    ///
    /// # Errors
    /// The system's reason where no thread can be started.
    pub fn start(threads: usize, wake: impl Fn() + Send + Sync + 'static) -> std::io::Result<Self> {
        let queue = Queue { waiting: Vec::new(), known: HashSet::new(), closed: false };
        let queue = Arc::new((Mutex::new(queue), Condvar::new()));
        let (done, finished) = sync_channel(64);
        let wake = Arc::new(wake);
        for n in 0..threads.max(1) {
            let (queue, done, wake) = (queue.clone(), done.clone(), wake.clone());
            std::thread::Builder::new()
                .name(format!("pictures {n}"))
                .spawn(move || work(&queue, &done, wake.as_ref()))?;
        }
        Ok(Self { queue, finished })
    }

    /// Asks for a picture unless it is under way already. Of too many waiting ones the oldest are dropped: they have
    /// been scrolled past, and are asked for again when they come into view.
    pub fn request(&self, key: K, dataset: Arc<Dataset>, picture: Picture) {
        let mut queue = self.queue.0.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.known.insert(key.clone()) {
            queue.waiting.push((key, dataset, picture));
            if queue.waiting.len() > 512 {
                let (dropped, _, _) = queue.waiting.remove(0);
                queue.known.remove(&dropped);
            }
            self.queue.1.notify_one();
        }
    }

    /// The next finished picture, if one is there.
    pub fn poll(&self) -> Option<Finished<K>> {
        let finished = self.finished.try_recv().ok()?;
        self.queue.0.lock().unwrap_or_else(PoisonError::into_inner).known.remove(&finished.0);
        Some(finished)
    }

    /// Whether nothing waits or is being made.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.queue.0.lock().unwrap_or_else(PoisonError::into_inner).known.is_empty()
    }
}

impl<K> Drop for PicturePool<K> {
    fn drop(&mut self) {
        let mut queue = self.queue.0.lock().unwrap_or_else(PoisonError::into_inner);
        queue.closed = true;
        queue.waiting.clear();
        self.queue.1.notify_all();
    }
}

fn work<K: Clone>(queue: &(Mutex<Queue<K>>, Condvar), done: &SyncSender<Finished<K>>, wake: &(dyn Fn() + Send + Sync)) {
    loop {
        let (key, dataset, picture) = {
            let mut state = queue.0.lock().unwrap_or_else(PoisonError::into_inner);
            loop {
                if state.closed {
                    return;
                }
                match state.waiting.pop() {
                    Some(next) => break next,
                    None => state = queue.1.wait(state).unwrap_or_else(PoisonError::into_inner),
                }
            }
        };
        // A panic in a decoder costs this picture, not the thread.
        let made = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| make(&dataset, &picture)));
        if done.send((key, made.unwrap_or_else(|_| Err("the decoder broke down".to_owned())))).is_err() {
            return;
        }
        wake();
    }
}

/// Makes one picture; also used by whoever needs it at once.
///
/// # Errors
/// Why there is none, in words.
pub fn make(dataset: &Dataset, picture: &Picture) -> Result<(Rgb8, (u32, u32)), String> {
    let read = |image| decode::read(dataset, image).map_err(|e| e.to_string());
    match picture {
        Picture::Image { image, max_side } => {
            let pixels = read(*image)?;
            let size = (pixels.width, pixels.height);
            let scale = f64::from(*max_side) / f64::from(size.0.max(size.1).max(1));
            if scale >= 1.0 {
                return Ok((pixels, size));
            }
            let reduced = |n: u32| ((f64::from(n) * scale).round() as u32).max(1);
            let target = (reduced(size.0), reduced(size.1));
            Ok((resized(&pixels, CropBox::whole(size.0, size.1), target)?, size))
        }
        Picture::Patch { image, bbox, side } => {
            let pixels = read(*image)?;
            Ok((resized(&pixels, *bbox, (*side, *side))?, (pixels.width, pixels.height)))
        }
        Picture::OfSet { set, at } => {
            let pixels = set.pixels(*at).map_err(|e| e.to_string())?;
            let size = (pixels.width, pixels.height);
            Ok((pixels, size))
        }
    }
}

fn resized(pixels: &Rgb8, bbox: CropBox, (width, height): (u32, u32)) -> Result<Rgb8, String> {
    let mut out = Rgb8::black(width, height);
    resize::resize_with(pixels, bbox, (width, height), |x, y, rgb| {
        out.set_pixel(x as u32, y as u32, rgb.map(|v| (v * 255.0).round() as u8));
    })
    .map_err(|e| e.to_string())?;
    Ok(out)
}
