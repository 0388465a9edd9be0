//! JPEG through zune-jpeg in its strict mode, with what Pillow and libjpeg decide around it: a file without its end
//! counts as broken, CMYK is stored inverted, the Adobe marker says what three or four components mean, and chroma of
//! half the size is enlarged by libjpeg's rule.

use std::borrow::Cow;
use std::ops::Range;

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use crate::core::data::pixels::Rgb8;

use super::error::{ImageError, check_size};

mod quarter;

/// A frame header.
#[derive(Clone, Copy, Debug)]
struct Frame {
    /// The marker: 0xC0 baseline, 0xC1 extended, 0xC2 progressive, others are not decoded.
    kind: u8,
    /// Bits per sample.
    bits: u8,
    width: u32,
    height: u32,
    /// Number of components.
    components: u8,
    /// Where its content (from the bits on) stands in the file.
    at: usize,
    /// Luma sampled 2×2 and two chroma components 1×1.
    quarter_chroma: bool,
}

/// What the markers of a file say.
#[derive(Debug, Default)]
struct Survey {
    frame: Option<Frame>,
    /// Components of the first scan.
    first_scan: u8,
    jfif: bool,
    /// Where the colour transform of an Adobe segment stands.
    adobe: Option<usize>,
    /// The end-of-image marker is there.
    ended: bool,
    /// Bytes that belong to nothing: what stands between segments, and repeated 0xFF before markers. libjpeg passes over
    /// both.
    padding: Vec<Range<usize>>,
}

impl Survey {
    /// Walks over the segments up to the end marker. Entropy-coded data are passed over: in them 0xFF is followed by
    /// 0 or by a restart marker.
    fn new(bytes: &[u8]) -> Self {
        let mut survey = Self::default();
        // What belongs to the image ends here; in a scan, at the next marker.
        let (mut at, mut kept, mut in_scan) = (2, 2, false);
        while let Some(found) = bytes.get(at..).and_then(|rest| rest.iter().position(|&b| b == 0xFF)) {
            let first = at + found;
            let Some(fill) = bytes[first..].iter().position(|&b| b != 0xFF) else { break };
            at = first + fill;
            let (marker, needless) = (bytes[at], if in_scan { first } else { kept });
            match marker {
                // Outside of a scan these stand alone, and mean nothing.
                0x00 | 0x01 | 0xD0..=0xD7 if !in_scan => at += 1,
                0x00 | 0x01 | 0xD0..=0xD8 => {
                    survey.pad(needless..at - 1);
                    at += 1;
                    kept = at;
                }
                0xD9 => {
                    survey.pad(needless..at - 1);
                    survey.ended = true;
                    break;
                }
                _ => {
                    survey.pad(needless..at - 1);
                    let Some(length) = bytes.get(at + 1..at + 3) else { break };
                    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
                    survey.segment(marker, at + 3, bytes.get(at + 3..at + 1 + length).unwrap_or_default());
                    at += 1 + length;
                    (kept, in_scan) = (at, marker == 0xDA);
                }
            }
        }
        survey
    }

    fn pad(&mut self, needless: Range<usize>) {
        if !needless.is_empty() {
            self.padding.push(needless);
        }
    }

    /// Notes what the segment with its content at `start` says.
    fn segment(&mut self, marker: u8, start: usize, content: &[u8]) {
        match (marker, content) {
            (
                0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF,
                &[bits, h1, h0, w1, w0, components, ref rest @ ..],
            ) => {
                self.frame = Some(Frame {
                    kind: marker,
                    bits,
                    width: u32::from(u16::from_be_bytes([w1, w0])),
                    height: u32::from(u16::from_be_bytes([h1, h0])),
                    components,
                    at: start,
                    quarter_chroma: matches!(rest, [a, 0x22, _, b, 0x11, _, c, 0x11, _] if [*a, *b, *c] != *b"RGB"),
                });
            }
            (0xDA, &[components, ..]) if self.first_scan == 0 => self.first_scan = components,
            (0xE0, [b'J', b'F', b'I', b'F', ..]) => self.jfif = true,
            (0xEE, [b'A', b'd', b'o', b'b', b'e', ..]) if content.len() >= 12 => self.adobe = Some(start + 11),
            _ => {}
        }
    }
}

fn damaged(detail: &dyn ToString) -> ImageError {
    // The crate quotes its own messages.
    ImageError::Damaged { format: "JPEG", detail: detail.to_string().trim_matches('"').to_owned() }
}

/// Width and height that the frame header states.
pub(super) fn size(bytes: &[u8]) -> Option<(u32, u32)> {
    Survey::new(bytes).frame.map(|frame| (frame.width, frame.height))
}

/// Decodes a JPEG to RGB.
///
/// # Errors
/// [`ImageError`] for what Pillow refuses, for bytes that zune-jpeg's strict mode refuses (Pillow shows some of those
/// grey), and for images over the size limit.
pub(super) fn decode(bytes: &[u8]) -> Result<Rgb8, ImageError> {
    let survey = Survey::new(bytes);
    if !survey.ended || survey.padding.is_empty() {
        return decode_surveyed(bytes, &survey);
    }
    let (mut kept, mut at) = (Vec::with_capacity(bytes.len()), 0);
    for needless in &survey.padding {
        kept.extend_from_slice(&bytes[at..needless.start]);
        at = needless.end;
    }
    kept.extend_from_slice(&bytes[at..]);
    decode_surveyed(&kept, &Survey::new(&kept))
}

/// [`decode`] of a file without padding.
fn decode_surveyed(bytes: &[u8], survey: &Survey) -> Result<Rgb8, ImageError> {
    let frame = survey.frame.ok_or_else(|| damaged(&"it has no frame header"))?;
    match frame {
        Frame { kind: 0xC0..=0xC2, bits: 8, components: 1 | 3 | 4, .. } => {}
        Frame { kind: 0xC0..=0xC2, bits: 8, components: n, .. } => {
            return Err(ImageError::Unsupported(format!("a JPEG of {n} components")));
        }
        Frame { kind: 0xC0..=0xC2, bits, .. } => {
            return Err(ImageError::Unsupported(format!("a JPEG of {bits} bits per sample")));
        }
        _ => return Err(ImageError::Unsupported("a lossless or arithmetically coded JPEG".to_owned())),
    }
    if !survey.ended {
        return Err(damaged(&"its end is missing"));
    }
    check_size(frame.width, frame.height, bytes_needed(survey, &frame))?;
    // Each block of 8×8 takes at least a bit of some scan: memory is taken only for what the file can hold.
    let blocks = u64::from(frame.width.div_ceil(8)) * u64::from(frame.height.div_ceil(8));
    if blocks > 8 * bytes.len() as u64 {
        return Err(damaged(&"it is too short for its size"));
    }
    let (bytes, adobe_rgb) = with_known_transform(bytes, survey);
    let baseline = frame.kind != 0xC2 && survey.first_scan == 3;
    let data = match quarter::disguise(&bytes, &frame) {
        Some(disguised) if baseline && !adobe_rgb => {
            let blocks = frame.width.div_ceil(16) as usize * frame.height.div_ceil(16) as usize;
            let (stored, _) = decode_stored(&disguised, blocks * 16 * 16 * 3)?;
            quarter::to_rgb(stored, frame.width as usize, frame.height as usize)
        }
        _ => {
            let samples = frame.width as usize * frame.height as usize * usize::from(frame.components);
            stored_to_rgb(decode_stored(&bytes, samples)?, frame.components, adobe_rgb)
        }
    };
    Ok(Rgb8 { width: frame.width, height: frame.height, data })
}

/// What decoding takes at its peak.
fn bytes_needed(survey: &Survey, frame: &Frame) -> u64 {
    let pixels = u64::from(frame.width) * u64::from(frame.height);
    let stored = pixels * u64::from(frame.components);
    let copy = if frame.components == 3 { 0 } else { 3 * pixels };
    // Coefficients of 2 bytes are kept where a scan does not finish its pixels.
    let kept = if frame.kind == 0xC2 || survey.first_scan < frame.components { 2 * stored } else { 0 };
    stored + copy + kept
}

/// The `samples` stored values, chroma at full size, and what they mean.
fn decode_stored(bytes: &[u8], samples: usize) -> Result<(Vec<u8>, ColorSpace), ImageError> {
    // The crate's own limit of 16,535 pixels a side is lifted: the limit here is one of bytes.
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX));
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|e| damaged(&e))?;
    let space = decoder.input_colorspace().ok_or_else(|| damaged(&"it has no colours"))?;
    // Asked for the colours that are stored, the decoder hands over the samples as they are.
    decoder.set_options(options.jpeg_set_out_colorspace(space));
    // Several frame headers could tell the decoder another size than the one that was checked.
    if decoder.output_buffer_size() != Some(samples) {
        return Err(damaged(&"it states two sizes"));
    }
    let mut stored = vec![0; samples];
    decoder.decode_into(&mut stored).map_err(|e| damaged(&e))?;
    Ok((stored, space))
}

/// Stored samples of any colours as RGB.
fn stored_to_rgb((mut stored, space): (Vec<u8>, ColorSpace), components: u8, adobe_rgb: bool) -> Vec<u8> {
    match (components, space) {
        (1, _) => stored.iter().flat_map(|&v| [v; 3]).collect(),
        (4, ColorSpace::YCCK) => mix_inks(&stored, |p| ycc_to_rgb(p[0], p[1], p[2])),
        (4, _) => mix_inks(&stored, |p| [255 - p[0], 255 - p[1], 255 - p[2]]),
        (_, ColorSpace::YCbCr) if !adobe_rgb => {
            stored.chunks_exact_mut(3).for_each(|p| p.copy_from_slice(&ycc_to_rgb(p[0], p[1], p[2])));
            stored
        }
        _ => stored,
    }
}

/// libjpeg's rule for three components: with a JFIF marker they are YCbCr whatever Adobe says, else Adobe's
/// transform 0 means RGB. zune-jpeg takes 0 for CMYK and refuses, so it is shown a 1 (YCbCr); the second value tells
/// whether the samples are RGB.
fn with_known_transform<'a>(bytes: &'a [u8], survey: &Survey) -> (Cow<'a, [u8]>, bool) {
    match (survey.frame, survey.adobe) {
        (Some(Frame { components: 3, .. }), Some(at)) if bytes[at] == 0 => {
            let mut patched = bytes.to_vec();
            patched[at] = 1;
            (Cow::Owned(patched), !survey.jfif)
        }
        _ => (Cow::Borrowed(bytes), false),
    }
}

/// Stored four-component samples as Pillow turns them to RGB: it takes every such JPEG as inverted (Adobe's way),
/// `inks` gives its cyan, magenta and yellow, and r = (255 − k) − c·(255 − k)/255.
fn mix_inks(stored: &[u8], inks: impl Fn(&[u8]) -> [u8; 3]) -> Vec<u8> {
    let mut rgb = Vec::with_capacity(stored.len() / 4 * 3);
    for p in stored.chunks_exact(4) {
        let light = i32::from(p[3]);
        rgb.extend(inks(p).map(|ink| {
            let product = i32::from(ink) * light + 128;
            (light - (((product >> 8) + product) >> 8)).clamp(0, 255) as u8
        }));
    }
    rgb
}

/// libjpeg's YCbCr → RGB in 16-bit fixed point.
#[inline]
fn ycc_to_rgb(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    const HALF: i32 = 1 << 15;
    let (y, cb, cr) = (i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128);
    let red = y + ((91_881 * cr + HALF) >> 16);
    let green = y + ((-22_554 * cb - 46_802 * cr + HALF) >> 16);
    let blue = y + ((116_130 * cb + HALF) >> 16);
    [red, green, blue].map(|v| v.clamp(0, 255) as u8)
}
