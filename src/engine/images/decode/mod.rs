//! Encoded images to 8-bit RGB, as Pillow's `Image.open(…).convert("RGB")` does it: grey is repeated, alpha is
//! dropped (not composited), palettes are looked up, CMYK is converted, EXIF rotation is not applied, a TIFF's is. Of
//! 16-bit samples the high byte is kept; only Netpbm's colours are scaled, as Pillow does. Of several frames or pages the
//! first is taken. What a file is, its first bytes say, not its name.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::{ColorType, ImageDecoder, ImageFormat, ImageReader, Limits};

use crate::core::data::dataset::{Dataset, ImageId};
use crate::core::data::pixels::{Rgb, Rgb8};
use crate::core::data::source::{ImageBytes, Planes};
use crate::core::formats::image_kind::{FIRST_BYTES, ImageKind};

use super::error::{ImageError, MAX_DECODED_BYTES, check_size};
use super::jpeg;

mod gif;
mod pnm;
pub mod size;
mod tiff;

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

/// Reads one image of a dataset as it counts: as floats where the dataset keeps them, else in 8 bits.
///
/// # Errors
/// As [`read_named`].
pub fn values(dataset: &Dataset, image: ImageId) -> Result<Rgb, ImageError> {
    values_named(dataset, &dataset.source_bytes(image))
}

/// [`values`] of the image that is called `name` ([`Dataset::source_bytes`]).
///
/// # Errors
/// As [`read_named`].
pub fn values_named(dataset: &Dataset, name: &[u8]) -> Result<Rgb, ImageError> {
    let floats = dataset.floats(name).map_err(|e| ImageError::from(e).in_file(dataset.shown(name)))?;
    floats.map_or_else(|| read_named(dataset, name).map(Rgb::Bytes), |floats| Ok(Rgb::Floats(floats)))
}

/// The pixels of what a source gave.
///
/// # Errors
/// [`ImageError`].
pub fn pixels(bytes: ImageBytes<'_>) -> Result<Rgb8, ImageError> {
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

/// Decodes the bytes of a JPEG, PNG, BMP, WebP, GIF, TIFF or Netpbm file.
///
/// # Errors
/// [`ImageError`] for everything that Pillow refuses, too, and for images over [`MAX_DECODED_BYTES`].
pub fn decode(bytes: &[u8]) -> Result<Rgb8, ImageError> {
    if bytes.is_empty() {
        return Err(ImageError::Empty);
    }
    let kind = ImageKind::of(&bytes[..bytes.len().min(FIRST_BYTES)]).ok_or(ImageError::Unknown)?;
    // The decoders index and unwrap in places that only a damaged file reaches. They own all they change, so nothing
    // half-done outlives the panic.
    catch_unwind(AssertUnwindSafe(|| match kind {
        ImageKind::Jpeg => jpeg::decode(bytes),
        ImageKind::Png => Format { name: "PNG", format: ImageFormat::Png }.decode(bytes),
        ImageKind::Bmp => Format { name: "BMP", format: ImageFormat::Bmp }.decode(bytes),
        ImageKind::WebP if riff_is_cut(bytes) => {
            Err(ImageError::Damaged { format: "WebP", detail: "its end is missing".to_owned() })
        }
        ImageKind::WebP => Format { name: "WebP", format: ImageFormat::WebP }.decode(bytes),
        ImageKind::Gif => gif::decode(bytes),
        ImageKind::Tiff => tiff::decode(bytes),
        ImageKind::Pnm => pnm::decode(bytes),
        ImageKind::Foreign(name) => Err(ImageError::Unsupported(format!("the format {name}"))),
    }))
    .unwrap_or_else(|_| Err(ImageError::Damaged { format: "image", detail: "its decoder gave up".to_owned() }))
}

/// Fewer bytes than the RIFF header announces: libwebp refuses these, while the decoder here would fill in zeros.
fn riff_is_cut(bytes: &[u8]) -> bool {
    let announced = bytes.get(4..8).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
    announced.is_none_or(|size| (bytes.len() as u64) < 8 + u64::from(size))
}

/// A format of the `image` crate, and its name in messages.
#[derive(Clone, Copy)]
struct Format {
    name: &'static str,
    format: ImageFormat,
}

impl Format {
    fn decode(self, bytes: &[u8]) -> Result<Rgb8, ImageError> {
        let decoder = self.decoder(bytes)?;
        let (width, height) = decoder.dimensions();
        let (samples, color) = self.samples(decoder, 1)?;
        Ok(Rgb8 { width, height, data: to_rgb(samples, color) })
    }

    fn decoder(self, bytes: &[u8]) -> Result<impl ImageDecoder, ImageError> {
        let mut reader = ImageReader::with_format(Cursor::new(bytes), self.format);
        reader.limits(limits());
        reader.into_decoder().map_err(|e| self.refused(e))
    }

    /// The samples in native byte order, and what they mean. The decoder takes `copies` times their room.
    fn samples(self, decoder: impl ImageDecoder, copies: u64) -> Result<(Vec<u8>, ColorType), ImageError> {
        let ((width, height), color) = (decoder.dimensions(), decoder.color_type());
        let copy = if color == ColorType::Rgb8 { 0 } else { u64::from(width) * u64::from(height) * 3 };
        let native = decoder.total_bytes();
        check_size(width, height, native.saturating_mul(copies).saturating_add(copy))?;
        if width == 0 || height == 0 {
            return Err(ImageError::Damaged { format: self.name, detail: "it has no pixels".to_owned() });
        }
        if !matches!(u32::from(color.bytes_per_pixel()) / u32::from(color.channel_count()), 1 | 2) {
            return Err(ImageError::Unsupported(format!("a {} of fractional numbers", self.name)));
        }
        let mut samples = vec![0; native as usize];
        decoder.read_image(&mut samples).map_err(|e| self.refused(e))?;
        Ok((samples, color))
    }

    fn refused(self, error: image::ImageError) -> ImageError {
        match error {
            image::ImageError::Unsupported(what) => ImageError::Unsupported(format!("this {} ({what})", self.name)),
            other => ImageError::Damaged { format: self.name, detail: other.to_string() },
        }
    }
}

/// What a decoder may allocate for itself.
fn limits() -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    limits
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
