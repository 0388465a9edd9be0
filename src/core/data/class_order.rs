//! In which order classes are an observer's outputs where nothing names the outputs.
//!
//! torchvision's `ImageFolder` sorts the names of folders as text, so that class 10 comes before class 2; other loaders take
//! integers as what they are. The names alone don't tell by which of the two a network was trained.

use super::dataset::Class;

/// Which order of the classes is that of the outputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClassOrder {
    /// By number where all classes are integers, else that of the data; the observer's answers may say otherwise.
    #[default]
    Auto,
    /// By number: 0, 1, 2, …, 10.
    Number,
    /// That of the data, which is sorted as text: 0, 1, 10, …, 2.
    Text,
}

impl ClassOrder {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Number, Self::Text];

    /// The name, as flags and records have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Number => "number",
            Self::Text => "text",
        }
    }
}

impl std::fmt::Display for ClassOrder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for ClassOrder {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|order| order.name() == text);
        known.ok_or_else(|| format!("'{text}' is no class order: give number, text or auto"))
    }
}

/// The place of each class in order of number; `None` unless all are called by different integers, with or without a sign
/// and leading zeros.
#[must_use]
pub fn places(classes: &[Class]) -> Option<Vec<u32>> {
    let numbers: Vec<i128> = classes.iter().map(|c| c.label().parse().ok()).collect::<Option<_>>()?;
    let mut sorted: Vec<usize> = (0..numbers.len()).collect();
    sorted.sort_by_key(|&class| numbers[class]);
    if sorted.windows(2).any(|pair| numbers[pair[0]] == numbers[pair[1]]) {
        return None;
    }
    let mut places = vec![0; numbers.len()];
    (0..).zip(sorted).for_each(|(place, class)| places[class] = place);
    Some(places)
}

/// [`places`] where the classes stand in another order because their names were sorted as text. A list that somebody put
/// in an order of their own is left in it.
#[must_use]
pub fn unsorted(classes: &[Class]) -> Option<Vec<u32>> {
    let as_text = classes.is_sorted_by(|a, b| a.label() < b.label());
    places(classes).filter(|places| as_text && !places.is_sorted())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(names: &[&str]) -> Vec<Class> {
        names.iter().map(|n| Class { name: (*n).into(), title: None, folder: n.as_bytes().to_vec() }).collect()
    }

    #[test]
    fn integers_have_places_with_signs_and_leading_zeros() {
        assert_eq!(places(&classes(&["0", "1", "10", "2"])), Some(vec![0, 1, 3, 2]));
        assert_eq!(places(&classes(&["+7", "-1", "-12", "003"])), Some(vec![3, 1, 0, 2]));
        for others in
            [&["class1", "class10", "class2"][..], &["1", "2", "two"], &["1", "01"], &["1.5", "2"], &["", "1"]]
        {
            assert_eq!(places(&classes(others)), None, "{others:?}");
        }
    }

    /// Equal widths sort alike; CIFAR's labels and `--classes 7,3` are lists that somebody made.
    #[test]
    fn only_what_was_sorted_as_text_is_out_of_order() {
        assert_eq!(unsorted(&classes(&["1", "10", "2"])), Some(vec![0, 2, 1]));
        assert_eq!(unsorted(&classes(&["00000", "00001", "00010"])), None);
        assert_eq!(unsorted(&classes(&["7", "3", "10"])), None);
        let mut distilled = classes(&["00000", "00001", "00002"]);
        for (class, title) in distilled.iter_mut().zip(["1", "10", "2"]) {
            class.title = Some(title.to_owned());
        }
        assert_eq!(unsorted(&distilled), Some(vec![0, 2, 1]), "they are called by their titles");
    }

    #[test]
    fn orders_have_one_spelling() {
        for order in ClassOrder::ALL {
            assert_eq!(order.to_string().parse(), Ok(order));
        }
        assert!("numeric".parse::<ClassOrder>().unwrap_err().contains("number, text or auto"));
    }
}
