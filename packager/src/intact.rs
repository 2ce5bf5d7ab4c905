//! Cheap look at a container's outermost sizes: a file that ends before they do was cut off. This refuses a truncated
//! film before hours of encoding; containers without such sizes (TS, live WebM) are judged by their duration afterwards.

use std::io::{self, Read, Seek, SeekFrom};

use crate::{error::PackError, input::Input};

/// Top-level boxes looked at; real files have a handful, fragmented ones a few per fragment.
const BOXES_MAX: usize = 100_000;
const EBML_MAGIC: [u8; 4] = [0x1a, 0x45, 0xdf, 0xa3];
const SEGMENT_ID: [u8; 4] = [0x18, 0x53, 0x80, 0x67];

/// What the outermost sizes say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Nothing is missing as far as can be seen here.
    Whole,
    /// Cut off, and how that shows.
    Truncated(String),
}

/// Opens `input` and compares its container's sizes with its own. Blocking.
pub(crate) fn inspect(input: &Input) -> Result<Finding, PackError> {
    let (mut bytes, len) = input.open()?;
    if len == 0 {
        return Err(PackError::InputEmpty(input.name()));
    }
    // A read that fails here is left to ffprobe, which says it better.
    Ok(judge(&mut bytes, len).unwrap_or(Finding::Whole))
}

fn judge(file: &mut (impl Read + Seek), file_len: u64) -> io::Result<Finding> {
    let mut head = [0; 12];
    file.read_exact(&mut head)?;
    if head[4..8] == *b"ftyp" {
        judge_boxes(file, file_len)
    } else if head[..4] == EBML_MAGIC {
        judge_ebml(file, file_len)
    } else {
        Ok(Finding::Whole)
    }
}

/// ISO/IEC 14496-12, section 4.2: size (4), type (4), large size (8) when size is 1; size 0 reaches to the end.
fn judge_boxes(file: &mut (impl Read + Seek), file_len: u64) -> io::Result<Finding> {
    let mut position = 0;
    let mut has_movie = false;
    for _ in 0..BOXES_MAX {
        if position + 8 > file_len {
            break;
        }
        file.seek(SeekFrom::Start(position))?;
        let mut header = [0; 8];
        file.read_exact(&mut header)?;
        let [a, b, c, d, kind @ ..] = header;
        has_movie |= kind == *b"moov";
        let size = match u32::from_be_bytes([a, b, c, d]) {
            0 => file_len - position,
            1 => read_u64(file)?,
            size => u64::from(size),
        };
        if size < 8 {
            break;
        }
        let missing = position.saturating_add(size).saturating_sub(file_len);
        if missing > 0 {
            return Ok(Finding::Truncated(format!("{missing} bytes are missing at its end")));
        }
        position += size;
    }
    Ok(if has_movie { Finding::Whole } else { Finding::Truncated("its index (moov box) is missing".into()) })
}

/// RFC 8794: the EBML header, then the Segment with its size, unless that is unknown (all ones).
fn judge_ebml(file: &mut (impl Read + Seek), file_len: u64) -> io::Result<Finding> {
    file.seek(SeekFrom::Start(4))?;
    let Some(header_len) = read_ebml_size(file)? else { return Ok(Finding::Whole) };
    let segment_at = file.stream_position()?.saturating_add(header_len);
    file.seek(SeekFrom::Start(segment_at))?;
    let mut id = [0; 4];
    file.read_exact(&mut id)?;
    if id != SEGMENT_ID {
        return Ok(Finding::Whole);
    }
    let Some(segment_len) = read_ebml_size(file)? else { return Ok(Finding::Whole) };
    let missing = file.stream_position()?.saturating_add(segment_len).saturating_sub(file_len);
    Ok(match missing {
        0 => Finding::Whole,
        _ => Finding::Truncated(format!("{missing} bytes are missing at its end")),
    })
}

/// A variable-length size; `None` when it is the reserved "unknown".
fn read_ebml_size(file: &mut impl Read) -> io::Result<Option<u64>> {
    let mut first = [0];
    file.read_exact(&mut first)?;
    let extra = first[0].leading_zeros() as usize;
    if extra > 7 {
        return Ok(None);
    }
    let mut bytes = [0; 8];
    bytes[7 - extra] = first[0] & (0x7f >> extra);
    file.read_exact(&mut bytes[8 - extra..])?;
    let value = u64::from_be_bytes(bytes);
    let unknown = (1_u64 << (7 * (extra as u32 + 1))) - 1;
    Ok((value != unknown).then_some(value))
}

fn read_u64(file: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0; 8];
    file.read_exact(&mut bytes)?;
    Ok(u64::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn judge_bytes(bytes: &[u8]) -> Finding {
        judge(&mut Cursor::new(bytes), bytes.len() as u64).unwrap()
    }

    fn mp4(mdat_claims: u32, mdat_has: usize) -> Vec<u8> {
        let mut file = b"\0\0\0\x10ftypisom\0\0\0\0\0\0\0\x08moov".to_vec();
        file.extend(mdat_claims.to_be_bytes());
        file.extend(b"mdat");
        file.resize(file.len() + mdat_has, 0);
        file
    }

    #[test]
    fn whole_mp4_passes_and_one_missing_byte_is_seen() {
        assert_eq!(judge_bytes(&mp4(108, 100)), Finding::Whole);
        assert_eq!(judge_bytes(&mp4(108, 99)), Finding::Truncated("1 bytes are missing at its end".into()));
    }

    #[test]
    fn mp4_without_its_index_is_truncated() {
        let file = b"\0\0\0\x10ftypisom\0\0\0\0\0\0\0\x08mdat";
        assert!(matches!(judge_bytes(file), Finding::Truncated(_)));
    }

    #[test]
    fn matroska_segment_is_measured_unless_its_size_is_unknown() {
        let file = |size: u8, has: usize| {
            let mut file = [&EBML_MAGIC[..], &[0x84, 1, 2, 3, 4], &SEGMENT_ID, &[size]].concat();
            file.resize(file.len() + has, 0);
            file
        };
        assert_eq!(judge_bytes(&file(0x80 | 20, 20)), Finding::Whole);
        assert_eq!(judge_bytes(&file(0x80 | 20, 10)), Finding::Truncated("10 bytes are missing at its end".into()));
        assert_eq!(judge_bytes(&file(0xff, 10)), Finding::Whole);
    }
}
