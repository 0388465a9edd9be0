//! What DD-Ranking's evaluators take: `images.pt`, normalised because its loader doesn't, and `labels.pt`.

use super::content::{Content, ExportError};
use super::tensors::{Part, Shape, TensorFile, Tensors};
use crate::core::data::dataset::Layout;
use crate::core::data::normalise::MeanStd;
use crate::core::formats::torch_file::Pickle;

/// The set's layout. Without `mean_std` the constants are those that DD-Ranking has for the dataset: CIFAR-10's for both
/// CIFARs, ImageNet's for all others, Tiny-ImageNet included.
pub(super) fn layout(content: &Content, mean_std: Option<MeanStd>) -> Result<Tensors, ExportError> {
    let own = match content.layout {
        Layout::Cifar10Binary | Layout::Cifar100Binary => MeanStd::CIFAR10,
        Layout::ImageFolder | Layout::TinyImageNet => MeanStd::IMAGENET,
    };
    let shape = Shape::of(content)?;
    let in_doubt = mean_std.is_none() && content.layout == Layout::ImageFolder && shape.is_of_cifar();
    let notes =
        in_doubt.then(|| "normalised by ImageNet's constants: if this is CIFAR, give --mean-std cifar10".to_owned());
    let mean_std = mean_std.unwrap_or(own);
    let file = |name, part| {
        let mut pickle = Pickle::new();
        shape.pickle(&mut pickle, 0, part);
        TensorFile { name, pickle: pickle.finish(), parts: vec![part] }
    };
    let files = vec![file("images.pt", Part::Images(mean_std)), file("labels.pt", Part::Labels)];
    let about = [("mean_std".to_owned(), mean_std.describe().into())].into_iter().collect();
    Ok(Tensors { shape, files, about, notes: notes.into_iter().collect() })
}
