//! All images on PNG pages, a row for each class, or several where its images are too many for one; what lies where is
//! in `index.csv`. Pages are at most 8192 pixels wide and high, and images are shrunk until a row fits.

use serde_json::{Map, Value};

use super::content::{Content, Difference, Export, ExportError, Size, Writer};
use crate::core::data::pixels::Rgb8;
use crate::core::formats::csv::{Csv, Field};

const MOST: u32 = 8192;
/// Pixels between images.
const GAP: u32 = 2;
/// Images are shrunk to this side; then rows are broken.
const SMALLEST: u32 = 16;
const PAPER: u8 = 0xFF;
const INDEX: &str = "index.csv";

/// Where an image is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    page: usize,
    x: u32,
    y: u32,
    size: (u32, u32),
}

/// The pages of a set.
pub(super) struct Sheets {
    /// The side of an image's square, in the set and on the page.
    sides: (u32, u32),
    places: Vec<Place>,
    /// Width and height of each page.
    pages: Vec<(u32, u32)>,
    index: String,
}

/// The set's layout.
///
/// # Errors
/// [`ExportError::Refused`] where it has no images.
pub(super) fn layout(content: &Content) -> Result<Sheets, ExportError> {
    let longest = content.pictures.iter().map(|p| p.size.0.max(p.size.1)).max();
    let longest = longest.ok_or_else(|| ExportError::Refused("the set has no images".to_owned()))?;
    let counts = content.counts();
    let most = counts.iter().copied().max().unwrap_or(1).max(1) as u32;
    let fitting = ((MOST - GAP) / most).saturating_sub(GAP);
    let side = longest.min(fitting.max(SMALLEST)).min(MOST - 2 * GAP);
    let step = side + GAP;
    let columns = most.min((MOST - GAP) / step);
    let rows_of_page = ((MOST - GAP) / step) as usize;
    // The first row of each class, and all rows; a class without images has an empty one.
    let mut firsts = Vec::with_capacity(counts.len());
    let mut rows = 0;
    for count in &counts {
        firsts.push(rows);
        rows += count.div_ceil(columns as usize).max(1);
    }
    let place = |p: &super::content::Picture| {
        let row = firsts[p.label as usize] + (p.number / columns) as usize;
        let scaled = |length: u32| ((u64::from(length) * u64::from(side)).div_ceil(u64::from(longest)) as u32).max(1);
        Place {
            page: row / rows_of_page,
            x: GAP + step * (p.number % columns),
            y: GAP + step * (row % rows_of_page) as u32,
            size: (scaled(p.size.0), scaled(p.size.1)),
        }
    };
    let places: Vec<Place> = content.pictures.iter().map(place).collect();
    let page = |page: usize| (GAP + step * columns, GAP + step * (rows - page * rows_of_page).min(rows_of_page) as u32);
    let pages = (0..rows.div_ceil(rows_of_page)).map(page).collect();
    let index = index(content, &places);
    Ok(Sheets { sides: (longest, side), places, pages, index })
}

fn page_name(page: usize) -> String {
    format!("page-{page:03}.png")
}

/// The table of places.
fn index(content: &Content, places: &[Place]) -> String {
    let mut table = Csv::new(["page", "x", "y", "width", "height", "label", "class", "image"]);
    for (picture, place) in content.pictures.iter().zip(places) {
        let Place { page, x, y, size: (width, height) } = *place;
        table.row([
            Field::from(page_name(page)),
            x.into(),
            y.into(),
            width.into(),
            height.into(),
            picture.label.into(),
            content.class_name(picture.label).into(),
            picture.file.as_str().into(),
        ]);
    }
    table.into_text()
}

impl Sheets {
    /// The images of a page, and the page that they make. `lost` takes the pixels before and behind the shrinking.
    fn page(
        &self,
        page: usize,
        export: &mut Export<'_>,
        mut lost: Option<&mut Difference>,
    ) -> Result<Rgb8, ExportError> {
        let (width, height) = self.pages[page];
        let data = vec![PAPER; width as usize * height as usize * 3];
        let mut sheet = Rgb8 { width, height, data };
        for (at, place) in self.places.iter().enumerate().filter(|(_, place)| place.page == page) {
            let stage = if lost.is_some() { "compare" } else { "write" };
            export.progress.step(stage, at as u64, self.places.len() as u64)?;
            let image = export.pixels(at)?;
            let shrunk = (image.width, image.height) != place.size;
            let shown = if shrunk { export.pictures.scaled(&image, place.size) } else { image.clone() };
            let row = shown.width as usize * 3;
            for (y, pixels) in shown.data.chunks_exact(row).enumerate() {
                let to = ((place.y as usize + y) * width as usize + place.x as usize) * 3;
                sheet.data[to..to + row].copy_from_slice(pixels);
            }
            if let Some(lost) = lost.as_deref_mut() {
                add_difference(lost, &image, &shown);
            }
        }
        Ok(sheet)
    }
}

/// How far an image is from what is shown of it, each pixel from the one in its place.
fn add_difference(lost: &mut Difference, image: &Rgb8, shown: &Rgb8) {
    let place = |at: u32, from: u32, to: u32| (u64::from(at) * u64::from(to) / u64::from(from)) as u32;
    for y in 0..image.height {
        for x in 0..image.width {
            let there = shown.pixel(place(x, image.width, shown.width), place(y, image.height, shown.height));
            image.pixel(x, y).into_iter().zip(there).for_each(|(a, b)| lost.add(a, b));
        }
    }
}

impl Writer for Sheets {
    fn size(&self, _: &Content) -> Size {
        // A PNG that can't be compressed: a byte per row, and what deflate and chunks add.
        let page = |&(width, height): &(u32, u32)| {
            let raw = (3 * u64::from(width) + 1) * u64::from(height);
            raw + raw / 256 + 4096
        };
        let bytes = self.pages.iter().map(page).sum::<u64>() + self.index.len() as u64;
        Size { files: self.pages.len() as u64 + 1, bytes, exact: false }
    }

    fn write(&self, export: &mut Export<'_>) -> Result<(), ExportError> {
        for page in 0..self.pages.len() {
            let sheet = self.page(page, export, None)?;
            let refused = |e| ExportError::Refused(format!("{}: {e}", page_name(page)));
            export.folder.put(&page_name(page), &export.pictures.png(&sheet).map_err(refused)?)?;
        }
        export.folder.put(INDEX, self.index.as_bytes())?;
        Ok(export.written(self.places.len())?)
    }

    fn compare(&self, export: &mut Export<'_>) -> Result<Difference, ExportError> {
        let mut difference = Difference::default();
        for page in 0..self.pages.len() {
            let name = page_name(page);
            let due = self.page(page, export, Some(&mut difference))?;
            let found = export.pictures.decoded(&export.read(&name)?).map_err(|e| export.differs(&name, e))?;
            if found != due {
                return Err(export.differs(&name, "shows other pixels than were written"));
            }
        }
        if export.read(INDEX)? != self.index.as_bytes() {
            return Err(export.differs(INDEX, "holds other bytes than were written"));
        }
        export.compared(self.places.len())?;
        Ok(difference)
    }

    fn about(&self) -> Map<String, Value> {
        let (from, to) = self.sides;
        let scale = f64::from(to) / f64::from(from);
        [("scale".to_owned(), scale.into()), ("pages".to_owned(), self.pages.len().into())].into_iter().collect()
    }

    fn lossless(&self) -> bool {
        self.sides.0 == self.sides.1
    }
}

#[cfg(test)]
mod tests {
    use super::super::content::Picture;
    use super::*;
    use crate::core::data::dataset::{Class, Layout};

    fn sheets(classes: u32, images: u32, size: (u32, u32)) -> Sheets {
        let class = |label: u32| Class { name: label.to_string(), title: None, folder: vec![] };
        let picture = |label, number| Picture {
            label,
            number,
            file: String::new(),
            extension: "png",
            size,
            bytes: 0,
            hash: blake3::hash(b""),
            about: Map::new(),
        };
        let pictures = (0..classes).flat_map(|label| (0..images).map(move |number| picture(label, number))).collect();
        let classes = (0..classes).map(class).collect();
        layout(&Content { classes, pictures, manifest: None, layout: Layout::ImageFolder, rounding: None }).unwrap()
    }

    #[test]
    fn a_row_holds_a_class_and_pages_stay_small() {
        let few = sheets(3, 4, (32, 24));
        assert_eq!((few.sides, few.pages.clone(), few.lossless()), ((32, 32), vec![(138, 104)], true));
        assert_eq!(few.places[6], Place { page: 0, x: 70, y: 36, size: (32, 24) });
        // Shrunk until fifty of them fit.
        let many = sheets(1000, 50, (224, 224));
        assert_eq!((many.sides, many.lossless()), ((224, 161), false));
        assert_eq!(many.pages.len(), 20, "{:?}", many.pages);
        assert!(many.pages.iter().all(|&(width, height)| width <= MOST && height <= MOST));
        // Too many for a row at any size that shows something.
        let long = sheets(2, 1000, (32, 32));
        assert_eq!((long.sides.1, long.pages.len()), (16, 1));
        assert_eq!(long.places[455], Place { page: 0, x: 2, y: 20, size: (16, 16) });
        assert_eq!(long.places[1000].y, 2 + 3 * 18, "the next class begins a row");
        let huge = sheets(2, 1, (9000, 300));
        assert!(huge.sides.1 <= 8188 && huge.pages.len() == 2, "{:?}", huge.pages);
    }
}
