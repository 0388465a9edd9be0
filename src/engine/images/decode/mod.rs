//! Encoded images to 8-bit RGB, as Pillow's `Image.open(…).convert("RGB")` does it: grey is repeated, alpha is
//! dropped (not composited), palettes are looked up, CMYK is converted, EXIF rotation is not applied. Of 16-bit
//! samples the high byte is kept. What a file is, its first bytes say, not its name.

use std::fs::File;
use std::io::{Cursor, Read as _, Seek as _, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image::{ColorType, ImageDecoder as _, ImageFormat, ImageReader, Limits};

use crate::core::data::dataset::Location;
use crate::core::data::names::escape;
use crate::core::data::pixels::Rgb8;

use super::error::{ImageError, MAX_DECODED_BYTES, check_size};
use super::jpeg;

/// Reads and decodes one image of a dataset.
///
/// # Errors
/// [`ImageError::InFile`], which names the file; [`ImageError::reason`] says what is wrong with it.
pub fn read(location: &Location) -> Result<Rgb8, ImageError> {
    let name = |path: &Path| escape(path.as_os_str().as_encoded_bytes());
    match location {
        Location::File(path) => {
            read_bytes(path).and_then(|bytes| decode(&bytes)).map_err(|error| error.in_file(name(path)))
        }
        Location::Cifar { file, offset } => read_cifar(file, *offset)
            .map_err(|error| error.in_file(format!("{}, record with its pixels at byte {offset}", name(file)))),
    }
}

/// All bytes of a regular file.
fn read_bytes(path: &Path) -> Result<Vec<u8>, ImageError> {
    // Opening a pipe would wait for a writer, and a device may never end.
    let status = std::fs::metadata(path)?;
    if !status.is_file() {
        return Err(ImageError::Unsupported("what is no regular file".to_owned()));
    }
    if status.len() > MAX_DECODED_BYTES {
        return Err(ImageError::Unsupported("a file of more than 2 GiB".to_owned()));
    }
    Ok(std::fs::read(path)?)
}

const CIFAR_SIDE: u32 = 32;
const CIFAR_PLANE: usize = 32 * 32;

/// 3072 bytes of 32×32 planes.
fn read_cifar(file: &Path, offset: u64) -> Result<Rgb8, ImageError> {
    let mut planes = [0; 3 * CIFAR_PLANE];
    let mut file = File::open(file)?;
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(&mut planes).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => {
            ImageError::Damaged { format: "CIFAR batch", detail: "the file ends before this record does".to_owned() }
        }
        _ => error.into(),
    })?;
    let data = (0..CIFAR_PLANE).flat_map(|i| [planes[i], planes[CIFAR_PLANE + i], planes[2 * CIFAR_PLANE + i]]);
    Ok(Rgb8 { width: CIFAR_SIDE, height: CIFAR_SIDE, data: data.collect() })
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
