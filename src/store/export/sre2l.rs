//! As SRe2L's code lays its images out: `new000/class000_id000.png`, five digits for the class where there are more than
//! a thousand, so that the order of names stays the order of labels. Its trainings read the folder through torchvision's
//! `ImageFolder`, which takes PNG as well as JPEG: nothing is encoded again.

use super::content::{Content, ExportError};
use super::copies::Copies;

/// The set's layout.
pub(super) fn layout(content: &Content) -> Result<Copies, ExportError> {
    content.each_class_has_images()?;
    let width = if content.classes.len() > 1000 { 5 } else { 3 };
    let name = |p: &super::content::Picture| {
        let (class, id) = (p.label, p.number);
        format!("new{class:0width$}/class{class:0width$}_id{id:03}.{}", p.extension)
    };
    Ok(Copies { names: content.pictures.iter().map(name).collect(), ..Copies::default() })
}
