//! The size of an image, from its header alone.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::{ImageFormat, ImageReader};

use crate::core::data::dataset::{Dataset, ImageId};
use crate::core::data::source::ImageBytes;
use crate::engine::images::jpeg;

/// Width and height in pixels that an image's header states; `None` where there is none that can be read. Whether the
/// pixels can be decoded is another question.
#[must_use]
pub fn stated(dataset: &Dataset, image: ImageId) -> Option<(u32, u32)> {
    let size = match dataset.bytes(&dataset.source_bytes(image)).ok()? {
        ImageBytes::Raw(planes) => (planes.width, planes.height),
        ImageBytes::Encoded(bytes) => of_file(&bytes)?,
    };
    (size.0 > 0 && size.1 > 0).then_some(size)
}

fn of_file(bytes: &[u8]) -> Option<(u32, u32)> {
    let format = image::guess_format(bytes).ok()?;
    // As in decoding: a damaged header may make a decoder give up in its own way.
    catch_unwind(AssertUnwindSafe(|| match format {
        ImageFormat::Jpeg => jpeg::size(bytes),
        other => ImageReader::with_format(Cursor::new(bytes), other).into_dimensions().ok(),
    }))
    .ok()?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::data::pixels::Rgb8;
    use crate::core::distil::recipe::OutputFormat;
    use crate::engine::images::encode::encode;

    #[test]
    fn headers_state_sizes_whatever_follows_them() {
        for format in [OutputFormat::Png, OutputFormat::Jpeg(75)] {
            let mut bytes = encode(&Rgb8::black(31, 7), format).unwrap();
            assert_eq!(of_file(&bytes), Some((31, 7)), "{format}");
            bytes.truncate(bytes.len() - 10);
            assert_eq!(of_file(&bytes), Some((31, 7)), "{format}");
            assert_eq!(of_file(&bytes[..12]), None, "{format}");
        }
        assert_eq!(of_file(b"no image"), None);
    }
}
