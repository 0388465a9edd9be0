//! What DD-Ranking's evaluators take: `images.pt`, normalised because its loader doesn't, and `labels.pt`.

use std::collections::BTreeSet;

use super::content::{Content, ExportError};
use super::tensors::{Part, Shape, TensorFile, Tensors};
use crate::core::data::dataset::{Class, Layout};
use crate::core::data::normalise::MeanStd;
use crate::core::formats::torch_file::Pickle;

/// The subsets of ImageNet whose classes DD-Ranking numbers as they stand here, by their outputs of ImageNet-1k
/// (`ddranking/utils/data.py`).
const ORDERS: [(&str, [u32; 10]); 6] = [
    ("ImageNette", [0, 217, 482, 491, 497, 566, 569, 571, 574, 701]),
    ("ImageWoof", [193, 182, 258, 162, 155, 167, 159, 273, 207, 229]),
    ("ImageMeow", [281, 282, 283, 284, 285, 291, 292, 290, 289, 287]),
    ("ImageSquawk", [84, 130, 88, 144, 145, 22, 96, 9, 100, 89]),
    ("ImageFruit", [953, 954, 949, 950, 951, 957, 952, 945, 943, 948]),
    ("ImageYellow", [309, 986, 954, 951, 987, 779, 599, 291, 72, 11]),
];

/// What to do about classes that DD-Ranking numbers otherwise: its test images would have other labels than these.
fn other_order(classes: &[Class]) -> Option<String> {
    let outputs: Vec<u32> = classes.iter().map(Class::wordnet_output).collect::<Option<_>>()?;
    let all = |outputs: &[u32]| outputs.iter().copied().collect::<BTreeSet<u32>>();
    let (name, order) = ORDERS.iter().find(|(_, order)| all(order) == all(&outputs))?;
    if outputs == order {
        return None;
    }
    let id = |output: &u32| classes[outputs.iter().position(|o| o == output)?].wordnet_id();
    let ids: Vec<&str> = order.iter().filter_map(id).collect();
    Some(format!(
        "DD-Ranking numbers the classes of {name} in an order of its own, and its test images by that; the labels here \
         are the set's: distil with --classes {}",
        ids.join(",")
    ))
}

/// The set's layout. Without `mean_std` the constants are those that DD-Ranking has for the dataset: CIFAR-10's for both
/// CIFARs, ImageNet's for all others, Tiny-ImageNet included.
pub(super) fn layout(content: &Content, mean_std: Option<MeanStd>) -> Result<Tensors, ExportError> {
    let own = match content.origin() {
        Layout::Cifar10Binary | Layout::Cifar100Binary => MeanStd::CIFAR10,
        Layout::ImageFolder | Layout::TinyImageNet => MeanStd::IMAGENET,
    };
    let shape = Shape::of(content)?;
    let mut notes: Vec<String> = other_order(&content.classes).into_iter().collect();
    if mean_std.is_none() && content.origin() == Layout::ImageFolder && shape.is_of_cifar() {
        notes.push("normalised by ImageNet's constants: if this is CIFAR, give --mean-std cifar10".to_owned());
    }
    let mean_std = mean_std.unwrap_or(own);
    let file = |name, part| {
        let mut pickle = Pickle::new();
        shape.pickle(&mut pickle, 0, part);
        TensorFile { name, pickle: pickle.finish(), parts: vec![part] }
    };
    let files = vec![file("images.pt", Part::Images(mean_std)), file("labels.pt", Part::Labels)];
    let about = [("mean_std".to_owned(), mean_std.describe().into())].into_iter().collect();
    Ok(Tensors { shape, files, about, notes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::data::wordnet;

    #[test]
    fn another_order_of_classes_is_told() {
        let class = |output: &u32| {
            let id = wordnet::id(*output as usize).unwrap();
            Class { name: id.to_owned(), title: None, folder: vec![] }
        };
        for (name, order) in ORDERS {
            let own: Vec<Class> = order.iter().map(class).collect();
            assert_eq!(other_order(&own), None, "{name}");
            let mut sorted = own.clone();
            sorted.sort_by(|a, b| a.name.cmp(&b.name));
            let told = other_order(&sorted);
            assert_eq!(told.is_none(), sorted == own, "{name}");
            let ids: Vec<&str> = own.iter().map(|class| class.name.as_str()).collect();
            assert!(told.is_none_or(|told| told.contains(name) && told.ends_with(&ids.join(","))), "{name}");
            assert_eq!(other_order(&own[1..]), None, "{name}");
        }
    }
}
