//! Encoded images to 8-bit RGB, as Pillow's `Image.open(…).convert("RGB")` does it: grey is repeated, alpha is
//! dropped (not composited), palettes are looked up, CMYK is converted, EXIF rotation is not applied. Of 16-bit
//! samples the high byte is kept. What a file is, its first bytes say, not its name.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::{ColorType, ImageDecoder as _, ImageFormat, ImageReader, Limits};

use crate::core::data::dataset::{Dataset, ImageId};
use crate::core::data::pixels::Rgb8;
use crate::core::data::source::{ImageBytes, Planes};

use super::error::{ImageError, MAX_DECODED_BYTES, check_size};
use super::jpeg;

pub mod size;

/// Reads and decodes one image of a dataset.
///
/// # Errors
/// As [`read_named`].
pub fn read(dataset: &Dataset, image: ImageId) -> Result<Rgb8, ImageError> {
    read_named(dataset, &dataset.source_bytes(image))
}

/// Reads and decodes the image of a dataset that a manifest calls `name` ([`Dataset::source_bytes`]).
///
/// # Errors
/// [`ImageError::InFile`], which names the image; [`ImageError::reason`] says what is wrong with it.
pub fn read_named(dataset: &Dataset, name: &[u8]) -> Result<Rgb8, ImageError> {
    let bytes = dataset.bytes(name).map_err(ImageError::from);
    bytes.and_then(pixels).map_err(|error| error.in_file(dataset.shown(name)))
}

/// The pixels of what a source gave.
fn pixels(bytes: ImageBytes<'_>) -> Result<Rgb8, ImageError> {
    match bytes {
        ImageBytes::Encoded(bytes) => decode(&bytes),
        ImageBytes::Raw(planes) => interleaved(&planes),
    }
}

/// Three planes as pixels.
fn interleaved(planes: &Planes<'_>) -> Result<Rgb8, ImageError> {
    let Planes { width, height, samples } = planes;
    let plane = *width as usize * *height as usize;
    if plane == 0 || samples.len() != 3 * plane {
        let detail = format!("{width}×{height} pixels have not {} samples", samples.len());
        return Err(ImageError::Damaged { format: "record", detail });
    }
    let (red, rest) = samples.split_at(plane);
    let (green, blue) = rest.split_at(plane);
    let data = red.iter().zip(green).zip(blue).flat_map(|((&r, &g), &b)| [r, g, b]).collect();
    Ok(Rgb8 { width: *width, height: *height, data })
}

/// Decodes the bytes of a JPEG, PNG, BMP or WebP file.
///
/// # Errors
/// [`ImageError`] for everything that Pillow refuses, too, and for images over [`MAX_DECODED_BYTES`].
pub fn decode(bytes: &[u8]) -> Result<Rgb8, ImageError> {
    if bytes.is_empty() {
        return Err(ImageError::Empty);
    }
    let format = image::guess_format(bytes).map_err(|_| ImageError::Unknown)?;
    // The decoders index and unwrap in places that only a damaged file reaches. They own all they change, so nothing
    // half-done outlives the panic.
    catch_unwind(AssertUnwindSafe(|| match format {
        ImageFormat::Jpeg => jpeg::decode(bytes),
        ImageFormat::Png => decode_other(bytes, format, "PNG"),
        ImageFormat::Bmp => decode_other(bytes, format, "BMP"),
        ImageFormat::WebP if riff_is_cut(bytes) => {
            Err(ImageError::Damaged { format: "WebP", detail: "its end is missing".to_owned() })
        }
        ImageFormat::WebP => decode_other(bytes, format, "WebP"),
        other => Err(ImageError::Unsupported(format!("the format {other:?}"))),
    }))
    .unwrap_or_else(|_| Err(ImageError::Damaged { format: "image", detail: "its decoder gave up".to_owned() }))
}

/// Fewer bytes than the RIFF header announces: libwebp refuses these, while the decoder here would fill in zeros.
fn riff_is_cut(bytes: &[u8]) -> bool {
    let announced = bytes.get(4..8).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
    announced.is_none_or(|size| (bytes.len() as u64) < 8 + u64::from(size))
}

/// A format of the `image` crate.
fn decode_other(bytes: &[u8], format: ImageFormat, name: &'static str) -> Result<Rgb8, ImageError> {
    let refuse = |error: image::ImageError| match error {
        image::ImageError::Unsupported(what) => ImageError::Unsupported(format!("this {name} ({what})")),
        other => ImageError::Damaged { format: name, detail: other.to_string() },
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(refuse)?;
    let ((width, height), color) = (decoder.dimensions(), decoder.color_type());
    let copy = if color == ColorType::Rgb8 { 0 } else { u64::from(width) * u64::from(height) * 3 };
    let native = decoder.total_bytes();
    check_size(width, height, native.saturating_add(copy))?;
    if width == 0 || height == 0 {
        return Err(ImageError::Damaged { format: name, detail: "it has no pixels".to_owned() });
    }
    let mut samples = vec![0; native as usize];
    decoder.read_image(&mut samples).map_err(refuse)?;
    Ok(Rgb8 { width, height, data: to_rgb(samples, color) })
}

/// Samples in native byte order as RGB: grey repeated, alpha dropped, high bytes kept.
fn to_rgb(samples: Vec<u8>, color: ColorType) -> Vec<u8> {
    if color == ColorType::Rgb8 {
        return samples;
    }
    let (pixel, channels) = (usize::from(color.bytes_per_pixel()), usize::from(color.channel_count()));
    let depth = pixel / channels;
    let high = if cfg!(target_endian = "big") { 0 } else { depth - 1 };
    let at = if color.has_color() { [high, depth + high, 2 * depth + high] } else { [high; 3] };
    let mut rgb = Vec::with_capacity(samples.len() / pixel * 3);
    samples.chunks_exact(pixel).for_each(|p| rgb.extend(at.map(|i| p[i])));
    rgb
}

#[cfg(test)]
mod tests;
