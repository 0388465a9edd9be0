//! What the evaluation of LIC's code loads: `data.pt`, a dictionary of the dataset's name, the images in [0, 1] without
//! normalisation, and their hard labels.

use super::content::{Content, ExportError};
use super::tensors::{Part, Shape, TensorFile, Tensors};
use crate::core::data::dataset::Layout;
use crate::core::data::normalise::MeanStd;
use crate::core::formats::torch_file::{Pickle, opcode};

/// The set's layout.
pub(super) fn layout(content: &Content) -> Result<Tensors, ExportError> {
    let shape = Shape::of(content)?;
    let dataset = match content.origin() {
        Layout::Cifar10Binary => "cifar10",
        Layout::Cifar100Binary => "cifar100",
        Layout::TinyImageNet => "tinyimagenet",
        // Neither files nor classes say which dataset they are of.
        Layout::ImageFolder => "imagefolder",
    };
    let parts = vec![Part::Images(MeanStd::NONE), Part::Labels];
    let mut pickle = Pickle::new();
    pickle.op(opcode::EMPTY_DICT);
    pickle.op(opcode::MARK);
    pickle.text("dataset");
    pickle.text(dataset);
    for (number, (key, part)) in ["data", "label"].into_iter().zip(&parts).enumerate() {
        pickle.text(key);
        shape.pickle(&mut pickle, number, *part);
    }
    pickle.op(opcode::SET_ITEMS);
    let about = [("dataset".to_owned(), dataset.into())].into_iter().collect();
    let files = vec![TensorFile { name: "data.pt", pickle: pickle.finish(), parts }];
    Ok(Tensors { shape, files, about, notes: Vec::new() })
}
