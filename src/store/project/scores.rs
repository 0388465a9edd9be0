//! Patch scores: one row per class block, written whole or not at all.
//!
//! A block belongs to a [`ScoreKey`], a class and the observer's output for it. It is found again for any subset and
//! any number of crops that it covers, as long as the files that it scored have kept their stamps. A block is replaced
//! only by one that covers all of it; blocks of which neither covers the other are both kept.

use rusqlite::{Row, params};

use super::{Project, ProjectError, schema};
use crate::core::data::dataset::ImageId;
use crate::core::data::normalise::MeanStd;
use crate::core::distil::patch::{CropBox, CropRange};
use crate::core::distil::scores::{ClassScores, Rival};

/// Everything that scores depend on, apart from the class, the subset and the number of crops.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct ScoreKey {
    /// Version of the way from a file to a loss: raised when decoding, cropping, resizing or seeding changes.
    pub scheme: u32,
    /// [`crate::core::data::dataset::Dataset::fingerprint`].
    pub dataset: String,
    /// Hash of the observer's weights.
    pub observer: String,
    /// Network into which the weights were loaded.
    pub network: String,
    /// Class of device and engine: other ones round differently.
    pub device: String,
    /// Seed of the subset and the boxes.
    pub seed: u64,
    /// Side of the patches.
    pub patch_side: u32,
    /// Side of the observer's input.
    pub input_side: u32,
    /// Normalisation of the observer's input.
    pub normalise: MeanStd,
    /// Range from which boxes are drawn; `None` for whole images.
    pub range: Option<CropRange>,
    /// Whether whole images are framed as in an evaluation; keys of before don't say so.
    #[serde(skip_serializing_if = "is_off")]
    pub view: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_off(on: &bool) -> bool {
    !on
}

impl ScoreKey {
    /// The key as one line of JSON: equal keys have equal lines.
    #[must_use]
    pub fn canonical(&self) -> String {
        // A struct of numbers and texts: writing it as JSON cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Hash of [`Self::canonical`], 32 hexadecimal digits.
    #[must_use]
    pub fn hash(&self) -> String {
        let mut hash = blake3::Hasher::new_derive_key("stillroom 2026 score key v1");
        hash.update(self.canonical().as_bytes());
        hash.finalize().to_hex()[..32].to_owned()
    }
}

/// The place of one class's scores.
#[derive(Clone, Copy, Debug)]
pub struct Slot<'a> {
    /// What the scores depend on.
    pub key: &'a ScoreKey,
    /// Name of the class.
    pub class: &'a str,
    /// The observer's output for it.
    pub output: u32,
}

impl Project {
    /// The stored scores that serve best for `crops` crops of the first images of the class's permutation, whose
    /// files have `stamps` ([`crate::store::stamps::of`], one per position). The block may hold more than that or
    /// less: [`ClassScores::covers`] tells whether something is left to score. `None` where there is nothing, or only
    /// scores of files that have changed.
    ///
    /// # Errors
    /// [`ProjectError::DamagedScores`] where the only block does not have its checksum: score the class again, the new
    /// block takes its place. Else [`ProjectError`] where the database can't be read.
    pub fn load_scores(&self, slot: Slot<'_>, crops: u32, stamps: &[u64]) -> Result<Option<ClassScores>, ProjectError> {
        let (stored, damaged) = self.blocks(slot, "read scores")?;
        let fits = |b: &Stored| b.stamps.iter().zip(stamps).all(|(stored, now)| stored == now);
        let worth = |b: &Stored| {
            let enough = b.block.crops >= crops;
            (enough && b.block.tried() >= stamps.len(), enough, b.block.tried(), b.block.crops)
        };
        let best = stored.into_iter().filter(fits).max_by_key(worth);
        match best {
            None if !damaged.is_empty() => {
                Err(ProjectError::DamagedScores { file: self.file.clone(), class: slot.class.to_owned() })
            }
            best => Ok(best.map(|b| b.block)),
        }
    }

    /// Stores the scores of a class in one transaction: a kill leaves the whole block or none of it. `stamps` holds one
    /// stamp per tried image, by position. A block that is covered by a stored one is not stored; stored blocks that it
    /// covers are replaced.
    ///
    /// # Errors
    /// [`ProjectError::BadBlock`] where the block contradicts itself; [`ProjectError::Full`] and others where it can't
    /// be written, and then what was stored before is unchanged.
    pub fn save_scores(&self, slot: Slot<'_>, block: &ClassScores, stamps: &[u64]) -> Result<(), ProjectError> {
        let doing = "store scores";
        check(block, stamps).map_err(|why| ProjectError::BadBlock { class: slot.class.to_owned(), why })?;
        let new = Stored { row: 0, block: block.clone(), stamps: stamps.to_vec() };
        let change = self.change(doing)?;
        let (stored, damaged) = self.blocks(slot, doing)?;
        if stored.iter().any(|old| old.covers(&new)) {
            return Ok(());
        }
        let failed = self.failed(doing);
        let covered = stored.iter().filter(|old| new.covers(old)).map(|old| old.row);
        for row in covered.chain(damaged) {
            change.execute("DELETE FROM scores WHERE id = ?1", [row]).map_err(&failed)?;
        }
        let hash = slot.key.hash();
        let known = "INSERT INTO score_keys (hash, key) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        change.execute(known, params![hash, slot.key.canonical()]).map_err(&failed)?;
        let columns = Columns::of(&new);
        let query = "INSERT INTO scores (key, class, output, crops, tried, positions, images, boxes, losses, broken,
            stamps, checksum, rivals) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
        let checksum = columns.checksum(slot);
        let Columns { crops, tried, positions, images, boxes, losses, broken, stamps, rivals } = columns;
        let values = params![
            hash,
            slot.class,
            slot.output,
            crops,
            tried,
            positions,
            images,
            boxes,
            losses,
            broken,
            stamps,
            checksum,
            rivals,
        ];
        change.execute(query, values).map_err(&failed)?;
        change.commit().map_err(failed)
    }

    /// All blocks of a slot, and the rows of those that are damaged.
    fn blocks(&self, slot: Slot<'_>, doing: &'static str) -> Result<(Vec<Stored>, Vec<i64>), ProjectError> {
        let failed = self.failed(doing);
        // A reader can't bring an older database up to date.
        let rivals = if schema::version(self)? < schema::RIVALS { "NULL" } else { "rivals" };
        let query = format!(
            "SELECT id, crops, tried, positions, images, boxes, losses, broken, stamps, checksum, {rivals}
            FROM scores WHERE key = ?1 AND class = ?2 AND output = ?3 ORDER BY id"
        );
        let mut statement = self.connection.prepare_cached(&query).map_err(&failed)?;
        let values = params![slot.key.hash(), slot.class, slot.output];
        let mut rows = statement.query(values).map_err(&failed)?;
        let (mut blocks, mut damaged) = (Vec::new(), Vec::new());
        while let Some(row) = rows.next().map_err(&failed)? {
            let id = row.get(0).map_err(&failed)?;
            match read(row, id, slot) {
                Some(block) => blocks.push(block),
                None => damaged.push(id),
            }
        }
        Ok((blocks, damaged))
    }
}

/// A block as the database has it.
struct Stored {
    row: i64,
    block: ClassScores,
    /// One per tried image, by position.
    stamps: Vec<u64>,
}

impl Stored {
    /// Whether this block makes `other` superfluous: as many crops of as many of the same files.
    fn covers(&self, other: &Self) -> bool {
        self.block.crops >= other.block.crops && self.stamps.starts_with(&other.stamps)
    }
}

/// What the parts of a block must have in common.
fn check(block: &ClassScores, stamps: &[u64]) -> Result<(), String> {
    let (rows, tried) = (block.rows(), block.tried());
    let crops = rows * block.crops as usize;
    let of_crops = [block.boxes.len(), block.losses.len(), block.rivals.len()];
    if block.positions.len() != rows || of_crops.iter().any(|&len| len != crops) {
        return Err("its columns have different lengths".to_owned());
    }
    if !block.positions.is_sorted_by(|a, b| a < b) {
        return Err("its positions do not ascend".to_owned());
    }
    let mut positions: Vec<u32> =
        block.positions.iter().copied().chain(block.broken.iter().map(|b| b.position)).collect();
    positions.sort_unstable();
    if !positions.iter().copied().eq(0..tried as u32) {
        return Err("it is no prefix of the class's permutation".to_owned());
    }
    if stamps.len() != tried {
        return Err(format!("{} stamps for {tried} images", stamps.len()));
    }
    Ok(())
}

/// A block's columns, as they are stored.
#[derive(Debug)]
struct Columns {
    crops: u32,
    tried: u32,
    positions: Vec<u8>,
    images: Vec<u8>,
    boxes: Vec<u8>,
    losses: Vec<u8>,
    broken: String,
    stamps: Vec<u8>,
    /// `None` where no crop has one: a block of version 1.
    rivals: Option<Vec<u8>>,
}

/// The output of a crop whose strongest other class is not known.
const UNKNOWN: u32 = u32::MAX;

impl Columns {
    fn of(stored: &Stored) -> Self {
        let Stored { block, stamps, .. } = stored;
        let rival = |rival: &Option<Rival>| {
            let (output, probability) = rival.map_or((UNKNOWN, 0.0), |r| (r.output, r.probability));
            [output, probability.to_bits()]
        };
        let any = block.rivals.iter().any(Option::is_some);
        let rivals = || block.rivals.iter().flat_map(rival).flat_map(u32::to_le_bytes).collect();
        let sides = block.boxes.iter().flat_map(|b| [b.top, b.left, b.height, b.width]);
        Self {
            crops: block.crops,
            tried: block.tried() as u32,
            positions: block.positions.iter().flat_map(|p| p.to_le_bytes()).collect(),
            images: block.images.iter().flat_map(|i| i.0.to_le_bytes()).collect(),
            boxes: sides.flat_map(u32::to_le_bytes).collect(),
            losses: block.losses.iter().flat_map(|l| l.to_le_bytes()).collect(),
            // A list of structs of numbers and texts: writing it as JSON cannot fail.
            broken: serde_json::to_string(&block.broken).unwrap_or_default(),
            stamps: stamps.iter().flat_map(|s| s.to_le_bytes()).collect(),
            rivals: any.then(rivals),
        }
    }

    /// Over all columns and the slot, each with its length before it.
    fn checksum(&self, slot: Slot<'_>) -> [u8; 32] {
        let mut hash = blake3::Hasher::new_derive_key("stillroom 2026 score block v1");
        let numbers = [slot.output, self.crops, self.tried].map(u32::to_le_bytes);
        let key = slot.key.hash();
        let parts: [&[u8]; 9] = [
            key.as_bytes(),
            slot.class.as_bytes(),
            numbers.as_flattened(),
            &self.positions,
            &self.images,
            &self.boxes,
            &self.losses,
            self.broken.as_bytes(),
            &self.stamps,
        ];
        // Without rivals it is the checksum of version 1.
        for part in parts.into_iter().chain(self.rivals.as_deref()) {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        *hash.finalize().as_bytes()
    }

    /// The block; `None` where a column has bytes left over or is no JSON.
    fn decode(&self, row: i64) -> Option<Stored> {
        let (boxes, losses) = (words(&self.boxes)?, words(&self.losses)?);
        let block = ClassScores {
            crops: self.crops,
            positions: words(&self.positions)?,
            images: words(&self.images)?.into_iter().map(ImageId).collect(),
            boxes: boxes
                .as_chunks()
                .0
                .iter()
                .map(|&[top, left, height, width]| CropBox { top, left, height, width })
                .collect(),
            rivals: self.rivals(losses.len())?,
            losses: losses.into_iter().map(f32::from_bits).collect(),
            broken: serde_json::from_str(&self.broken).ok()?,
        };
        let (stamps, rest) = self.stamps.as_chunks();
        let stamps: Vec<u64> = stamps.iter().map(|&b| u64::from_le_bytes(b)).collect();
        let sound = rest.is_empty() && boxes.len().is_multiple_of(4) && check(&block, &stamps).is_ok();
        sound.then_some(Stored { row, block, stamps })
    }
}

impl Columns {
    /// The strongest other class of each of `crops` crops; `None` where bytes are left over.
    fn rivals(&self, crops: usize) -> Option<Vec<Option<Rival>>> {
        let Some(bytes) = &self.rivals else { return Some(vec![None; crops]) };
        let words = words(bytes)?;
        let (pairs, rest) = words.as_chunks();
        let rival = |&[output, bits]: &[u32; 2]| {
            (output != UNKNOWN).then(|| Rival { output, probability: f32::from_bits(bits) })
        };
        rest.is_empty().then(|| pairs.iter().map(rival).collect())
    }
}

/// Little-endian numbers; `None` where bytes are left over.
fn words(bytes: &[u8]) -> Option<Vec<u32>> {
    let (words, rest) = bytes.as_chunks();
    rest.is_empty().then(|| words.iter().map(|&b| u32::from_le_bytes(b)).collect())
}

/// The block in a row; `None` where it is damaged.
fn read(row: &Row<'_>, id: i64, slot: Slot<'_>) -> Option<Stored> {
    let columns = Columns {
        crops: row.get(1).ok()?,
        tried: row.get(2).ok()?,
        positions: row.get(3).ok()?,
        images: row.get(4).ok()?,
        boxes: row.get(5).ok()?,
        losses: row.get(6).ok()?,
        broken: row.get(7).ok()?,
        stamps: row.get(8).ok()?,
        rivals: row.get(10).ok()?,
    };
    let checksum: [u8; 32] = row.get(9).ok()?;
    if checksum != columns.checksum(slot) {
        return None;
    }
    columns.decode(id)
}
