//! A set whose images are stitched from selected patches when they are asked for.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use crate::core::data::dataset::{ClassId, Dataset};
use crate::core::data::normalise::MeanStd;
use crate::core::data::pixels::{Rgb8, RgbF32};
use crate::core::data::source::{ImageBytes, SourceError};
use crate::core::distil::compose::{patch_side, rank_of};
use crate::core::distil::manifest::{CellNote, Origin};
use crate::core::distil::scores::PatchScore;
use crate::core::distil::select::Kept;
use crate::core::distil::set::{Address, ImageSet, SetError};
use crate::engine::images::{decode, resize, stitch};

/// Patches of a dataset, laid out in images (Sun et al. 2024).
#[derive(Clone, Debug)]
pub struct StitchedSet {
    /// Source of the patches.
    pub dataset: Arc<Dataset>,
    /// Side of an image in pixels.
    pub side: u32,
    /// The observer's normalisation, whose rounding stays in the pixels.
    pub mean_std: MeanStd,
    /// Images per class by which ranks are laid out, but for short classes.
    pub ipc: u32,
    /// N: patches of an image.
    pub patches: u32,
    /// Whether patches are as large as the image, and shrink to their cells ([`crate::core::distil::rded::Rded::views`]).
    pub views: bool,
    /// The selected patches of each class by slot ([`rank_of`]): IPC·N of them, or N for each image of a short class.
    pub selected: BTreeMap<ClassId, Arc<Vec<Kept>>>,
}

impl StitchedSet {
    /// The patches in the cells of an image, in row-major order.
    pub fn patches(&self, at: Address) -> impl Iterator<Item = &PatchScore> {
        self.kept(at).map(|kept| &kept.patch)
    }

    /// [`Self::patches`], with why each was taken.
    pub fn kept(&self, at: Address) -> impl Iterator<Item = &Kept> {
        let images = self.images(at.class);
        let selected = self.selected.get(&at.class).filter(|_| at.image < images).map_or(&[][..], |all| all);
        let slot = move |cell| rank_of(cell, at.image as usize, images as usize);
        (0..self.patches as usize).filter_map(move |cell| selected.get(slot(cell)))
    }

    /// The patches of an image at this side, in row-major order: planar, 3·side² values in [0, 1] each.
    ///
    /// # Errors
    /// [`SetError`] where a source can't be read any more.
    pub fn cut(&self, at: Address, side: u32) -> Result<Vec<Vec<f32>>, SetError> {
        let cut = |patch: &PatchScore| {
            let gone = |reason: String| SetError { file: self.dataset.source(patch.image), reason };
            let pixels = decode::read(&self.dataset, patch.image).map_err(|e| gone(e.reason().to_string()))?;
            resize::resize(&pixels, patch.bbox, (side, side)).map_err(|e| gone(e.to_string()))
        };
        self.patches(at).map(cut).collect()
    }

    /// Takes all that the pixels of an image follow from into a hash: its patches' boxes and the bytes of their files,
    /// since other files may have the same names.
    ///
    /// # Errors
    /// [`SetError`] where a source can't be read any more.
    pub fn name(&self, at: Address, hash: &mut blake3::Hasher) -> Result<(), SetError> {
        hash.update(&self.side.to_le_bytes()).update(&[u8::from(self.views)]);
        for patch in self.patches(at) {
            let b = patch.bbox;
            for edge in [b.top, b.left, b.height, b.width] {
                hash.update(&edge.to_le_bytes());
            }
            let gone = |e: SourceError| SetError { file: self.dataset.source(patch.image), reason: e.to_string() };
            let content = match self.dataset.bytes(&self.dataset.source_bytes(patch.image)).map_err(gone)? {
                ImageBytes::Encoded(bytes) => blake3::hash(&bytes),
                ImageBytes::Raw(planes) => blake3::hash(&planes.samples),
            };
            hash.update(content.as_bytes());
        }
        Ok(())
    }

    /// Names the pixels of an image: equal keys have equal pixels, as long as the dataset's files stay as they are.
    #[must_use]
    pub fn key(&self, at: Address) -> u64 {
        let mut hash = DefaultHasher::new();
        self.patches(at).for_each(|p| (p.image, p.bbox).hash(&mut hash));
        (self.side, self.views, self.mean_std.mean.map(f32::to_bits), self.mean_std.std.map(f32::to_bits))
            .hash(&mut hash);
        hash.finish()
    }
}

impl StitchedSet {
    /// The values of an image before they are truncated to 8 bits, normalised by this and back, whose rounding stays in
    /// them.
    ///
    /// # Errors
    /// As [`ImageSet::pixels`].
    pub fn stitched(&self, at: Address, mean_std: &MeanStd) -> Result<RgbF32, SetError> {
        let count = self.patches(at).count();
        if count == 0 {
            return Err(SetError::absent(at));
        }
        let small = patch_side(self.side, (count.isqrt() as u32).max(1));
        let patches = self.cut(at, if self.views { self.side } else { small })?;
        let slices: Vec<&[f32]> = patches.iter().map(Vec::as_slice).collect();
        let unfit =
            |e: stitch::StitchError| SetError { file: format!("distilled image {}", at.image), reason: e.to_string() };
        stitch::stitch_floats(&slices, self.side, mean_std).map_err(unfit)
    }
}

impl ImageSet for StitchedSet {
    fn images(&self, class: ClassId) -> u32 {
        let selected = self.selected.get(&class).map_or(0, |selected| selected.len() as u32);
        (selected / self.patches.max(1)).min(self.ipc)
    }

    fn pixels(&self, at: Address) -> Result<Rgb8, SetError> {
        self.floats(at).map(|image| stitch::truncated(&image))
    }

    fn floats(&self, at: Address) -> Result<RgbF32, SetError> {
        self.stitched(at, &self.mean_std)
    }

    fn origin(&self, at: Address) -> Option<Origin> {
        let note = |(cell, &Kept { patch, rank, chosen }): (usize, &Kept)| CellNote {
            cell: cell as u32,
            source: self.dataset.source(patch.image),
            bbox: patch.bbox,
            crop: patch.crop,
            loss: patch.loss,
            rank,
            chosen,
        };
        let cells: Vec<CellNote> = self.kept(at).enumerate().map(note).collect();
        (!cells.is_empty()).then_some(Origin::Stitched(cells))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::data::dataset::{Class, DatasetBuilder, ImageId, Layout, Split};
    use crate::core::data::source::Held;
    use crate::core::distil::patch::CropBox;
    use crate::core::distil::select::Chosen;

    fn set() -> StitchedSet {
        let mut builder = DatasetBuilder::default();
        let names = (0..9).map(|i| format!("{i}.png").into_bytes()).collect();
        builder.class(Class { name: "a".into(), title: None, folder: b"a".to_vec() }, names);
        let dataset =
            Arc::new(builder.build("/nowhere".into(), Layout::ImageFolder, Split::Whole, Held::encoded([])).unwrap());
        let patch =
            |i: u32| PatchScore { image: ImageId(i), crop: 1, bbox: CropBox::whole(8, 8), loss: i as f32, rival: None };
        let kept = |rank| Kept { patch: patch(rank), rank, chosen: Chosen::Rank };
        let selected = BTreeMap::from([(ClassId(0), Arc::new((0..8).map(kept).collect()))]);
        StitchedSet { dataset, side: 16, mean_std: MeanStd::NONE, ipc: 2, patches: 4, views: false, selected }
    }

    #[test]
    fn an_image_is_made_of_every_ipcth_rank() {
        let (set, at) = (set(), Address { class: ClassId(0), image: 1 });
        assert_eq!((set.images(ClassId(0)), set.images(ClassId(1))), (2, 0));
        let Some(Origin::Stitched(cells)) = set.origin(at) else { panic!("{:?}", set.origin(at)) };
        let of = |c: &CellNote| (c.cell, c.rank, c.source.clone(), c.loss);
        let due = [(0, 1), (1, 3), (2, 5), (3, 7)].map(|(k, r)| (k, r, format!("a/{r}.png"), r as f32));
        assert_eq!(cells.iter().map(of).collect::<Vec<_>>(), due);
        assert_eq!(set.pixels(at).unwrap_err().file, "a/1.png", "its first source is nowhere");
        for beyond in [Address { image: 2, ..at }, Address { class: ClassId(3), ..at }] {
            assert_eq!((set.pixels(beyond).unwrap_err(), set.origin(beyond)), (SetError::absent(beyond), None));
        }
    }

    /// Two of three images: each has every second rank, as if IPC were 2.
    #[test]
    fn a_short_class_is_laid_out_by_its_own_images() {
        let (short, at) = (StitchedSet { ipc: 3, ..set() }, Address { class: ClassId(0), image: 1 });
        assert_eq!(short.images(ClassId(0)), 2);
        assert_eq!(short.origin(at), set().origin(at));
        assert_eq!(short.origin(Address { image: 2, ..at }), None);
    }

    #[test]
    fn keys_tell_what_is_stitched_apart() {
        let (set, at) = (set(), Address { class: ClassId(0), image: 0 });
        let other = StitchedSet { side: 8, ..set.clone() };
        assert_ne!(set.key(at), other.key(at));
        assert_ne!(set.key(at), set.key(Address { image: 1, ..at }));
        assert_eq!(StitchedSet { side: set.side, ..set.clone() }.key(at), set.key(at));
    }
}
