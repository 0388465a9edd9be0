//! Heavy work, synchronous: plain data in and out; reports through [`crate::core::progress::Progress`].

pub mod images;
