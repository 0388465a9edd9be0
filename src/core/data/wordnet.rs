//! The 1000 WordNet ids of ImageNet-1k (ILSVRC 2012) in the order of a classifier's outputs.
//!
//! The order is that of the sorted ids: torchvision's `ImageFolder` sorts the class folders, and the published
//! 1000-class networks of torchvision and timm were trained so. The list equals timm's
//! `data/_info/imagenet_synsets.txt` (timm 1.0.31, Apache-2.0); the words are those of `imagenet_synset_to_lemma.txt`
//! beside it, from WordNet 3.0, but that the two cranes are told apart.

use std::sync::LazyLock;

const IDS: &str = include_str!("../../../assets/imagenet_wnids.txt");
/// In the same order, one line each.
static WORDS: LazyLock<Vec<&str>> =
    LazyLock::new(|| include_str!("../../../assets/imagenet_words.txt").lines().collect());
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

/// The words for a WordNet id of ImageNet-1k, commas between synonyms.
#[must_use]
pub fn words(wordnet_id: &str) -> Option<&'static str> {
    WORDS.get(output_of(wordnet_id)? as usize).copied()
}

/// A class's name for people: the words of a WordNet id that the table knows, else the name itself.
#[must_use]
pub fn shown(name: &str) -> &str {
    words(name).unwrap_or(name)
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

    /// As ImageNet's `words.txt` and torchvision's categories have them; each line is one class's alone.
    #[test]
    fn ids_have_words() {
        let cases =
            [("n01440764", "tench, Tinca tinca"), ("n02099601", "golden retriever"), ("n04254680", "soccer ball")];
        for (id, expected) in cases {
            assert_eq!(words(id), Some(expected));
        }
        assert_eq!((words("n00000001"), words("tench"), shown("tench")), (None, None, "tench"));
        let distinct: std::collections::BTreeSet<&str> = WORDS.iter().copied().collect();
        assert_eq!((distinct.len(), WORDS.len()), (COUNT, COUNT));
        assert!(WORDS.iter().all(|words| !words.is_empty() && words.trim() == *words));
    }
}
