//! Which format an image file is of, by its first bytes.

/// How many first bytes [`ImageKind::of`] wants to see; fewer are fine.
pub const FIRST_BYTES: usize = 512;

/// A format of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageKind {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// Windows bitmap.
    Bmp,
    /// WebP.
    WebP,
    /// GIF, of which the first frame is read.
    Gif,
    /// TIFF, of which the first page is read.
    Tiff,
    /// Netpbm's bitmap, greymap or pixmap (P1 to P6).
    Pnm,
    /// One that can't be read, with its name.
    Foreign(&'static str),
}

/// First bytes that no other kind of file has, at offset 0.
const SIGNATURES: [(&[u8], ImageKind); 18] = [
    (b"\xff\xd8\xff", ImageKind::Jpeg),
    (b"\x89PNG\r\n\x1a\n", ImageKind::Png),
    (b"GIF87a", ImageKind::Gif),
    (b"GIF89a", ImageKind::Gif),
    (b"II*\0", ImageKind::Tiff),
    (b"MM\0*", ImageKind::Tiff),
    (b"II+\0", ImageKind::Tiff),
    (b"MM\0+", ImageKind::Tiff),
    (b"\0\0\0\x0cJXL \r\n\x87\n", ImageKind::Foreign("JPEG XL")),
    (b"\xff\x0a", ImageKind::Foreign("JPEG XL")),
    (b"\0\0\0\x0cjP  \r\n\x87\n", ImageKind::Foreign("JPEG 2000")),
    (b"\xff\x4f\xff\x51", ImageKind::Foreign("JPEG 2000")),
    (b"8BPS", ImageKind::Foreign("PSD")),
    (b"%PDF-", ImageKind::Foreign("PDF")),
    (b"v/1\x01", ImageKind::Foreign("OpenEXR")),
    (b"#?RADIANCE", ImageKind::Foreign("Radiance HDR")),
    (b"DDS ", ImageKind::Foreign("DDS")),
    (b"qoif", ImageKind::Foreign("QOI")),
];

impl ImageKind {
    /// The format of a file that begins with `bytes`; `None` where it is no image that is known.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        if let Some((_, kind)) = SIGNATURES.iter().find(|(first, _)| bytes.starts_with(first)) {
            return Some(*kind);
        }
        match bytes {
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            [b'B', b'M', ..] if has_bitmap_header(bytes) => Some(Self::Bmp),
            [b'P', b'1'..=b'6', b' ' | b'\t' | b'\n' | b'\r' | b'#', ..] => Some(Self::Pnm),
            [b'P', b'7', b'\n', ..] => Some(Self::Foreign("PAM")),
            [b'P', b'F' | b'f', b'\n', ..] => Some(Self::Foreign("PFM")),
            [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => of_brand(brand.get(..4)?),
            _ => is_svg(bytes).then_some(Self::Foreign("SVG")),
        }
    }
}

/// Whether the size of a bitmap's second header is one that exists, so that a text may begin with BM; where the file
/// ends before, it is taken for a bitmap that was cut.
fn has_bitmap_header(bytes: &[u8]) -> bool {
    let size = bytes.get(14..18).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
    size.is_none_or(|size| matches!(size, 12 | 16 | 40 | 52 | 56 | 64 | 108 | 124))
}

/// The still images of ISO's base media format, by their major brand (ISO/IEC 23008-12, AV1 Image File Format).
fn of_brand(brand: &[u8]) -> Option<ImageKind> {
    match brand {
        b"avif" | b"avis" => Some(ImageKind::Foreign("AVIF")),
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1" => {
            Some(ImageKind::Foreign("HEIC"))
        }
        _ => None,
    }
}

/// An element `svg`, perhaps behind a declaration and comments.
fn is_svg(bytes: &[u8]) -> bool {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    text.starts_with(b"<") && text[..text.len().min(FIRST_BYTES)].windows(4).any(|w| w == b"<svg")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_tell_the_format() {
        let foreign = |name| Some(ImageKind::Foreign(name));
        for (bytes, kind) in [
            (&b"\xff\xd8\xff\xe0"[..], Some(ImageKind::Jpeg)),
            (b"RIFF\x24\0\0\0WEBPVP8 ", Some(ImageKind::WebP)),
            (b"RIFF\x24\0\0\0WAVEfmt ", None),
            (b"P6\n2 2\n255\n", Some(ImageKind::Pnm)),
            (b"P5#a comment", Some(ImageKind::Pnm)),
            (b"P600 of the report", None),
            (b"MM\0*\0\0", Some(ImageKind::Tiff)),
            (b"BM\x36\x0c\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", Some(ImageKind::Bmp)),
            (b"BM is the name of a museum", None),
            (b"\0\0\0\x18ftypheic\0\0\0\0", foreign("HEIC")),
            (b"\0\0\0\x1cftypavif\0\0\0\0", foreign("AVIF")),
            (b"\0\0\0\x1cftypisom\0\0\0\0", None),
            (b"\xff\x0a\xfa\x1f", foreign("JPEG XL")),
            (b"\0\0\0\x0cjP  \r\n\x87\n", foreign("JPEG 2000")),
            (b"8BPS\0\x01", foreign("PSD")),
            (b"%PDF-1.7", foreign("PDF")),
            (b"<?xml version=\"1.0\"?>\n<svg xmlns=", foreign("SVG")),
            (b"<html><body>", None),
            (b"", None),
            (b"a text", None),
        ] {
            assert_eq!(ImageKind::of(bytes), kind, "{}", bytes.escape_ascii());
        }
    }
}
