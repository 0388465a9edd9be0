//! GIF: the first frame, on what Pillow lays beneath it.

use image::{ImageDecoder as _, ImageFormat};

use super::{Format, ImageError, Rgb8, to_rgb};

const GIF: Format = Format { name: "GIF", format: ImageFormat::Gif };

/// Where the first frame lies on the screen, and the colour of what it leaves free.
#[derive(Debug, Default, PartialEq, Eq)]
struct Placed {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
    around: [u8; 3],
}

pub(super) fn decode(bytes: &[u8]) -> Result<Rgb8, ImageError> {
    let decoder = GIF.decoder(bytes)?;
    let (width, height) = decoder.dimensions();
    let frame = placed(bytes).ok_or_else(|| damaged("it has no frame"))?;
    let (columns, rows) = (frame.left..frame.left + frame.width, frame.top..frame.top + frame.height);
    if columns.end > width as usize || rows.end > height as usize {
        return Err(ImageError::Unsupported("a GIF whose first frame is larger than its screen".to_owned()));
    }
    // A frame that is no band of whole rows is decoded apart.
    let (samples, color) = GIF.samples(decoder, 2)?;
    let mut data = to_rgb(samples, color);
    for (at, pixel) in data.chunks_exact_mut(3).enumerate() {
        if !(columns.contains(&(at % width as usize)) && rows.contains(&(at / width as usize))) {
            pixel.copy_from_slice(&frame.around);
        }
    }
    Ok(Rgb8 { width, height, data })
}

fn damaged(detail: &str) -> ImageError {
    ImageError::Damaged { format: GIF.name, detail: detail.to_owned() }
}

/// The first frame; `None` where there is none. Pillow fills its image with the transparent colour, or with colour 0 of
/// the palette that the frame uses.
fn placed(bytes: &[u8]) -> Option<Placed> {
    let palette = |flags: u8, at: usize| -> Option<&[u8]> {
        let size = if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
        bytes.get(at..at + size)
    };
    let global = palette(*bytes.get(10)?, 13)?;
    let (mut at, mut transparent) = (13 + global.len(), None);
    loop {
        match bytes.get(at..)? {
            [0x21, label, rest @ ..] => {
                if let (0xF9, [4, flags, _, _, index, ..]) = (*label, rest) {
                    transparent = (flags & 1 == 1).then_some(usize::from(*index));
                }
                at += 2;
                // Blocks with their length before them, up to an empty one.
                while let length @ 1.. = usize::from(*bytes.get(at)?) {
                    at += 1 + length;
                }
                at += 1;
            }
            [0x2C, l0, l1, t0, t1, w0, w1, h0, h1, flags, ..] => {
                let number = |low: &u8, high: &u8| usize::from(u16::from_le_bytes([*low, *high]));
                let own = palette(*flags, at + 10)?;
                let colors = if own.is_empty() { global } else { own };
                let around = colors.chunks_exact(3).nth(transparent.unwrap_or(0));
                return Some(Placed {
                    left: number(l0, l1),
                    top: number(t0, t1),
                    width: number(w0, w1),
                    height: number(h0, h1),
                    around: around.and_then(|c| c.try_into().ok()).unwrap_or_default(),
                });
            }
            _ => return None,
        }
    }
}
