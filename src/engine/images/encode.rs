//! Pictures to file bytes. The same pixels give the same bytes: no times, no comments, one setting per format.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder as _};
use jpeg_encoder::{ChromaSubsamplingMethod, ColorType, Encoder, SamplingFactor};

use crate::core::data::pixels::Rgb8;
use crate::core::distil::recipe::OutputFormat;

/// An image that a format can't hold.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// PNG.
    #[error("cannot be written as PNG ({0}); free some memory and repeat")]
    Png(#[source] image::ImageError),
    /// JPEG.
    #[error("cannot be written as JPEG ({0}); JPEG holds 1×1 to 65,535×65,535 pixels, write a PNG instead")]
    Jpeg(String),
}

/// The bytes of a file in `format`; of one that keeps floats, those of the PNG to look at.
///
/// # Errors
/// [`EncodeError`] for an image without pixels or one that is too large for the format.
pub fn encode(image: &Rgb8, format: OutputFormat) -> Result<Vec<u8>, EncodeError> {
    match format {
        OutputFormat::Png | OutputFormat::Float => png(image),
        OutputFormat::Jpeg(quality) => jpeg(image, quality),
    }
}

/// A PNG: 8-bit RGB, adaptive filter.
///
/// # Errors
/// [`EncodeError::Png`] for an image without pixels.
pub fn png(image: &Rgb8) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::new();
    // The level is named because the default may change with the crate, and with it every file's hash.
    let encoder = PngEncoder::new_with_quality(&mut bytes, CompressionType::Level(6), FilterType::Adaptive);
    encoder.write_image(&image.data, image.width, image.height, ExtendedColorType::Rgb8).map_err(EncodeError::Png)?;
    Ok(bytes)
}

/// A baseline JPEG as Pillow writes it by default and RDED therefore has it: chroma 4:2:0, the standard's
/// quantisation tables scaled by `quality` (1–100, as libjpeg scales them) and its Huffman tables.
///
/// # Errors
/// [`EncodeError::Jpeg`] for an image without pixels or one with a side over 65,535.
pub fn jpeg(image: &Rgb8, quality: u8) -> Result<Vec<u8>, EncodeError> {
    let side = |n: u32| u16::try_from(n).map_err(|_| EncodeError::Jpeg(format!("a side of {n} pixels")));
    let (width, height) = (side(image.width)?, side(image.height)?);
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, quality.clamp(1, 100));
    // Both are said because the crate's defaults are others: 4:4:4 from quality 90, and chroma of one pixel in four.
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Average);
    encoder.encode(&image.data, width, height, ColorType::Rgb).map_err(|e| EncodeError::Jpeg(e.to_string()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::images::decode::decode;
    use crate::engine::images::fixtures::{Tensors, folder, levels};

    fn scene() -> Rgb8 {
        Tensors::read(&folder().join("decoded.safetensors")).image("rgb.png")
    }

    #[test]
    fn a_png_keeps_every_byte() {
        let bytes = encode(&scene(), OutputFormat::Png).unwrap();
        assert_eq!(decode(&bytes).unwrap(), scene());
        assert_eq!(bytes, png(&scene()).unwrap(), "the same pixels, the same file");
    }

    /// The content of the first segment with this marker.
    fn segment(bytes: &[u8], marker: u8) -> &[u8] {
        let at = bytes.windows(2).position(|w| w == [0xFF, marker]).unwrap();
        let length = usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
        &bytes[at + 4..at + 2 + length]
    }

    #[test]
    fn a_jpeg_is_baseline_420_with_the_standard_tables() {
        for quality in [75, 95] {
            let bytes = encode(&scene(), OutputFormat::Jpeg(quality)).unwrap();
            let frame = segment(&bytes, 0xC0);
            let sampling: Vec<u8> = frame[6..].chunks_exact(3).map(|c| c[1]).collect();
            assert_eq!(sampling, [0x22, 0x11, 0x11], "quality {quality}");
            // Annex K's luminance table begins 16, 11, 12 (zigzag); scaled by libjpeg's rule with 200 − 2·75 = 50 and
            // 200 − 2·95 = 10 percent, rounded: 8, 6, 6 and 2, 1, 1.
            let expected = if quality == 75 { [8, 6, 6] } else { [2, 1, 1] };
            assert_eq!(segment(&bytes, 0xDB)[1..4], expected);
            assert_eq!(bytes, jpeg(&scene(), quality).unwrap());
        }
    }

    #[test]
    fn a_jpeg_looks_like_pillows() {
        // rgb420.jpg is Pillow's own at quality 90: as far from the scene as ours, and both near each other.
        let ours = decode(&jpeg(&scene(), 90).unwrap()).unwrap();
        let pillows = decode(&std::fs::read(folder().join("rgb420.jpg")).unwrap()).unwrap();
        let (between, loss, pillows_loss) =
            (levels(&ours, &pillows), levels(&ours, &scene()), levels(&pillows, &scene()));
        println!("to Pillow's {between:?}, loss {loss:?}, Pillow's loss {pillows_loss:?}");
        assert!(between.1 < 0.5 && (loss.1 - pillows_loss.1).abs() < 0.05);
    }

    #[test]
    fn what_a_format_cannot_hold_is_refused() {
        let wide = Rgb8::black(65_536, 1);
        assert!(jpeg(&wide, 75).unwrap_err().to_string().contains("65536 pixels"));
        assert_eq!(decode(&png(&wide).unwrap()).unwrap(), wide);
        let empty = Rgb8::black(0, 0);
        assert!(jpeg(&empty, 75).is_err() && png(&empty).is_err());
    }
}
