//! Netpbm's bitmaps, greymaps and pixmaps, whose samples reach from 0 to a number that the header states.

use std::io::Cursor;

use image::codecs::pnm::PnmDecoder;
use image::{ColorType, ImageDecoder as _, ImageFormat};

use super::{Format, ImageError, Rgb8, limits, to_rgb};

const PNM: Format = Format { name: "PNM", format: ImageFormat::Pnm };

pub(super) fn decode(bytes: &[u8]) -> Result<Rgb8, ImageError> {
    let mut decoder = PnmDecoder::new(Cursor::new(bytes)).map_err(|e| PNM.refused(e))?;
    decoder.set_limits(limits()).map_err(|e| PNM.refused(e))?;
    let (width, height) = decoder.dimensions();
    let most = decoder.header().maximal_sample();
    let (mut samples, color) = PNM.samples(decoder, 1)?;
    // The crate scales samples to 8 or 16 bits in single precision, one by one, so each can be told from its result.
    let level = |scaled: f64, top: f64| {
        let stated = (scaled * f64::from(most) / top).round();
        (stated / f64::from(most) * 255.0).round_ties_even() as u8
    };
    if color == ColorType::Rgb16 {
        let wide = samples.chunks_exact(2).filter_map(|b| b.try_into().ok()).map(u16::from_ne_bytes);
        let data = wide.map(|v| level(f64::from(v), 65_535.0)).collect();
        return Ok(Rgb8 { width, height, data });
    }
    if most != 255 && matches!(color, ColorType::L8 | ColorType::Rgb8) {
        let table: Vec<u8> = (0..=u8::MAX).map(|v| level(f64::from(v), 255.0)).collect();
        samples.iter_mut().for_each(|v| *v = table[usize::from(*v)]);
    }
    Ok(Rgb8 { width, height, data: to_rgb(samples, color) })
}
