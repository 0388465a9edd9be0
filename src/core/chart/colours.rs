//! Colours that the colour-blind can tell apart: of series by number, and a scale for maps.

/// Series on a light ground, in turn: each at least 3:1 from it.
pub const ON_LIGHT: [[u8; 3]; 8] = [
    [0, 104, 190],
    [196, 88, 0],
    [0, 124, 84],
    [190, 40, 120],
    [134, 104, 0],
    [104, 66, 200],
    [200, 36, 28],
    [88, 96, 108],
];

/// The same hues on a dark ground.
pub const ON_DARK: [[u8; 3]; 8] = [
    [86, 180, 255],
    [255, 159, 67],
    [52, 211, 153],
    [244, 114, 182],
    [250, 222, 90],
    [167, 139, 250],
    [248, 113, 100],
    [170, 178, 189],
];

/// Viridis (Smith and van der Walt, matplotlib) at ninths of its length: brighter is more, also in grey and for all
/// kinds of colour-blindness.
const VIRIDIS: [[u8; 3]; 9] = [
    [0x44, 0x01, 0x54],
    [0x47, 0x2d, 0x7b],
    [0x3b, 0x52, 0x8b],
    [0x2c, 0x72, 0x8e],
    [0x21, 0x91, 0x8c],
    [0x28, 0xae, 0x80],
    [0x5e, 0xc9, 0x62],
    [0xad, 0xdc, 0x30],
    [0xfd, 0xe7, 0x25],
];

/// ColorBrewer's RdBu turned round, at eighths of its length: blue is less, white the middle, red more. The colour-blind
/// tell both sides apart.
const DIVERGING: [[u8; 3]; 9] = [
    [0x21, 0x66, 0xac],
    [0x43, 0x93, 0xc3],
    [0x92, 0xc5, 0xde],
    [0xd1, 0xe5, 0xf0],
    [0xf7, 0xf7, 0xf7],
    [0xfd, 0xdb, 0xc7],
    [0xf4, 0xa5, 0x82],
    [0xd6, 0x60, 0x4d],
    [0xb2, 0x18, 0x2b],
];

/// The colour of a share from 0 to 1 on the scale of maps; what lies outside has that of the nearer end, NaN that of 0.
#[must_use]
pub fn viridis(share: f64) -> [u8; 3] {
    between(&VIRIDIS, if share.is_nan() { 0.0 } else { share })
}

/// The colour of a share from −1 to 1 on the scale of signed maps; what lies outside has that of the nearer end, NaN that
/// of 0.
#[must_use]
pub fn diverging(share: f64) -> [u8; 3] {
    between(&DIVERGING, if share.is_nan() { 0.5 } else { (share + 1.0) / 2.0 })
}

/// The colour at a share of the way along a scale.
fn between(scale: &[[u8; 3]; 9], share: f64) -> [u8; 3] {
    let place = share.clamp(0.0, 1.0) * (scale.len() - 1) as f64;
    let low = (place.floor() as usize).min(scale.len() - 2);
    let part = place - low as f64;
    let (from, to) = (scale[low], scale[low + 1]);
    let mixed = |c: usize| (f64::from(from[c]) + part * (f64::from(to[c]) - f64::from(from[c]))).round() as u8;
    [mixed(0), mixed(1), mixed(2)]
}

/// A colour as CSS has it, `#0068be`.
#[must_use]
pub fn css([r, g, b]: [u8; 3]) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// Those of [`ON_LIGHT`] for pictures on white, as CSS has them.
#[must_use]
pub fn on_white() -> Vec<String> {
    ON_LIGHT.iter().map(|c| css(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_grows_brighter_and_holds_its_ends() {
        assert_eq!([viridis(0.0), viridis(1.0), viridis(0.5)].map(css), ["#440154", "#fde725", "#21918c"]);
        assert_eq!([viridis(-3.0), viridis(f64::NAN), viridis(7.0)].map(css), ["#440154", "#440154", "#fde725"]);
        // Halfway between the first two: (0x44 + 0x47) / 2 = 69.5, (1 + 0x2d) / 2 = 23, (0x54 + 0x7b) / 2 = 103.5.
        assert_eq!(viridis(1.0 / 16.0), [70, 23, 104]);
        let grey = |c: [u8; 3]| 299 * u32::from(c[0]) + 587 * u32::from(c[1]) + 114 * u32::from(c[2]);
        let greys: Vec<u32> = (0..=64).map(|i| grey(viridis(f64::from(i) / 64.0))).collect();
        assert!(greys.windows(2).all(|w| w[0] < w[1]), "{greys:?}");
    }
}
