//! TIFF: the first page, turned as its orientation says, which Pillow does for TIFF alone.

use image::metadata::Orientation;
use image::{DynamicImage, ExtendedColorType, ImageDecoder as _, ImageFormat, RgbImage};

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
    let data = to_rgb(samples, color);
    if orientation == Orientation::NoTransforms {
        return Ok(Rgb8 { width, height, data });
    }
    let missing = || ImageError::Damaged { format: TIFF.name, detail: "it has too few samples".to_owned() };
    let mut turned = DynamicImage::ImageRgb8(RgbImage::from_raw(width, height, data).ok_or_else(missing)?);
    turned.apply_orientation(orientation);
    let (width, height) = (turned.width(), turned.height());
    Ok(Rgb8 { width, height, data: turned.into_rgb8().into_raw() })
}
