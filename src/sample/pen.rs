//! Draws solid-looking shapes: a signed distance gives the outline and, as a bevel, the relief that the light meets.

use super::canvas::{FINE, Layer};
use super::colour::{Dice, Rgb, contrast, lit};
use super::geometry::{P, p};

/// Where a thing stands on the drawing. In its own coordinates it fills about (−1, −1) to (1, 1).
#[derive(Clone, Copy)]
pub struct Pose {
    /// Middle, in samples.
    pub centre: P,
    /// Samples for one unit.
    pub scale: f32,
    /// Cosine and sine of its turn.
    pub turn: P,
    /// Width for its height; negative is mirrored.
    pub stretch: f32,
}

impl Pose {
    /// A point of the drawing in the thing's own coordinates.
    fn own(&self, sample: P) -> P {
        let d = (sample - self.centre).unrotated(self.turn) * (1.0 / self.scale);
        p(d.x / self.stretch, d.y)
    }
}

/// One light from afar, and what the surroundings reflect.
#[derive(Clone, Copy)]
pub struct Light {
    /// Towards the light in the picture's plane; its length is at most 0.8, the rest points to the eye.
    pub slant: P,
    /// Colour and strength of the light.
    pub direct: Rgb,
    /// Colour and strength of the surroundings.
    pub ambient: Rgb,
}

/// How a shape curves away from the eye.
#[derive(Clone, Copy)]
pub enum Form {
    /// Not at all.
    Flat,
    /// Towards all edges, over this width in the thing's own units.
    Bevel(f32),
    /// As an upright cylinder of this axis and half width.
    Cylinder(f32, f32),
    /// As an ellipsoid of this middle and these half axes.
    Ball(P, P),
}

/// A surface: its form and how strongly it shines (0 matt, 1 polished).
#[derive(Clone, Copy)]
pub struct Surface {
    pub form: Form,
    pub gloss: f32,
}

/// A surface without relief or shine.
pub const FLAT: Surface = Surface { form: Form::Flat, gloss: 0.0 };

/// A matt surface, rounded over `bevel`.
pub const fn matt(bevel: f32) -> Surface {
    Surface { form: Form::Bevel(bevel), gloss: 0.0 }
}

/// A shining surface, rounded over `bevel`.
pub const fn glossy(bevel: f32, gloss: f32) -> Surface {
    Surface { form: Form::Bevel(bevel), gloss }
}

/// An ellipsoid.
pub const fn ball(centre: P, radii: P, gloss: f32) -> Surface {
    Surface { form: Form::Ball(centre, radii), gloss }
}

/// An upright cylinder.
pub const fn cylinder(axis: f32, half: f32, gloss: f32) -> Surface {
    Surface { form: Form::Cylinder(axis, half), gloss }
}

/// Draws one thing on a layer.
pub struct Pen<'a> {
    pub layer: &'a mut Layer,
    pub pose: Pose,
    pub light: Light,
    /// Mean colour of what is behind the thing.
    pub behind: Rgb,
}

/// Side of the squares of samples that are skipped at once when they are far from a shape.
const TILE: usize = 8;
/// A square whose middle is farther than this from a shape (in samples) has none of it: its half diagonal is 5.7, and
/// approximate distances may be up to half as large again as the real ones.
const FAR: f32 = 9.5;

impl Pen<'_> {
    /// The one of four drawn colours that stands out most from what is behind.
    pub fn apart(&self, dice: &mut Dice, mut draw: impl FnMut(&mut Dice) -> Rgb) -> Rgb {
        let mut best = draw(dice);
        for _ in 0..3 {
            let other = draw(dice);
            if contrast(other, self.behind) > contrast(best, self.behind) {
                best = other;
            }
        }
        best
    }

    /// Draws a shape in one colour.
    pub fn fill(&mut self, surface: Surface, colour: Rgb, shape: impl Fn(P) -> f32) {
        self.paint(surface, |_| colour, shape);
    }

    /// Draws a shape whose colour depends on the place (in the thing's own coordinates).
    pub fn paint(&mut self, surface: Surface, colour: impl Fn(P) -> Rgb, shape: impl Fn(P) -> f32) {
        let pose = self.pose;
        let reach = 1.6 * pose.scale * pose.stretch.abs().max(1.0);
        let tiles = |middle: f32| {
            let clip = |v: f32| v.clamp(0.0, FINE as f32) as usize;
            (clip(middle - reach) / TILE..clip(middle + reach).div_ceil(TILE)).map(|t| t * TILE)
        };
        let half = (TILE / 2) as f32;
        for top in tiles(pose.centre.y) {
            for left in tiles(pose.centre.x) {
                let middle = pose.own(p(left as f32 + half, top as f32 + half));
                if shape(middle) * pose.scale > FAR {
                    continue;
                }
                for at in (top..top + TILE).flat_map(|y| (left..left + TILE).map(move |x| y * FINE + x)) {
                    let q = pose.own(p((at % FINE) as f32 + 0.5, (at / FINE) as f32 + 0.5));
                    let distance = shape(q);
                    let coverage = (0.5 - distance * pose.scale).clamp(0.0, 1.0);
                    if coverage > 0.0 {
                        let lit = self.shaded(surface, colour(q), (q, distance), &shape);
                        self.layer.add(at, lit, coverage);
                    }
                }
            }
        }
    }

    /// `colour` in the light, at the point `q` which is at `distance` from the shape's edge.
    fn shaded(&self, surface: Surface, colour: Rgb, (q, distance): (P, f32), shape: &impl Fn(P) -> f32) -> Rgb {
        let lean = match surface.form {
            Form::Flat => p(0.0, 0.0),
            Form::Cylinder(axis, half) => p(((q.x - axis) / half).clamp(-0.98, 0.98), 0.0),
            Form::Ball(centre, radii) => {
                let d = q - centre;
                let d = p(d.x / radii.x, d.y / radii.y);
                d * (0.98 / d.length().max(0.98))
            }
            Form::Bevel(width) if distance > -width => {
                let h = 0.6 / self.pose.scale;
                let slope = p(shape(q + p(h, 0.0)) - distance, shape(q + p(0.0, h)) - distance);
                slope * ((1.0 + distance / width).clamp(0.0, 0.98) / slope.length().max(1e-6))
            }
            Form::Bevel(_) => p(0.0, 0.0),
        };
        let lean = p(if self.pose.stretch < 0.0 { -lean.x } else { lean.x }, lean.y).rotated(self.pose.turn);
        let rise = (1.0 - lean.dot(lean)).max(0.0).sqrt();
        let slant = self.light.slant;
        let height = (1.0 - slant.dot(slant)).max(0.0).sqrt();
        let facing = (lean.dot(slant) + rise * height).max(0.0);
        // Blinn's highlight: half way between the light and the eye, to the 32nd power.
        let half = (slant.dot(slant) + (height + 1.0) * (height + 1.0)).sqrt();
        let mut shine = ((lean.dot(slant) + rise * (height + 1.0)) / half).max(0.0);
        for _ in 0..5 {
            shine *= shine;
        }
        let glint = surface.gloss * shine * 1.1;
        let (direct, ambient) = (self.light.direct, self.light.ambient);
        let mut rgb = lit(colour, 0.75 + 0.25 * rise);
        for c in 0..3 {
            rgb[c] = rgb[c] * (ambient[c] + direct[c] * facing) + glint * direct[c];
        }
        rgb
    }
}
