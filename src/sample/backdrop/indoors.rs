//! Scenes of things people made: boards, walls, cloth, tiles.

use crate::sample::canvas::Canvas;
use crate::sample::colour::{Dice, hsv, lit, mix};
use crate::sample::geometry::{P, direction, fraction, p, step, whole, zigzag};

/// Wooden boards with grain, at any angle.
pub fn planks(dice: &mut Dice) -> Canvas {
    let turn = direction(if dice.chance(0.5) { dice.range(-0.04, 0.04) } else { dice.range(0.0, 1.0) });
    let (across, hue) = (dice.range(2.5, 5.5), dice.range(0.055, 0.1));
    let (light, dark) = (dice.near(hue, 0.45, 0.78), dice.near(hue, 0.6, 0.5));
    let (boards, grain) = (dice.noise(), dice.noise());
    Canvas::cover(|q| {
        let r = q.rotated(turn);
        let (board, inner) = (whole(across * r.y), fraction(across * r.y));
        let tone = boards.at(board, 7);
        let along = r.x + 5.0 * tone;
        let bend = grain.smooth(2.5 * along, 3.0 * r.y + 9.0 * board as f32);
        let rings = zigzag(5.0 * bend + 2.0 * inner);
        let fibre = grain.smooth(9.0 * along, 70.0 * r.y);
        let wood = lit(mix(light, dark, 0.45 * rings + 0.35 * fibre), 0.8 + 0.3 * tone);
        lit(wood, 0.45 + 0.55 * step(0.0, 0.07, inner.min(1.0 - inner)))
    })
}

/// A wall of bricks, every other row set off by half a brick.
pub fn bricks(dice: &mut Dice) -> Canvas {
    let (rows, turn) = (dice.range(5.0, 9.0), direction(dice.range(-0.03, 0.03)));
    let hue = if dice.chance(0.7) { dice.range(0.0, 0.06) } else { dice.range(0.0, 1.0) };
    let (clay, mortar) = (dice.near(hue, 0.5, 0.6), dice.near(0.1, 0.1, 0.72));
    let (tones, rough) = (dice.noise(), dice.noise());
    Canvas::cover(|q| {
        let r = q.rotated(turn) * rows;
        let row = whole(r.y);
        let x = 0.45 * r.x + 0.5 * (row & 1) as f32;
        let (u, v) = (fraction(x), fraction(r.y));
        let edge = (u.min(1.0 - u) / 0.45).min(v.min(1.0 - v));
        let tone = tones.at(whole(x), row);
        let relief = 0.1 * (step(0.25, 0.08, v) - step(0.75, 0.92, v));
        let pores = 0.25 * (rough.cloudy(q * 22.0) - 0.5);
        mix(mortar, lit(clay, 0.78 + 0.35 * tone + relief + pores), step(0.04, 0.12, edge))
    })
}

/// Cloth woven in checks or stripes of two colours.
pub fn cloth(dice: &mut Dice) -> Canvas {
    let (count, turn) = (dice.range(3.0, 8.0), direction(dice.range(0.0, 1.0)));
    let ground = dice.near(0.12, 0.12, 0.9);
    let dye = hsv(dice.range(0.0, 1.0), dice.range(0.35, 0.75), dice.range(0.45, 0.85));
    let (checks, folds, thread) = (dice.chance(0.6), dice.noise(), dice.noise());
    Canvas::cover(|q| {
        let r = q.rotated(turn) * count;
        let (warp, weft) = (step(0.45, 0.55, zigzag(r.x)), step(0.45, 0.55, zigzag(r.y)));
        let share = if checks { 0.5 * (warp + weft) } else { warp };
        let weave = 0.1 * (thread.smooth(90.0 * q.x, 90.0 * q.y) - 0.5);
        lit(mix(ground, dye, 0.9 * share), 0.84 + 0.25 * folds.cloudy(q * 2.2) + weave)
    })
}

/// Glazed tiles between lines of grout.
pub fn tiles(dice: &mut Dice) -> Canvas {
    let (count, slant) = (dice.range(3.0, 6.5), dice.chance(0.5));
    let turn = direction(dice.range(-0.02, 0.02) + if slant { 0.125 } else { 0.0 });
    let glaze = hsv(dice.range(0.0, 1.0), dice.range(0.05, 0.5), dice.range(0.55, 0.92));
    let second = if dice.chance(0.5) { mix(glaze, [0.95; 3], 0.6) } else { glaze };
    let (grout, tones) = (dice.near(0.1, 0.08, 0.6), dice.noise());
    Canvas::cover(|q| {
        let r = q.rotated(turn) * count;
        let (i, j) = (whole(r.x), whole(r.y));
        let (u, v) = (fraction(r.x), fraction(r.y));
        let edge = u.min(1.0 - u).min(v.min(1.0 - v));
        let bevel = 0.14 * (step(0.16, 0.06, u.min(v)) - step(0.16, 0.06, (1.0 - u).min(1.0 - v)));
        let colour = if (i + j) % 2 == 0 { glaze } else { second };
        let cloudy = 0.14 * (tones.smooth(9.0 * q.x, 9.0 * q.y) - 0.5);
        mix(grout, lit(colour, 0.9 + 0.14 * tones.at(i, j) + bevel + cloudy), step(0.02, 0.06, edge))
    })
}

/// A plastered or papered wall above a floor.
pub fn room(dice: &mut Dice) -> Canvas {
    let wall = hsv(dice.range(0.0, 1.0), dice.range(0.1, 0.5), dice.range(0.5, 0.9));
    let floor = if dice.chance(0.5) { dice.near(0.07, 0.5, 0.5) } else { dice.near(0.6, 0.1, 0.6) };
    let (line, tilt) = (dice.range(0.55, 0.95), dice.range(-0.08, 0.08));
    let (plaster, paper, stripes) = (dice.noise(), dice.range(0.0, 0.12), dice.range(6.0, 12.0));
    let lamp: P = dice.point(p(0.0, 0.0), p(1.0, 0.4));
    Canvas::cover(|q| {
        let depth = q.y - line - tilt * (q.x - 0.5);
        let spread = (q - lamp).dot(q - lamp);
        let tone = 0.9 + 0.35 * (plaster.cloudy(q * 6.0) - 0.5) + paper * (step(0.4, 0.6, zigzag(stripes * q.x)) - 0.5);
        let upright = lit(wall, tone + 0.2 / (1.0 + 6.0 * spread));
        let fibre = plaster.smooth(5.0 * (q.x - 0.5) / (0.2 + depth.max(0.0)), 60.0 * q.y);
        let level = lit(floor, 0.75 + 0.3 * fibre + 0.4 * depth);
        let seam = 1.0 - 0.35 * step(0.03, 0.0, depth.abs());
        lit(mix(upright, level, step(-0.006, 0.006, depth)), seam)
    })
}
