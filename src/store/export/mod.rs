//! What leaves the program.

pub mod rded;
