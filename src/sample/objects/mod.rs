//! The objects, one file each.

mod apple;
mod balloon;
mod butterfly;
mod cactus;
mod car;
mod fish;
mod key;
mod mug;
mod mushroom;
mod umbrella;

use super::colour::Dice;
use super::pen::Pen;

/// A class: its name, how its objects may lie, and how one is drawn.
pub struct Kind {
    pub name: &'static str,
    /// Largest turn to either side, in turns.
    pub tilt: f32,
    /// Draws one object in its own coordinates, about (−1, −1) to (1, 1).
    pub draw: fn(&mut Pen, &mut Dice),
}

const fn kind(name: &'static str, tilt: f32, draw: fn(&mut Pen, &mut Dice)) -> Kind {
    Kind { name, tilt, draw }
}

/// The classes, sorted by name.
pub const KINDS: [Kind; 10] = [
    kind("apple", 0.06, apple::draw),
    kind("balloon", 0.05, balloon::draw),
    kind("butterfly", 0.12, butterfly::draw),
    kind("cactus", 0.025, cactus::draw),
    kind("car", 0.03, car::draw),
    kind("fish", 0.07, fish::draw),
    kind("key", 0.5, key::draw),
    kind("mug", 0.03, mug::draw),
    kind("mushroom", 0.05, mushroom::draw),
    kind("umbrella", 0.08, umbrella::draw),
];
