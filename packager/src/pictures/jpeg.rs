//! Cuts a stream of JPEGs at their ends (ITU-T T.81, annex B: markers, segments and entropy-coded data).

/// A sheet of a hundred thumbnails of 640×640 stays far below.
const JPEG_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Takes bytes as they come and gives whole images.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    bytes: Vec<u8>,
    /// Up to here the present image has been understood.
    at: usize,
    in_scan: bool,
}

/// The stream is none of JPEGs, or one is too large.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotJpeg;

impl Splitter {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole image, when it is there.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>, NotJpeg> {
        loop {
            match self.step()? {
                Step::More => {
                    return if self.bytes.len() > JPEG_BYTES_MAX { Err(NotJpeg) } else { Ok(None) };
                }
                Step::To(at) => self.at = at,
                Step::End(at) => {
                    let rest = self.bytes.split_off(at);
                    self.at = 0;
                    return Ok(Some(std::mem::replace(&mut self.bytes, rest)));
                }
            }
        }
    }

    /// Whether the stream ended between images.
    pub(super) fn is_at_end(&self) -> bool {
        self.bytes.is_empty()
    }

    fn step(&mut self) -> Result<Step, NotJpeg> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if self.in_scan {
            // Data goes on until a marker: FF and neither 00 (a stuffed FF) nor a restart.
            let marker = rest.windows(2).position(|pair| matches!(*pair, [0xff, kind] if !in_data(kind)));
            return Ok(match marker {
                Some(after) => {
                    self.in_scan = false;
                    Step::To(self.at + after)
                }
                None => {
                    self.at += rest.len().saturating_sub(1);
                    Step::More
                }
            });
        }
        match *rest {
            [0xff, 0xd8, ..] if self.at == 0 => Ok(Step::To(2)),
            _ if self.at == 0 && rest.len() >= 2 => Err(NotJpeg),
            [0xff, 0xff, ..] => Ok(Step::To(self.at + 1)),
            [0xff, 0xd9, ..] => Ok(Step::End(self.at + 2)),
            [0xff, kind, high, low, ..] => {
                let len = usize::from(u16::from_be_bytes([high, low]));
                self.in_scan = kind == 0xda;
                if len < 2 { Err(NotJpeg) } else { Ok(Step::To(self.at + 2 + len)) }
            }
            [other, ..] if other != 0xff => Err(NotJpeg),
            _ => Ok(Step::More),
        }
    }
}

fn in_data(kind: u8) -> bool {
    matches!(kind, 0x00 | 0xd0..=0xd7 | 0xff)
}

enum Step {
    /// More bytes are needed.
    More,
    To(usize),
    End(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With an end marker inside a segment and a stuffed one inside the data: neither is the end.
    const IMAGE: &[u8] =
        &[0xff, 0xd8, 0xff, 0xfe, 0, 4, 0xff, 0xd9, 0xff, 0xda, 0, 2, 1, 0xff, 0x00, 0xd9, 0xff, 0xd0, 7, 0xff, 0xd9];

    #[test]
    fn images_are_found_however_the_stream_is_cut() {
        let stream = [IMAGE, IMAGE, IMAGE].concat();
        for size in [1, 2, 3, 5, 64] {
            let (mut splitter, mut found) = (Splitter::default(), Vec::new());
            for part in stream.chunks(size) {
                splitter.push(part);
                while let Some(image) = splitter.next().unwrap() {
                    found.push(image);
                }
            }
            assert_eq!(found, [IMAGE, IMAGE, IMAGE], "in parts of {size}");
            assert!(splitter.is_at_end());
        }
    }

    #[test]
    fn cut_image_is_not_given_and_other_bytes_are_refused() {
        let mut splitter = Splitter::default();
        splitter.push(&IMAGE[..IMAGE.len() - 1]);
        assert_eq!(splitter.next(), Ok(None));
        assert!(!splitter.is_at_end());
        let mut splitter = Splitter::default();
        splitter.push(b"\x89PNG\r\n");
        assert_eq!(splitter.next(), Err(NotJpeg));
    }
}
