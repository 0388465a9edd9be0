//! What the folders of a dataset are taken for.

/// How the folders directly in a dataset's root are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Folders {
    /// Names and contents decide; where they leave it open, opening fails and names both readings.
    #[default]
    Auto,
    /// Folders called train, val, test or the like are splits, which hold the class folders.
    Splits,
    /// Every folder is a class, whatever it is called.
    Classes,
}

impl Folders {
    /// Whether nothing was said.
    #[must_use]
    pub fn is_auto(&self) -> bool {
        *self == Self::Auto
    }
}

impl std::fmt::Display for Folders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Splits => "splits",
            Self::Classes => "classes",
        })
    }
}

impl std::str::FromStr for Folders {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "splits" => Ok(Self::Splits),
            "classes" => Ok(Self::Classes),
            _ => Err(format!("'{text}' is none of auto, splits and classes")),
        }
    }
}
