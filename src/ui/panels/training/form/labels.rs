//! What the fields of the form are called, in it and in messages.

/// Label of the name's field.
pub const NAME: &str = "Name";
/// Label of the data's field.
pub const DATA: &str = "Training images";
/// Label of the evaluation images' field.
pub const EVALUATION: &str = "Evaluation images";
/// Label of the observer's field.
pub const OBSERVER: &str = "Labelling observer";
/// Label of the class map's field.
pub const CLASS_MAP: &str = "Its class map";
/// Label of the stored labels' field.
pub const LABELS: &str = "Stored labels";
/// Label of the student's field.
pub const STUDENT: &str = "Student";
/// Label of the initial weights' field.
pub const INITIAL: &str = "Initial weights";
/// Label of the field for their share of the learning rate.
pub const INITIAL_RATE: &str = "Their rate ×";
/// Label of the side's field.
pub const SIDE: &str = "Side";
/// Label of the normalisation's field.
pub const MEAN_STD: &str = "Mean, std";
/// Label of the field for images per class.
pub const IMAGES: &str = "Images per class";
/// Label of the field for evaluated images per class.
pub const EVALUATED: &str = "Evaluated per class";
/// Label of the field for what is held out.
pub const HOLDOUT: &str = "Held out";
/// Label of the observer's network.
pub const ARCH: &str = "Its network";
/// Label of the field for one of several networks in the observer's file.
pub const PART: &str = "Part of its file";
