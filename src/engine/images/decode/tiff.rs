//! TIFF: the first page, turned as its orientation says, which Pillow does for TIFF alone.

use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ExtendedColorType, ImageDecoder as _, ImageFormat, RgbImage};

use super::{Format, ImageError, Rgb8, to_rgb};

const TIFF: Format = Format { name: "TIFF", format: ImageFormat::Tiff };

pub(super) fn decode(bytes: &[u8]) -> Result<Rgb8, ImageError> {
    let mut decoder = TIFF.decoder(bytes)?;
    if matches!(decoder.original_color_type(), ExtendedColorType::Cmyk8 | ExtendedColorType::Cmyk16) {
        // The crate rounds its RGB otherwise than Pillow, and hands out nothing else.
        return Err(ImageError::Unsupported("a TIFF of the colours CMYK".to_owned()));
    }
    let orientation = decoder.orientation().map_err(|e| TIFF.refused(e))?;
    let (width, height) = decoder.dimensions();
    // The decoder has all samples in a buffer of its own.
    let (samples, color) = TIFF.samples(decoder, 2)?;
    let mut data = Vec::new();
    if color.has_alpha() && alpha_is_associated(bytes) {
        if color != ColorType::Rgba8 {
            return Err(ImageError::Unsupported(
                "a TIFF whose 16-bit colours are multiplied by their opacity".to_owned(),
            ));
        }
        data.extend(samples.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]].map(|c| divided(c, p[3]))));
    } else {
        data = to_rgb(samples, color);
    }
    if orientation == Orientation::NoTransforms {
        return Ok(Rgb8 { width, height, data });
    }
    let missing = || ImageError::Damaged { format: TIFF.name, detail: "it has too few samples".to_owned() };
    let mut turned = DynamicImage::ImageRgb8(RgbImage::from_raw(width, height, data).ok_or_else(missing)?);
    turned.apply_orientation(orientation);
    let (width, height) = (turned.width(), turned.height());
    Ok(Rgb8 { width, height, data: turned.into_rgb8().into_raw() })
}

/// A colour that was multiplied by its opacity, as Pillow divides it again.
fn divided(color: u8, alpha: u8) -> u8 {
    match alpha {
        0 | 255 => color,
        _ => (255 * u32::from(color) / u32::from(alpha)).min(255) as u8,
    }
}

/// Whether the first page says that its colours are multiplied by their opacity (tag 338, `ExtraSamples`, is 1), which
/// the decoder doesn't hand out.
fn alpha_is_associated(bytes: &[u8]) -> bool {
    let big = bytes.starts_with(b"MM");
    let wide = matches!(bytes.get(2..4), Some([b'+', 0] | [0, b'+']));
    let number = |at: usize, size: usize| -> Option<usize> {
        let digits = bytes.get(at..at.checked_add(size)?)?;
        let add = |value: usize, digit: &u8| value.checked_mul(256)?.checked_add(usize::from(*digit));
        if big { digits.iter().try_fold(0, add) } else { digits.iter().rev().try_fold(0, add) }
    };
    // BigTIFF's numbers take eight bytes where TIFF's take two or four, and its first page is named at 8 instead of 4.
    let (place, offset, counter, entry, value) = if wide { (8, 8, 8, 20, 12) } else { (4, 4, 2, 12, 8) };
    let first = || -> Option<usize> {
        let page = number(place, offset)?;
        let entries =
            (0..number(page, counter)?).map(|n| page.checked_add(counter)?.checked_add(n.checked_mul(entry)?));
        let at = entries.map_while(|at| Some((at?, number(at?, 2)?))).find(|(_, tag)| *tag == 338)?.0;
        number(at.checked_add(value)?, 2)
    };
    first() == Some(1)
}
