//! Pictures on screen: asked for when they come into view, kept in textures up to a budget of bytes: thumbnails on the
//! pages of an atlas, larger ones by themselves.

use std::collections::HashMap;
use std::sync::Arc;

use eframe::egui::{ColorImage, Context, Image, Pos2, Rect, TextureHandle};

use super::atlas::{Atlas, PageId, SAMPLING};
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
    /// A whole image of those that are held out: image, longer side.
    HeldOut(ImageId, u32),
    /// A crop: image, box, side.
    Patch(ImageId, CropBox, u32),
    /// An image of a set: what names its pixels.
    OfSet(u64),
    /// An image that changes, by the number of the look at it.
    Live(u64, Address),
}

/// Which set an image is of: each has images by class and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetOf {
    /// What is stitched by the recipe of the moment.
    Stitched,
    /// What a run has written.
    Written,
    /// A set beside others, by its number.
    Beside(u64),
}

/// A texture and the size of its source in pixels.
#[derive(Clone)]
pub struct Shown {
    /// The texture.
    pub texture: TextureHandle,
    /// The picture's part of it, 0…1.
    pub uv: Rect,
    /// Width and height of the source image.
    pub source_size: (u32, u32),
}

impl Shown {
    /// As egui paints it.
    pub fn image(&self) -> Image<'_> {
        Image::new(&self.texture).uv(self.uv)
    }
}

enum Slot {
    /// On a page of the atlas, or with a texture of its own of so many bytes.
    Ready {
        shown: Shown,
        page: Option<PageId>,
        bytes: usize,
        last_used: u64,
    },
    Failed(String),
}

/// The pool and its textures.
pub struct Gallery {
    /// Dataset generation and picture: pictures of a closed dataset that arrive late are not shown.
    pool: PicturePool<(u64, Key)>,
    slots: HashMap<Key, Slot>,
    /// What each image of a set last looked like, shown until the new one is made.
    last_made: HashMap<(SetOf, Address), Key>,
    /// The newest look at each image that changes: older ones are let go.
    looks: HashMap<Address, u64>,
    dataset: Option<Arc<Dataset>>,
    /// Its held-out images, where there are some.
    held_out: Option<Arc<Dataset>>,
    generation: u64,
    atlas: Atlas,
    /// Of textures of their own.
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
        let (slots, last_made, looks) = Default::default();
        Ok(Self {
            pool,
            slots,
            last_made,
            looks,
            dataset: None,
            held_out: None,
            generation: 0,
            atlas: Atlas::default(),
            bytes: 0,
            budget: BUDGET_BYTES,
            frame: 0,
        })
    }

    /// Shows another dataset and its held-out images: all textures go.
    pub fn open(&mut self, dataset: Arc<Dataset>, held_out: Option<Arc<Dataset>>) {
        (self.dataset, self.held_out) = (Some(dataset), held_out);
        self.generation += 1;
        self.slots.clear();
        self.last_made.clear();
        self.looks.clear();
        self.atlas.clear();
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
            if !self.is_news(&key) {
                continue;
            }
            let alone = matches!(key, Key::Live(..));
            let slot = match result {
                Ok((pixels, source_size)) => self.ready(ctx, &pixels, (source_size, alone)),
                Err(why) => Slot::Failed(why),
            };
            if let Some(Slot::Ready { bytes, .. }) = self.slots.insert(key, slot) {
                self.bytes -= bytes;
            }
        }
        if self.memory().0 > self.budget {
            self.evict();
        }
    }

    /// Whether a picture is wanted still: of an image that changes the newest look alone is, and takes the place of the
    /// one before.
    fn is_news(&mut self, key: &Key) -> bool {
        let Key::Live(number, at) = *key else { return true };
        let before = self.looks.get(&at).copied();
        if before.is_some_and(|before| before > number) {
            return false;
        }
        self.looks.insert(at, number);
        let gone = before.and_then(|before| self.slots.remove(&Key::Live(before, at)));
        if let Some(Slot::Ready { bytes, .. }) = gone {
            self.bytes -= bytes;
        }
        true
    }

    /// A picture as a texture: on a page, or `alone`, which can be let go by itself.
    fn ready(&mut self, ctx: &Context, pixels: &Rgb8, (source_size, alone): ((u32, u32), bool)) -> Slot {
        let last_used = self.frame;
        let placed = if alone { None } else { self.atlas.put(ctx, pixels, self.frame) };
        if let Some(placed) = placed {
            let shown = Shown { texture: placed.texture, uv: placed.uv, source_size };
            return Slot::Ready { shown, page: Some(placed.page), bytes: 0, last_used };
        }
        let bytes = pixels.data.len() / 3 * 4;
        self.bytes += bytes;
        let uv = Rect::from_min_max(Pos2::ZERO, Pos2::new(1.0, 1.0));
        Slot::Ready { shown: Shown { texture: upload(ctx, pixels), uv, source_size }, page: None, bytes, last_used }
    }

    /// Drops the textures that were not looked at for longest, down to nine tenths of the budget; never those that the
    /// last frame showed.
    fn evict(&mut self) {
        while self.memory().0 > self.budget / 10 * 9
            && let Some(gone) = self.atlas.drop_oldest(self.frame)
        {
            self.slots.retain(|_, slot| !matches!(slot, Slot::Ready { page: Some(page), .. } if *page == gone));
        }
        let used = |slot: &Slot| match slot {
            Slot::Ready { last_used, bytes, page: None, .. } => Some((*last_used, *bytes)),
            _ => None,
        };
        let mut old: Vec<_> =
            self.slots.iter().filter_map(|(k, s)| used(s).map(|(at, n)| (at, n, k.clone()))).collect();
        old.sort_by_key(|(at, _, _)| *at);
        for (at, bytes, key) in old {
            if self.memory().0 <= self.budget / 10 * 9 || at + 1 >= self.frame {
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

    /// The same of an image that the observer was checked on: a held-out one, or one of all where none are held out.
    pub fn checked_image(&mut self, image: ImageId, max_side: u32) -> Look {
        if self.held_out.is_none() {
            return self.image(image, max_side);
        }
        self.look(Key::HeldOut(image, max_side), || Picture::Image { image, max_side })
    }

    /// A crop as a square of `side` pixels.
    pub fn patch(&mut self, (image, bbox): (ImageId, CropBox), side: u32) -> Look {
        self.look(Key::Patch(image, bbox, side), || Picture::Patch { image, bbox, side })
    }

    /// An image of a set, named by `key`: equal keys have equal pixels. Until it is made, what its place showed before.
    pub fn of_set(&mut self, (key, of, at): (u64, SetOf, Address), set: impl FnOnce() -> Arc<dyn ImageSet>) -> Look {
        let key = Key::OfSet(key);
        let look = self.look(key.clone(), || Picture::OfSet { set: set(), at });
        match look {
            Look::Ready(shown) => {
                self.last_made.insert((of, at), key);
                Look::Ready(shown)
            }
            Look::Waiting => match self.last_made.get(&(of, at)).and_then(|k| self.slots.get(k)) {
                Some(Slot::Ready { shown, .. }) => Look::Ready(shown.clone()),
                _ => Look::Waiting,
            },
            failed @ Look::Failed(_) => failed,
        }
    }

    /// An image that changes, at the look with this number; numbers count up. Until it is made, the look before.
    pub fn live(&mut self, (number, at): (u64, Address), set: impl FnOnce() -> Arc<dyn ImageSet>) -> Look {
        let look = self.look(Key::Live(number, at), || Picture::OfSet { set: set(), at });
        let before = || self.slots.get(&Key::Live(*self.looks.get(&at)?, at));
        match (look, before()) {
            (Look::Waiting, Some(Slot::Ready { shown, .. })) => Look::Ready(shown.clone()),
            (look, _) => look,
        }
    }

    /// Whether an image of a set is made: [`Self::of_set`] gives it, not what its place showed before.
    #[must_use]
    pub fn is_made(&self, key: u64) -> bool {
        self.slots.contains_key(&Key::OfSet(key))
    }

    /// A crop, if it is here already; it isn't asked for.
    pub fn patch_at_hand(&mut self, (image, bbox): (ImageId, CropBox), side: u32) -> Option<Shown> {
        let here = matches!(self.slots.get(&Key::Patch(image, bbox, side)), Some(Slot::Ready { .. }));
        match here.then(|| self.patch((image, bbox), side)) {
            Some(Look::Ready(shown)) => Some(shown),
            _ => None,
        }
    }

    fn look(&mut self, key: Key, picture: impl FnOnce() -> Picture) -> Look {
        match self.slots.get_mut(&key) {
            Some(Slot::Ready { shown, page, last_used, .. }) => {
                *last_used = self.frame;
                page.iter().for_each(|page| self.atlas.used(*page, self.frame));
                Look::Ready(shown.clone())
            }
            Some(Slot::Failed(why)) => Look::Failed(why.clone()),
            None => {
                let source = if matches!(key, Key::HeldOut(..)) { &self.held_out } else { &self.dataset };
                if let Some(source) = source.clone() {
                    self.pool.request((self.generation, key), source, picture());
                }
                Look::Waiting
            }
        }
    }

    /// Bytes of all textures, and the budget for them.
    #[must_use]
    pub fn memory(&self) -> (usize, usize) {
        (self.bytes + self.atlas.bytes(), self.budget)
    }

    /// Whether every picture that was asked for has arrived.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.pool.is_idle()
    }
}

fn upload(ctx: &Context, pixels: &Rgb8) -> TextureHandle {
    let size = [pixels.width as usize, pixels.height as usize];
    ctx.load_texture("picture", ColorImage::from_rgb(size, &pixels.data), SAMPLING)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::data::dataset::ClassId;

    #[test]
    fn of_an_image_that_changes_the_newest_look_alone_is_kept() {
        let ctx = Context::default();
        let mut gallery = Gallery::start(&ctx).unwrap();
        let key = |number| Key::Live(number, Address { class: ClassId(0), image: 0 });
        assert!(gallery.is_news(&key(1)));
        let slot = gallery.ready(&ctx, &Rgb8::black(4, 4), ((4, 4), true));
        gallery.slots.insert(key(1), slot);
        assert_eq!(gallery.memory().0, 64, "4 × 4 pixels of 4 bytes, on no page");
        assert!(gallery.is_news(&key(3)));
        assert_eq!((gallery.memory().0, gallery.slots.len()), (0, 0), "the look before is let go");
        assert!(!gallery.is_news(&key(2)), "a look that is late is none");
    }
}
