//! Pictures on screen: asked for when they come into view, kept in textures up to a budget of bytes.

use std::collections::HashMap;
use std::sync::Arc;

use eframe::egui::{ColorImage, Context, TextureFilter, TextureHandle, TextureOptions};

use crate::core::data::dataset::{Dataset, ImageId};
use crate::core::data::pixels::Rgb8;
use crate::core::distil::patch::CropBox;
use crate::core::distil::set::{Address, ImageSet};
use crate::jobs::pictures::{Picture, PicturePool};

/// Texture memory that the gallery may hold.
pub const BUDGET_BYTES: usize = 256 << 20;

/// PicturePool turned into textures per frame at most, so that a burst does not stall one.
const PER_FRAME: usize = 96;

/// What a picture shows; equal keys have equal pixels.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// A whole image: image, longer side.
    Image(ImageId, u32),
    /// A crop: image, box, side.
    Patch(ImageId, CropBox, u32),
    /// An image of a set: what names its pixels.
    OfSet(u64),
}

/// A texture and the size of its source in pixels.
#[derive(Clone)]
pub struct Shown {
    /// The texture.
    pub texture: TextureHandle,
    /// Width and height of the source image.
    pub source_size: (u32, u32),
}

enum Slot {
    Ready { shown: Shown, bytes: usize, last_used: u64 },
    Failed(String),
}

/// The pool and its textures.
pub struct Gallery {
    /// Dataset generation and picture: pictures of a closed dataset that arrive late are not shown.
    pool: PicturePool<(u64, Key)>,
    slots: HashMap<Key, Slot>,
    /// What each image of a set last looked like, shown until the new one is made.
    last_made: HashMap<Address, Key>,
    dataset: Option<Arc<Dataset>>,
    generation: u64,
    bytes: usize,
    budget: usize,
    frame: u64,
}

/// A picture's state.
pub enum Look {
    /// Here it is.
    Ready(Shown),
    /// It is being made.
    Waiting,
    /// It can't be made, and why.
    Failed(String),
}

impl Gallery {
    /// Starts the decoding threads.
    ///
    /// # Errors
    /// The system's reason where no thread can be started.
    pub fn start(ctx: &Context) -> std::io::Result<Self> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).clamp(1, 4);
        let waker = ctx.clone();
        let pool = PicturePool::start(threads, move || waker.request_repaint())?;
        let (slots, last_made) = Default::default();
        Ok(Self { pool, slots, last_made, dataset: None, generation: 0, bytes: 0, budget: BUDGET_BYTES, frame: 0 })
    }

    /// Shows another dataset: all textures go.
    pub fn open(&mut self, dataset: Arc<Dataset>) {
        self.dataset = Some(dataset);
        self.generation += 1;
        self.slots.clear();
        self.last_made.clear();
        self.bytes = 0;
    }

    /// Takes finished pictures and keeps the budget; once a frame.
    pub fn advance(&mut self, ctx: &Context) {
        self.frame += 1;
        for _ in 0..PER_FRAME {
            let Some(((generation, key), result)) = self.pool.poll() else { break };
            if generation != self.generation {
                continue;
            }
            let slot = match result {
                Ok((pixels, source_size)) => {
                    let bytes = pixels.data.len() / 3 * 4;
                    self.bytes += bytes;
                    Slot::Ready {
                        shown: Shown { texture: upload(ctx, &pixels), source_size },
                        bytes,
                        last_used: self.frame,
                    }
                }
                Err(why) => Slot::Failed(why),
            };
            if let Some(Slot::Ready { bytes, .. }) = self.slots.insert(key, slot) {
                self.bytes -= bytes;
            }
        }
        if self.bytes > self.budget {
            self.evict();
        }
    }

    /// Drops the textures that were not looked at for longest, down to nine tenths of the budget; never those that the
    /// last frame showed.
    fn evict(&mut self) {
        let used = |slot: &Slot| match slot {
            Slot::Ready { last_used, bytes, .. } => Some((*last_used, *bytes)),
            Slot::Failed(_) => None,
        };
        let mut old: Vec<_> =
            self.slots.iter().filter_map(|(k, s)| used(s).map(|(at, n)| (at, n, k.clone()))).collect();
        old.sort_by_key(|(at, _, _)| *at);
        for (at, bytes, key) in old {
            if self.bytes <= self.budget / 10 * 9 || at + 1 >= self.frame {
                break;
            }
            self.slots.remove(&key);
            self.bytes -= bytes;
        }
    }

    /// A whole image, its longer side `max_side` at most.
    pub fn image(&mut self, image: ImageId, max_side: u32) -> Look {
        self.look(Key::Image(image, max_side), || Picture::Image { image, max_side })
    }

    /// A crop as a square of `side` pixels.
    pub fn patch(&mut self, (image, bbox): (ImageId, CropBox), side: u32) -> Look {
        self.look(Key::Patch(image, bbox, side), || Picture::Patch { image, bbox, side })
    }

    /// An image of a set, named by `key`: equal keys have equal pixels. Until it is made, what its place showed before.
    pub fn of_set(&mut self, (key, at): (u64, Address), set: impl FnOnce() -> Arc<dyn ImageSet>) -> Look {
        let key = Key::OfSet(key);
        let look = self.look(key.clone(), || Picture::OfSet { set: set(), at });
        match look {
            Look::Ready(shown) => {
                self.last_made.insert(at, key);
                Look::Ready(shown)
            }
            Look::Waiting => match self.last_made.get(&at).and_then(|k| self.slots.get(k)) {
                Some(Slot::Ready { shown, .. }) => Look::Ready(shown.clone()),
                _ => Look::Waiting,
            },
            failed @ Look::Failed(_) => failed,
        }
    }

    /// Whether an image of a set is made: [`Self::of_set`] gives it, not what its place showed before.
    #[must_use]
    pub fn is_made(&self, key: u64) -> bool {
        self.slots.contains_key(&Key::OfSet(key))
    }

    /// A crop, if it is here already; it isn't asked for.
    pub fn patch_at_hand(&mut self, (image, bbox): (ImageId, CropBox), side: u32) -> Option<Shown> {
        match self.slots.get_mut(&Key::Patch(image, bbox, side)) {
            Some(Slot::Ready { shown, last_used, .. }) => {
                *last_used = self.frame;
                Some(shown.clone())
            }
            _ => None,
        }
    }

    fn look(&mut self, key: Key, picture: impl FnOnce() -> Picture) -> Look {
        match self.slots.get_mut(&key) {
            Some(Slot::Ready { shown, last_used, .. }) => {
                *last_used = self.frame;
                Look::Ready(shown.clone())
            }
            Some(Slot::Failed(why)) => Look::Failed(why.clone()),
            None => {
                if let Some(dataset) = &self.dataset {
                    self.pool.request((self.generation, key), dataset.clone(), picture());
                }
                Look::Waiting
            }
        }
    }

    /// Bytes of all textures, and the budget for them.
    #[must_use]
    pub fn memory(&self) -> (usize, usize) {
        (self.bytes, self.budget)
    }

    /// Whether every picture that was asked for has arrived.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.pool.is_idle()
    }
}

/// Small pictures are shown enlarged as the pixels they are; large ones are reduced smoothly.
fn upload(ctx: &Context, pixels: &Rgb8) -> TextureHandle {
    let size = [pixels.width as usize, pixels.height as usize];
    let options = TextureOptions {
        magnification: TextureFilter::Nearest,
        minification: TextureFilter::Linear,
        ..TextureOptions::LINEAR
    };
    ctx.load_texture("picture", ColorImage::from_rgb(size, &pixels.data), options)
}
