//! What is behind the objects: a dozen textured scenes, none of which goes with any class.

mod indoors;
mod outdoors;

use super::canvas::Canvas;
use super::colour::Dice;

/// All scenes, equally likely.
const SCENES: [fn(&mut Dice) -> Canvas; 12] = [
    outdoors::sky,
    outdoors::meadow,
    outdoors::sea,
    outdoors::sand,
    outdoors::hills,
    outdoors::foliage,
    outdoors::cobbles,
    indoors::planks,
    indoors::bricks,
    indoors::cloth,
    indoors::tiles,
    indoors::room,
];

/// Any of the scenes.
pub fn any(dice: &mut Dice) -> Canvas {
    dice.pick(&SCENES)(dice)
}
