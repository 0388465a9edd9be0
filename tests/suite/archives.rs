//! Zip archives byte by byte, stored or deflated, in both forms of the format.

use std::io::Write as _;

/// How an archive's files are put into it.
#[derive(Clone, Copy, PartialEq)]
pub enum Packing {
    Stored,
    Deflated,
    /// Deflated, with all sizes in the 64-bit fields.
    Deflated64,
}

/// A zip archive of these files.
pub fn zip(packing: Packing, files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut locals, mut directory) = (Vec::new(), Vec::new());
    for &(name, data) in files {
        let packed = if packing == Packing::Stored { data.to_vec() } else { deflated(data) };
        let (check, length) = (crc32fast::hash(data).to_le_bytes(), (name.len() as u16).to_le_bytes());
        let start = locals.len() as u64;
        let (sizes, extra) = if packing == Packing::Deflated64 {
            let sizes = [data.len() as u64, packed.len() as u64, start].map(u64::to_le_bytes).concat();
            ([0xff; 8], [&[1, 0, 24, 0][..], &sizes].concat())
        } else {
            let sizes = [(packed.len() as u32).to_le_bytes(), (data.len() as u32).to_le_bytes()].concat();
            (sizes.try_into().unwrap(), Vec::new())
        };
        let method = if packing == Packing::Stored { 0 } else { 8 };
        // Version 2.0, no flags, the method, 1 January 1980.
        let common = [&[20, 0, 0, 0, method, 0, 0, 0, 0x21, 0][..], &check, &sizes, &length].concat();
        let offset = if extra.is_empty() { (start as u32).to_le_bytes() } else { [0xff; 4] };
        let behind = [&(extra.len() as u16).to_le_bytes()[..], &[0; 10], &offset, name.as_bytes(), &extra].concat();
        directory.extend([b"PK\x01\x02", &[20, 0][..], &common, &behind].concat());
        locals.extend([b"PK\x03\x04", &common[..], &[0, 0], name.as_bytes(), &packed].concat());
    }
    let (start, long, count) = (locals.len() as u64, directory.len() as u64, files.len() as u64);
    let mut end = Vec::new();
    if packing == Packing::Deflated64 {
        let counts = [count, count, long, start].map(u64::to_le_bytes).concat();
        end.extend([b"PK\x06\x06", &44_u64.to_le_bytes()[..], &[45, 0, 45, 0], &[0; 8], &counts].concat());
        end.extend([b"PK\x06\x07", &[0; 4][..], &(start + long).to_le_bytes(), &[1, 0, 0, 0]].concat());
        end.extend([b"PK\x05\x06", &[0; 4][..], &[0xff; 12], &[0, 0]].concat());
    } else {
        let count = (count as u16).to_le_bytes();
        let place = [(long as u32).to_le_bytes(), (start as u32).to_le_bytes()].concat();
        end.extend([b"PK\x05\x06", &[0; 4][..], &count, &count, &place, &[0, 0]].concat());
    }
    [locals, directory, end].concat()
}

fn deflated(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}
