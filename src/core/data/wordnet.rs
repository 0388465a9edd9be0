//! The 1000 WordNet ids of ImageNet-1k (ILSVRC 2012) in the order of a classifier's outputs.
//!
//! The order is that of the sorted ids: torchvision's `ImageFolder` sorts the class folders, and the published
//! 1000-class networks of torchvision and timm were trained so. The list equals timm's
//! `data/_info/imagenet_synsets.txt` (timm 1.0.31, Apache-2.0).

const IDS: &str = include_str!("../../../assets/imagenet_wnids.txt");
/// Nine characters and the line's end.
const LINE: usize = 10;

/// Number of classes of ImageNet-1k.
pub const COUNT: usize = 1000;

/// The WordNet id of an output, for `output` < [`COUNT`].
#[must_use]
pub fn id(output: usize) -> Option<&'static str> {
    IDS.get(output * LINE..output * LINE + LINE - 1)
}

/// The output of a WordNet id: its rank among the 1000 sorted ids.
#[must_use]
pub fn output_of(wordnet_id: &str) -> Option<u32> {
    let (mut low, mut high) = (0, COUNT);
    while low < high {
        let middle = low.midpoint(high);
        match id(middle)?.cmp(wordnet_id) {
            std::cmp::Ordering::Equal => return u32::try_from(middle).ok(),
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_sorted_thousand() {
        let ids: Vec<_> = (0..COUNT).filter_map(id).collect();
        assert_eq!(ids.len(), 1000);
        assert_eq!(IDS.len(), COUNT * LINE, "one id a line and nothing else");
        assert!(ids.is_sorted_by(|a, b| a < b), "sorted and unique");
        assert!(ids.iter().all(|i| i.starts_with('n') && i[1..].bytes().all(|b| b.is_ascii_digit())));
        // Anchors that torchvision's category list gives: tench, golden retriever, toilet tissue (last is 999).
        assert_eq!((ids[0], ids[207], ids[999]), ("n01440764", "n02099601", "n15075141"));
        // The ImageNette indices of DD-Ranking belong to these folders of the dataset.
        let nette = [0, 217, 482, 491, 497, 566, 569, 571, 574, 701].map(|i| ids[i]);
        let folders = ["n01440764", "n02102040", "n02979186", "n03000684", "n03028079", "n03394916", "n03417042"];
        assert_eq!(nette[..7], folders);
        assert_eq!(nette[7..], ["n03425413", "n03445777", "n03888257"]);
    }

    #[test]
    fn every_id_finds_its_output_and_others_find_none() {
        for output in 0..COUNT {
            assert_eq!(id(output).and_then(output_of), Some(output as u32));
        }
        for other in ["", "n", "n00000000", "n99999999", "tench", "n01440764 "] {
            assert_eq!(output_of(other), None, "{other}");
        }
        assert_eq!(id(COUNT), None);
    }
}
