//! The system's fonts for characters that the built-in fonts lack: classes and files have names in any script. Only such
//! a character makes the window look at them, so that a text in Latin letters looks the same everywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use eframe::egui::epaint::text::{
    Blob, FallbackRequest, FontData, FontDefinitions, FontInsert, FontProvider, Fonts, TextOptions,
};
use eframe::egui::{Context, FontFamily, FontId};
use fontdb::{Database, FaceInfo, Source, Style};

use super::later::later;

/// A font for each character that was looked for, or that there is none.
type Found = BTreeMap<char, Option<FontInsert>>;

/// What egui asks while it lays out text, and what has been found so far.
#[derive(Default)]
struct Asked {
    wanted: BTreeSet<char>,
    found: Found,
}

#[derive(Default)]
struct Provider(Mutex<Asked>);

impl Provider {
    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FontProvider for Provider {
    /// Answers from what has been found; what has not been looked for yet is a box until it is found.
    fn font_for(&self, request: &FallbackRequest<'_>) -> Option<FontInsert> {
        let wanted = request.cluster.chars().next()?;
        let mut asked = self.asked();
        match asked.found.get(&wanted) {
            Some(found) => found.clone(),
            None => {
                asked.wanted.insert(wanted);
                None
            }
        }
    }
}

/// Looks for fonts away from the frame.
pub(super) struct Fallback {
    provider: Arc<Provider>,
    system: Arc<OnceLock<Database>>,
    search: Option<Receiver<Found>>,
    /// Whether it was said that fonts are missing.
    said: bool,
}

impl Fallback {
    /// Has egui ask for fonts. Without `system` there are none but the built-in ones.
    pub(super) fn install(ctx: &Context, system: bool) -> Self {
        let provider = Arc::new(Provider::default());
        ctx.add_font_provider(provider.clone());
        let database = OnceLock::new();
        if !system {
            let _ = database.set(Database::new());
        }
        Self { provider, system: Arc::new(database), search: None, said: false }
    }

    /// Takes what was found and has the text laid out anew; looks for what is wanted. Returns what to say once about
    /// characters that no font has.
    pub(super) fn advance(&mut self, ctx: &Context) -> Option<String> {
        let found = self.search.as_ref().and_then(|search| search.try_recv().ok());
        let mut missing = None;
        if let Some(found) = found {
            self.search = None;
            missing = lacking(&found).filter(|_| !std::mem::replace(&mut self.said, true));
            let news = found.values().any(Option::is_some);
            self.provider.asked().found.extend(found);
            if news {
                // egui asks once for each character, and again after the providers were set.
                ctx.set_font_providers(vec![self.provider.clone()]);
            }
        }
        let wanted =
            if self.search.is_none() { std::mem::take(&mut self.provider.asked().wanted) } else { BTreeSet::new() };
        if !wanted.is_empty() {
            let (system, repaint) = (self.system.clone(), ctx.clone());
            self.search = Some(later(move || {
                let found = choose(system.get_or_init(load), &wanted);
                repaint.request_repaint();
                found
            }));
        }
        missing
    }
}

fn load() -> Database {
    let mut system = Database::new();
    system.load_system_fonts();
    system
}

/// The words about characters that no font has.
fn lacking(found: &Found) -> Option<String> {
    let lacking: Vec<char> = found.iter().filter(|(_, font)| font.is_none()).map(|(c, _)| *c).collect();
    let examples: Vec<String> = lacking.iter().take(4).map(|c| format!("{c} (U+{:04X})", u32::from(*c))).collect();
    (!lacking.is_empty()).then(|| {
        format!(
            "no font of this system has {}{}: such characters are shown as boxes. Install fonts for their script; on \
             Debian and Ubuntu the packages fonts-noto-cjk and fonts-noto-core have nearly all",
            examples.join(", "),
            if lacking.len() > examples.len() { ", …" } else { "" }
        )
    })
}

/// A font for each character: the first in one fixed order that has it.
fn choose(system: &Database, wanted: &BTreeSet<char>) -> Found {
    let mut left = wanted.clone();
    let mut found = Found::new();
    // The faces of a collection lie in one file, which is read once.
    let mut file: Option<(PathBuf, Blob)> = None;
    for face in in_order(system, wanted) {
        if left.is_empty() {
            break;
        }
        let Some(insert) = insert(face, &mut file) else { continue };
        let has = covered(&insert, &left);
        left.retain(|c| !has.contains(c));
        found.extend(has.into_iter().map(|c| (c, Some(insert.clone()))));
    }
    found.extend(left.into_iter().map(|c| (c, None)));
    found
}

/// One upright face of each family: Noto Sans first, whose scripts go together, then the others by name.
fn in_order<'a>(system: &'a Database, wanted: &BTreeSet<char>) -> Vec<&'a FaceInfo> {
    // Han characters differ between the countries that write them; kana and Hangul tell which it is.
    let any = |range: std::ops::RangeInclusive<char>| wanted.iter().any(|c| range.contains(c));
    let country = match () {
        () if any('\u{3040}'..='\u{30ff}') => "JP",
        () if any('\u{ac00}'..='\u{d7a3}') => "KR",
        () => "SC",
    };
    let name = |face: &FaceInfo| face.families.first().map(|(name, _)| name.clone()).unwrap_or_default();
    let mut faces: Vec<(_, &FaceInfo)> = system
        .faces()
        .filter(|face| face.style == Style::Normal && !name(face).contains("Emoji"))
        .map(|face| {
            let name = name(face);
            let others = (!name.starts_with("Noto Sans"), face.monospaced, !name.starts_with("Noto"));
            let elsewhere = name.contains("CJK") && !name.ends_with(country);
            let order = (others, elsewhere, name, face.weight.0.abs_diff(400), face.post_script_name.clone());
            (order, face)
        })
        .collect();
    faces.sort_by(|a, b| a.0.cmp(&b.0));
    faces.dedup_by(|next, kept| next.0.2 == kept.0.2);
    faces.into_iter().map(|(_, face)| face).collect()
}

fn insert(face: &FaceInfo, file: &mut Option<(PathBuf, Blob)>) -> Option<FontInsert> {
    let blob = match &face.source {
        Source::Binary(bytes) | Source::SharedFile(_, bytes) => bytes.clone(),
        Source::File(path) => match file {
            Some((last, bytes)) if last == path => bytes.clone(),
            _ => {
                let bytes: Blob = Arc::new(std::fs::read(path).ok()?);
                *file = Some((path.clone(), bytes.clone()));
                bytes
            }
        },
    };
    let data = FontData::from_blob(blob, face.index);
    Some(FontInsert::new(&format!("system: {}", face.post_script_name), data, Vec::new()))
}

/// Which of the characters egui can paint with this font alone.
fn covered(insert: &FontInsert, wanted: &BTreeSet<char>) -> BTreeSet<char> {
    let alone = insert.clone();
    let only = move |_: &FallbackRequest<'_>| Some(alone.clone());
    let fonts = Fonts::new(TextOptions::default(), FontDefinitions::empty());
    let mut fonts = fonts.with_font_providers(vec![Arc::new(only)]);
    let any = FontId::new(12.0, FontFamily::Proportional);
    wanted.iter().copied().filter(|c| fonts.has_glyph(&any, *c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A database of the built-in fonts, which every machine has.
    fn built_in() -> Database {
        let mut database = Database::new();
        for data in FontDefinitions::default().font_data.values() {
            database.load_font_data(data.bytes().to_vec());
        }
        database
    }

    #[test]
    fn a_font_is_found_for_what_one_has_and_the_rest_is_named() {
        let (known, unknown) = ('Ж', '\u{1F0FF}');
        let found = choose(&built_in(), &BTreeSet::from([known, unknown]));
        assert!(found[&known].is_some() && found[&unknown].is_none());
        let words = lacking(&found).unwrap();
        assert!(words.contains("U+1F0FF") && !words.contains("U+0416"), "{words}");
        assert!(words.contains("fonts-noto-cjk") && words.contains("fonts-noto-core"), "{words}");
        assert_eq!(lacking(&choose(&built_in(), &BTreeSet::from([known]))), None);
    }

    #[test]
    fn the_same_font_is_chosen_every_time() {
        let wanted = BTreeSet::from(['Ж', 'é']);
        let names = || {
            let found = choose(&built_in(), &wanted);
            found.into_values().map(|font| font.map(|f| f.name)).collect::<Vec<_>>()
        };
        assert_eq!(names(), names());
    }

    #[test]
    fn what_is_asked_for_is_looked_for_once_and_answered_then() {
        let provider = Provider::default();
        let ask = || provider.font_for(&FallbackRequest { cluster: "Ж", family: &FontFamily::Proportional });
        assert!(ask().is_none());
        let wanted = std::mem::take(&mut provider.asked().wanted);
        assert_eq!(wanted, BTreeSet::from(['Ж']));
        provider.asked().found = choose(&built_in(), &wanted);
        assert!(ask().is_some() && provider.asked().wanted.is_empty());
    }
}
