//! A gzip member (RFC 1952) around a deflate stream: enough to test how a client unpacks.

use miniz_oxide::deflate::compress_to_vec;

/// Compression level: padding of equal bytes shrinks well at any, and tests should not wait.
const LEVEL: u8 = 1;

/// The bytes as one gzip member.
pub(crate) fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    out.extend(compress_to_vec(bytes, LEVEL));
    out.extend(crc32(bytes).to_le_bytes());
    out.extend((bytes.len() as u32).to_le_bytes());
    out
}

/// CRC-32 with the reflected polynomial of RFC 1952 section 8, by a table of one byte.
fn crc32(bytes: &[u8]) -> u32 {
    let mut table = [0u32; 256];
    for (index, entry) in (0u32..).zip(table.iter_mut()) {
        *entry = (0..8).fold(index, |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)));
    }
    !bytes.iter().fold(!0, |crc, byte| (crc >> 8) ^ table[((crc ^ u32::from(*byte)) & 255) as usize])
}

#[cfg(test)]
mod tests {
    use super::*;
    use miniz_oxide::inflate::decompress_to_vec;

    #[test]
    fn a_gzip_member_unpacks_to_the_same_bytes_and_carries_their_checksum_and_length() {
        let text = b"123456789";
        let member = compress(text);
        let (body, trailer) = member[10..].split_at(member.len() - 18);
        assert_eq!(decompress_to_vec(body).unwrap(), text);
        assert_eq!(trailer[..4], 0xcbf4_3926u32.to_le_bytes(), "the check value of CRC-32");
        assert_eq!(trailer[4..], 9u32.to_le_bytes());
    }
}
