//! The images of a set as pictures of the page: their files as they are, or thumbnails where those would be too large.

use std::collections::HashMap;

use crate::core::data::dataset::{Class, Dataset, ImageId};
use crate::core::data::pixels::Rgb8;
use crate::core::data::source::ImageBytes;
use crate::core::distil::manifest::{ImageNote, Manifest};
use crate::core::formats::image_kind::{FIRST_BYTES, ImageKind};
use crate::core::progress::{Cancelled, Progress};
use crate::core::report::{ClassShown, Figure, Pixels, Shown, figure};
use crate::engine::images::{decode, encode, pipeline, resize};
use crate::jobs::folder_set::FolderSet;

/// Longest side of a thumbnail, and its quality as a JPEG.
const SIDE: u32 = 96;
const QUALITY: u8 = 80;
/// Images that are decoded ahead.
const AHEAD: usize = 64;

/// How images are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// Their files, or PNGs of what no browser shows.
    Whole,
    Thumbnails,
}

/// Why the reading ends early.
enum Stop {
    Full,
    Cancelled(Cancelled),
}

/// The images of a set that fit into a budget, evenly of all classes. Where not all files fit, all are thumbnails.
///
/// # Errors
/// [`Cancelled`].
pub(super) fn shown(set: &FolderSet, budget: u64, progress: &mut dyn Progress) -> Result<Shown, Cancelled> {
    let gallery = Gallery::of(set, budget);
    match gallery.filled(How::Whole, progress)? {
        (shown, true) => Ok(shown),
        _ => Ok(gallery.filled(How::Thumbnails, progress)?.0),
    }
}

struct Gallery<'a> {
    dataset: &'a Dataset,
    manifest: Option<&'a Manifest>,
    /// How images were made, by file.
    notes: HashMap<&'a str, &'a ImageNote>,
    /// The first of each class, then the second of each, …
    order: Vec<ImageId>,
    budget: u64,
}

impl<'a> Gallery<'a> {
    fn of(set: &'a FolderSet, budget: u64) -> Self {
        let (dataset, manifest) = (set.dataset(), set.manifest());
        let notes = manifest.iter().flat_map(|m| &m.classes).flat_map(|class| &class.images);
        let most = dataset.class_ids().map(|class| dataset.class_size(class)).max().unwrap_or(0) as u32;
        let of_class = |class, number| dataset.images_of(class).nth(number as usize).map(ImageId);
        let order = (0..most).flat_map(|n| dataset.class_ids().filter_map(move |class| of_class(class, n))).collect();
        Self { dataset, manifest, notes: notes.map(|note| (note.file.as_str(), note)).collect(), order, budget }
    }

    /// The images in order until the budget is used up, and whether all are there.
    fn filled(&self, how: How, progress: &mut dyn Progress) -> Result<(Shown, bool), Cancelled> {
        let named = |class: &Class| match class.shown() {
            words if words == class.name => class.name.clone(),
            words => format!("{words} ({})", class.name),
        };
        let classes = self.dataset.class_ids().map(|id| ClassShown {
            name: named(self.dataset.class(id)),
            images: self.dataset.class_size(id),
            figures: Vec::new(),
        });
        let mut classes: Vec<ClassShown> = classes.collect();
        let (mut used, total) = (0, self.order.len());
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let stage = if how == How::Whole { "images" } else { "thumbnails" };
        let read = |at: usize| self.pixels(self.order[at], how);
        let outcome = pipeline::ordered(total, threads, AHEAD, read, |at, pixels| {
            let class = self.dataset.class_of(self.order[at]).index();
            let figure = self.figure(self.order[at], &classes[class].name, pixels.as_ref().map_err(String::as_str));
            used += figure.len() as u64;
            if used > self.budget {
                return Err(Stop::Full);
            }
            classes[class].figures.push(figure);
            progress.step(stage, at as u64 + 1, total as u64).map_err(Stop::Cancelled)
        });
        let thumbnails = (how == How::Thumbnails).then_some(SIDE);
        match outcome {
            Ok(()) => Ok((Shown { classes, thumbnails, budget: self.budget }, true)),
            Err(Stop::Full) => Ok((Shown { classes, thumbnails, budget: self.budget }, false)),
            Err(Stop::Cancelled(cancelled)) => Err(cancelled),
        }
    }

    fn figure(&self, image: ImageId, class: &str, pixels: Result<&Pixels, &str>) -> String {
        let file = self.dataset.source(image);
        let first = self.dataset.images_of(self.dataset.class_of(image)).start;
        let note = self.notes.get(file.as_str()).copied();
        let made = note.zip(self.manifest.map(|manifest| &manifest.recipe));
        figure(&Figure { class, number: image.0 - first, file: &file, pixels, made })
    }

    /// An image as a browser takes it, or what is wrong with it.
    fn pixels(&self, image: ImageId, how: How) -> Result<Pixels, String> {
        let bytes = self.dataset.bytes(&self.dataset.source_bytes(image)).map_err(|e| e.to_string())?;
        // Decoded in any case: a browser says nothing of a damaged file.
        let (image, file) = match bytes {
            ImageBytes::Encoded(bytes) => {
                let mime = mime(&bytes[..bytes.len().min(FIRST_BYTES)]);
                (decode::decode(&bytes), mime.map(|mime| (mime, bytes.into_owned())))
            }
            raw @ ImageBytes::Raw(_) => (decode::pixels(raw), None),
        };
        let image = image.map_err(|e| e.to_string())?;
        let size = (image.width, image.height);
        match (how, file) {
            (How::Whole, Some((mime, bytes))) => Ok(Pixels { mime, bytes, size }),
            (How::Whole, None) => {
                let bytes = encode::png(&image).map_err(|e| e.to_string())?;
                Ok(Pixels { mime: "image/png", bytes, size })
            }
            (How::Thumbnails, file) => {
                let small = thumbnail(&image);
                let bytes = encode::jpeg(&small, QUALITY).map_err(|e| e.to_string())?;
                match file {
                    // A small image's own file may be the smaller one.
                    Some((mime, own)) if own.len() <= bytes.len() && small == image => {
                        Ok(Pixels { mime, bytes: own, size })
                    }
                    _ => Ok(Pixels { mime: "image/jpeg", bytes, size: (small.width, small.height) }),
                }
            }
        }
    }
}

/// The image with its longer side at most [`SIDE`].
fn thumbnail(image: &Rgb8) -> Rgb8 {
    let longest = image.width.max(image.height);
    if longest <= SIDE {
        return image.clone();
    }
    let scaled = |length: u32| ((u64::from(length) * u64::from(SIDE) / u64::from(longest)) as u32).max(1);
    resize::scaled(image, (scaled(image.width), scaled(image.height)))
}

/// The type of a file that browsers show, by its first bytes.
fn mime(first: &[u8]) -> Option<&'static str> {
    match ImageKind::of(first)? {
        ImageKind::Jpeg => Some("image/jpeg"),
        ImageKind::Png => Some("image/png"),
        ImageKind::Gif => Some("image/gif"),
        ImageKind::WebP => Some("image/webp"),
        ImageKind::Bmp => Some("image/bmp"),
        ImageKind::Tiff | ImageKind::Pnm | ImageKind::Foreign(_) => None,
    }
}
