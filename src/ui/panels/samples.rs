//! Images of the dataset as they are: those of the shown class, or one of each class, with the name that is searched for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use eframe::egui::{self, RichText, Role, TextStyle, Ui, Vec2, WidgetInfo};

use super::scene::Scene;
use crate::core::data::dataset::{ClassId, Dataset, ImageId};
use crate::ui::model::shown::holds;
use crate::ui::theme::palette;
use crate::ui::widgets::gallery::Look;
use crate::ui::widgets::grid::{Grid, Sections};
use crate::ui::widgets::text;

/// What looking for names may take of a frame.
const BUDGET: Duration = Duration::from_millis(2);
/// Names that are looked at before the clock is.
const AT_ONCE: usize = 256;

/// The images that are shown, found once for a dataset, a class and a name: in a large dataset over several frames.
#[derive(Default)]
pub struct Samples {
    of: Option<Wanted>,
    found: Vec<ImageId>,
    /// The next image to look at.
    next: u32,
}

struct Wanted {
    dataset: Arc<Dataset>,
    class: Option<ClassId>,
    name: String,
}

impl Wanted {
    fn is(&self, dataset: &Arc<Dataset>, class: Option<ClassId>, name: &str) -> bool {
        Arc::ptr_eq(&self.dataset, dataset) && self.class == class && self.name == name
    }

    /// The first image behind the last one to look at.
    fn end(&self) -> u32 {
        self.class.map_or(self.dataset.image_count() as u32, |class| self.dataset.images_of(class).end)
    }
}

impl Samples {
    /// Shows the images.
    pub fn show(&mut self, ui: &mut Ui, dataset: &Arc<Dataset>, scene: &mut Scene<'_>) {
        let p = palette(ui.visuals());
        let workspace = &scene.model.workspace;
        let (class, name) = (workspace.shown_class(), workspace.filter().name.to_lowercase());
        if !self.of.as_ref().is_some_and(|of| of.is(dataset, class, &name)) {
            let next = class.map_or(0, |class| dataset.images_of(class).start);
            *self = Self { of: Some(Wanted { dataset: dataset.clone(), class, name }), found: Vec::new(), next };
        }
        if self.find(BUDGET) {
            ui.ctx().request_repaint();
        }
        let words = self.words();
        ui.add(egui::Label::new(RichText::new(&words).color(p.weak)).truncate()).on_hover_text(&words);
        let grid = Grid { name: "samples", side: 56.0, ..Grid::default() };
        grid.show(ui, Sections { counts: &[self.found.len()], heading: None }, |ui, cell| {
            let image = self.found[cell.at.1];
            ui.painter().rect_filled(cell.picture, 2.0, p.well);
            let source = dataset.source(image);
            cell.response.widget_info(|| WidgetInfo::labeled(Role::Image, true, format!("sample {source}")));
            match scene.gallery.image(image, 128) {
                Look::Ready(shown) => {
                    let (w, h) = shown.source_size;
                    let scale = cell.picture.width() / w.max(h).max(1) as f32;
                    let size = Vec2::new(w as f32, h as f32) * scale;
                    let rect = egui::Rect::from_center_size(cell.picture.center(), size);
                    shown.image().paint_at(ui, rect);
                    if cell.response.hovered() {
                        cell.response.clone().on_hover_text(format!("{source}\n{w}×{h} pixels"));
                    }
                }
                Look::Waiting => {}
                Look::Failed(why) => {
                    text::line(ui, cell.picture.shrink(4.0), "broken", (TextStyle::Small, p.bad));
                    cell.response.clone().on_hover_text(why);
                }
            }
        });
    }

    /// Looks for images until `budget` is spent; returns whether some are left to look at.
    fn find(&mut self, budget: Duration) -> bool {
        let Some(of) = &self.of else { return false };
        let (began, end) = (Instant::now(), of.end());
        while self.next < end {
            for _ in 0..AT_ONCE {
                if self.next >= end {
                    break;
                }
                let image = ImageId(self.next);
                self.next += 1;
                if holds(of.dataset.image_name(image), &of.name) {
                    self.found.push(image);
                    if of.class.is_none() {
                        // One of each class.
                        self.next = of.dataset.images_of(of.dataset.class_of(image)).end;
                    }
                }
            }
            if began.elapsed() >= budget {
                break;
            }
        }
        self.next < end
    }

    fn words(&self) -> String {
        let Some(of) = &self.of else { return String::new() };
        let found = self.found.len();
        let counting = if self.next < of.end() { ", looking…" } else { "" };
        let named = if of.name.is_empty() { String::new() } else { format!(" with '{}' in its name", of.name) };
        match of.class {
            Some(class) => {
                let all = of.dataset.class_size(class);
                let name = of.dataset.class(class).shown();
                let count = if of.name.is_empty() {
                    "all ".to_owned()
                } else {
                    format!("{} of ", text::thousands(found as u64))
                };
                let named = named.replace("its name", "their names");
                format!("Samples: {count}{} of {name}{named}{counting}", text::count(all, "image", "images"))
            }
            None => {
                let classes = of.dataset.classes().len();
                let count =
                    if of.name.is_empty() { String::new() } else { format!("{} of ", text::thousands(found as u64)) };
                let classes = text::count(classes, "class", "classes");
                format!("Samples: the first image{named} of each of {count}{classes}{counting}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::data::dataset::{Class, DatasetBuilder, Layout, Split};
    use crate::core::data::source::Held;

    fn found(class: Option<ClassId>, name: &str) -> (Vec<u32>, String) {
        let mut builder = DatasetBuilder::default();
        for (class, names) in [("a", ["1.png", "2 Cat.png", "cat.png"]), ("b", ["1.png", "2.png", "3.png"])] {
            let names = names.map(|n| n.as_bytes().to_vec()).to_vec();
            builder.class(Class { name: class.into(), title: None, folder: class.into() }, names);
        }
        let dataset = builder.build("/nowhere".into(), Layout::ImageFolder, Split::Whole, Held::encoded([])).unwrap();
        let next = class.map_or(0, |class| dataset.images_of(class).start);
        let of = Wanted { dataset: Arc::new(dataset), class, name: name.into() };
        let mut samples = Samples { of: Some(of), found: Vec::new(), next };
        assert!(!samples.find(Duration::ZERO));
        (samples.found.iter().map(|image| image.0).collect(), samples.words())
    }

    #[test]
    fn samples_are_those_of_a_class_or_one_of_each_and_have_the_name() {
        let of = |class, name, images: &[u32], words: &str| {
            assert_eq!(found(class, name), (images.to_vec(), format!("Samples: {words}")));
        };
        of(Some(ClassId(0)), "", &[0, 1, 2], "all 3 images of a");
        of(Some(ClassId(0)), "cat", &[1, 2], "2 of 3 images of a with 'cat' in their names");
        of(Some(ClassId(1)), "cat", &[], "0 of 3 images of b with 'cat' in their names");
        of(None, "", &[0, 3], "the first image of each of 2 classes");
        of(None, "cat", &[1], "the first image with 'cat' in its name of each of 1 of 2 classes");
    }
}
