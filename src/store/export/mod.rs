//! What leaves the program: a folder that is absent or complete ([`folder`]), and one file per format on top of it.

pub mod folder;
pub mod rded;
