//! JPEG through zune-jpeg in its strict mode, with what Pillow and libjpeg decide around it: a file without its end
//! counts as broken, CMYK is stored inverted, and the Adobe marker says what three or four components mean.

use std::borrow::Cow;

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use crate::core::pixels::Rgb8;

use super::decode::{ImageError, check_size};

/// What the markers of a file say.
#[derive(Debug, Default)]
struct Survey {
    /// The frame's marker (0xC0 baseline … 0xC2 progressive …), bits per sample, components.
    frame: Option<(u8, u8, u8)>,
    /// Components of the first scan.
    first_scan: u8,
    jfif: bool,
    /// Where the colour transform of an Adobe segment stands.
    adobe: Option<usize>,
    /// The end-of-image marker is there.
    ended: bool,
}

impl Survey {
    /// Walks over the segments up to the end marker. Entropy-coded data are passed over: in them 0xFF is followed by
    /// 0 or by a restart marker.
    fn new(bytes: &[u8]) -> Self {
        let mut survey = Self::default();
        let mut at = 2;
        while let Some(found) = bytes.get(at..).and_then(|rest| rest.iter().position(|&b| b == 0xFF)) {
            at += found + 1;
            let Some(&marker) = bytes.get(at) else { break };
            match marker {
                0xFF => continue,
                0x00 | 0x01 | 0xD0..=0xD8 => at += 1,
                0xD9 => {
                    survey.ended = true;
                    break;
                }
                _ => {
                    let Some(length) = bytes.get(at + 1..at + 3) else { break };
                    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
                    survey.segment(marker, at + 3, bytes.get(at + 3..at + 1 + length).unwrap_or_default());
                    at += 1 + length;
                }
            }
        }
        survey
    }

    /// Notes what the segment with its content at `start` says.
    fn segment(&mut self, marker: u8, start: usize, content: &[u8]) {
        match (marker, content) {
            (0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF, &[bits, _, _, _, _, components, ..]) => {
                self.frame = Some((marker, bits, components));
            }
            (0xDA, &[components, ..]) if self.first_scan == 0 => self.first_scan = components,
            (0xE0, [b'J', b'F', b'I', b'F', ..]) => self.jfif = true,
            (0xEE, [b'A', b'd', b'o', b'b', b'e', ..]) if content.len() >= 12 => self.adobe = Some(start + 11),
            _ => {}
        }
    }
}

fn damaged(detail: &dyn ToString) -> ImageError {
    ImageError::Damaged { format: "JPEG", detail: detail.to_string() }
}

/// Decodes a JPEG to RGB.
///
/// # Errors
/// [`ImageError`] for what Pillow refuses, for bytes that zune-jpeg's strict mode refuses (Pillow shows some of those
/// grey), and for images over the size limit.
pub(super) fn decode(bytes: &[u8]) -> Result<Rgb8, ImageError> {
    let survey = Survey::new(bytes);
    let Some((kind, bits, components)) = survey.frame else {
        return Err(damaged(&"it has no frame header"));
    };
    match (kind, bits, components) {
        (0xC0..=0xC2, 8, 1 | 3 | 4) => {}
        (0xC0..=0xC2, 8, _) => return Err(ImageError::Unsupported(format!("a JPEG of {components} components"))),
        (0xC0..=0xC2, ..) => return Err(ImageError::Unsupported(format!("a JPEG of {bits} bits per sample"))),
        _ => return Err(ImageError::Unsupported("a lossless or arithmetically coded JPEG".to_owned())),
    }
    if !survey.ended {
        return Err(damaged(&"its end is missing"));
    }
    let (bytes, stored_as_rgb) = with_known_transform(bytes, &survey);
    // The crate's own limit of 16,535 pixels a side is lifted: the limit here is one of bytes.
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_out_colorspace(if stored_as_rgb { ColorSpace::YCbCr } else { ColorSpace::RGB });
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&*bytes), options);
    decoder.decode_headers().map_err(|e| damaged(&e))?;
    let (width, height) = decoder.dimensions().ok_or_else(|| damaged(&"it has no size"))?;
    let (width, height) = (width as u32, height as u32);
    let samples = u64::from(width) * u64::from(height) * u64::from(components.max(3));
    let copy = if components == 4 { u64::from(width) * u64::from(height) * 3 } else { 0 };
    // Coefficients of 2 bytes are kept where a scan does not finish its pixels.
    let kept = if kind == 0xC2 || survey.first_scan < components { 2 * samples } else { 0 };
    check_size(width, height, samples + copy + kept)?;
    let space = decoder.input_colorspace();
    if components == 4 {
        // Asked for its own colour space, the decoder hands over what is stored.
        decoder.set_options(options.jpeg_set_out_colorspace(space.unwrap_or(ColorSpace::CMYK)));
    }
    let mut data = vec![0; samples as usize];
    decoder.decode_into(&mut data).map_err(|e| damaged(&e))?;
    if components == 4 {
        data = cmyk_to_rgb(&data, space == Some(ColorSpace::YCCK));
    }
    Ok(Rgb8 { width, height, data })
}

/// libjpeg's rule for three components: with a JFIF marker they are YCbCr whatever Adobe says, else Adobe's
/// transform 0 means RGB. zune-jpeg takes 0 for CMYK and refuses, so it is shown a 1 (YCbCr); the second value tells
/// whether the samples are to be taken as they are.
fn with_known_transform<'a>(bytes: &'a [u8], survey: &Survey) -> (Cow<'a, [u8]>, bool) {
    match (survey.frame, survey.adobe) {
        (Some((_, _, 3)), Some(at)) if bytes[at] == 0 => {
            let mut patched = bytes.to_vec();
            patched[at] = 1;
            (Cow::Owned(patched), !survey.jfif)
        }
        _ => (Cow::Borrowed(bytes), false),
    }
}

/// Stored CMYK or YCCK samples as Pillow turns them to RGB: it takes every four-component JPEG as inverted (Adobe's
/// way), and mixes r = (255 − k) − c·(255 − k)/255.
fn cmyk_to_rgb(stored: &[u8], ycck: bool) -> Vec<u8> {
    let mut rgb = Vec::with_capacity(stored.len() / 4 * 3);
    for p in stored.chunks_exact(4) {
        let inks = if ycck { ycc_to_rgb(p[0], p[1], p[2]) } else { [255 - p[0], 255 - p[1], 255 - p[2]] };
        let light = i32::from(p[3]);
        rgb.extend(inks.map(|ink| {
            let product = i32::from(ink) * light + 128;
            (light - (((product >> 8) + product) >> 8)).clamp(0, 255) as u8
        }));
    }
    rgb
}

/// libjpeg's YCbCr → RGB in 16-bit fixed point.
fn ycc_to_rgb(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    const HALF: i32 = 1 << 15;
    let (y, cb, cr) = (i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128);
    let red = y + ((91_881 * cr + HALF) >> 16);
    let green = y + ((-22_554 * cb - 46_802 * cr + HALF) >> 16);
    let blue = y + ((116_130 * cb + HALF) >> 16);
    [red, green, blue].map(|v| v.clamp(0, 255) as u8)
}
