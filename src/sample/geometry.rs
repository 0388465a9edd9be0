//! Points, signed distances of plane shapes, and the few numeric functions that the drawing needs.
//!
//! Only +, −, ·, ÷, √, minimum, maximum and conversions to integers are used, on `f32`: IEEE 754 rounds them the same way everywhere,
//! where a platform's own sine or exponential may differ in the last bit. So the sample's bytes are the same on every
//! platform that computes `f32` in single precision (all 64-bit ones).
//!
//! Signed distances are negative inside. Formulas after Inigo Quilez, "2D distance functions" (2019).

use std::ops::{Add, Mul, Sub};

/// A point or a vector of the plane; y points down, as rows do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct P {
    pub x: f32,
    pub y: f32,
}

/// Shorthand for a point.
pub const fn p(x: f32, y: f32) -> P {
    P { x, y }
}

impl Add for P {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        p(self.x + other.x, self.y + other.y)
    }
}

impl Sub for P {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        p(self.x - other.x, self.y - other.y)
    }
}

impl Mul<f32> for P {
    type Output = Self;
    fn mul(self, k: f32) -> Self {
        p(self.x * k, self.y * k)
    }
}

impl P {
    pub fn dot(self, other: Self) -> f32 {
        self.x * other.x + self.y * other.y
    }

    pub fn length(self) -> f32 {
        self.dot(self).sqrt()
    }

    /// Rotated by the angle whose cosine and sine are `turn.x` and `turn.y`.
    pub fn rotated(self, turn: Self) -> Self {
        p(self.x * turn.x - self.y * turn.y, self.x * turn.y + self.y * turn.x)
    }

    /// Rotated back by the same angle.
    pub fn unrotated(self, turn: Self) -> Self {
        p(self.x * turn.x + self.y * turn.y, self.y * turn.x - self.x * turn.y)
    }

    /// Mirrored to the right half: what is drawn there appears on both sides.
    pub fn folded(self) -> Self {
        p(self.x.abs(), self.y)
    }
}

/// The largest whole number that is not above `v`. (The standard floor is a call into libm on plain x86-64.)
pub fn whole(v: f32) -> i32 {
    let towards_zero = v as i32;
    towards_zero - i32::from(towards_zero as f32 > v)
}

/// What is above the largest whole number, in [0, 1).
pub fn fraction(v: f32) -> f32 {
    v - whole(v) as f32
}

/// The sine of an angle in turns, to about 0.001: two parabolas and one correction.
pub fn sine(turns: f32) -> f32 {
    let t = turns - whole(turns + 0.5) as f32;
    let rough = 8.0 * t - 16.0 * t * t.abs();
    rough + 0.225 * (rough * rough.abs() - rough)
}

/// Cosine and sine of an angle in turns, of length 1.
pub fn direction(turns: f32) -> P {
    let v = p(sine(turns + 0.25), sine(turns));
    v * (1.0 / v.length())
}

/// 0 below `low`, 1 above `high`, a smooth cubic between.
pub fn step(low: f32, high: f32, v: f32) -> f32 {
    let t = ((v - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// A triangle wave of period 1 between 0 (at whole numbers) and 1 (halfway).
pub fn zigzag(v: f32) -> f32 {
    1.0 - (2.0 * fraction(v) - 1.0).abs()
}

/// `a` at 0, `b` at 1.
pub fn lerp(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

pub fn circle(q: P, centre: P, radius: f32) -> f32 {
    (q - centre).length() - radius
}

/// Exact to first order at the edge, and good enough for shading inside.
pub fn ellipse(q: P, centre: P, radii: P) -> f32 {
    let d = q - centre;
    let unit = p(d.x / radii.x, d.y / radii.y);
    let slope = p(unit.x / radii.x, unit.y / radii.y).length();
    if slope <= 1e-6 {
        return -radii.x.min(radii.y);
    }
    let k = unit.length();
    k * (k - 1.0) / slope
}

/// A rectangle with corners rounded by `round`; `half` includes the rounding.
pub fn slab(q: P, centre: P, half: P, round: f32) -> f32 {
    let d = (q - centre).folded();
    let d = p(d.x - half.x + round, d.y.abs() - half.y + round);
    p(d.x.max(0.0), d.y.max(0.0)).length() + d.x.max(d.y).min(0.0) - round
}

/// A stroke from `a` (half width `ra`) to `b` (half width `rb`) with round ends.
pub fn stroke(q: P, (a, ra): (P, f32), (b, rb): (P, f32)) -> f32 {
    let (along, d) = (b - a, q - a);
    let t = (d.dot(along) / along.dot(along)).clamp(0.0, 1.0);
    (d - along * t).length() - lerp(ra, rb, t)
}

/// A ring of radius `radius` and half width `half`.
pub fn ring(q: P, centre: P, radius: f32, half: f32) -> f32 {
    ((q - centre).length() - radius).abs() - half
}

/// The lens between two equal arcs from `a` to `b`, `half` wide at its middle (`half` less than half its length).
pub fn lens(q: P, (a, b): (P, P), half: f32) -> f32 {
    let axis = (b - a) * 0.5;
    let long = axis.length();
    let d = q - (a + b) * 0.5;
    let d = p(d.dot(axis).abs() / long, (d.x * axis.y - d.y * axis.x).abs() / long);
    let offset = (long * long - half * half) / (2.0 * half);
    if (d.x - long) * offset > d.y * long {
        return (d - p(long, 0.0)).length();
    }
    (d + p(0.0, offset)).length() - (offset + half)
}

/// A polygon with straight sides.
pub fn polygon(q: P, corners: &[P]) -> f32 {
    let mut nearest = f32::MAX;
    let mut inside = false;
    let mut previous = corners[corners.len() - 1];
    for &corner in corners {
        let (side, d) = (previous - corner, q - corner);
        let foot = d - side * (d.dot(side) / side.dot(side)).clamp(0.0, 1.0);
        nearest = nearest.min(foot.dot(foot));
        if (q.y >= corner.y) != (q.y >= previous.y) && (side.x * d.y < side.y * d.x) == (side.y > 0.0) {
            inside = !inside;
        }
        previous = corner;
    }
    if inside { -nearest.sqrt() } else { nearest.sqrt() }
}

/// The union of two shapes with their seam rounded over about `width`.
pub fn melt(a: f32, b: f32, width: f32) -> f32 {
    let t = (width - (a - b).abs()).max(0.0) / width;
    a.min(b) - t * t * width * 0.25
}

/// `a` without `b`, with the new edge rounded over about `width`.
pub fn carve(a: f32, b: f32, width: f32) -> f32 {
    -melt(-a, b, width)
}
