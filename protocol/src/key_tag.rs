//! The playlist's key tag and the fragment that carries a segment's place to the decryptor
//! (docs/PROTOCOL.md, "Playlist tag").

use std::fmt;
use std::str::FromStr;

use crate::error::{ErrorCode, ProtocolError};
use crate::ids::FileId;
use crate::track::{Cipher, Period, Rendition, Segment, TrackClass};

const TAG: &str = "#EXT-X-KEY:";
const METHOD: &str = "KEYVEIL";
const KEYFORMAT: &str = "com.keyveil";
const KEYFORMATVERSIONS: &str = "1";
const URI_SCHEME: &str = "keyveil:";
const FRAGMENT: &str = "keyveil=";
/// The longest line read as a key tag, in bytes.
pub const KEY_TAG_LEN_MAX: usize = 1024;

const fn malformed(cause: &'static str) -> ProtocolError {
    ProtocolError::new(ErrorCode::KeyTagMalformed, cause)
}

/// `#EXT-X-KEY` of a private playlist: from here on, segments of this rendition are in this period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyTag {
    /// The title.
    pub file_id: FileId,
    /// The period that starts here.
    pub period: Period,
    /// The cipher of the segments.
    pub cipher: Cipher,
    /// The class of the rendition.
    pub track_class: TrackClass,
    /// The rendition of this playlist.
    pub rendition: Rendition,
}

impl fmt::Display for KeyTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{TAG}METHOD={METHOD},URI=\"{URI_SCHEME}{}/{}\",CIPHER=\"{}\",TRACK-CLASS=\"{}\",RENDITION={},\
             KEYFORMAT=\"{KEYFORMAT}\",KEYFORMATVERSIONS=\"{KEYFORMATVERSIONS}\"",
            self.file_id,
            self.period,
            self.cipher.name(),
            self.track_class,
            self.rendition,
        )
    }
}

/// `#EXT-X-KEY` of a standard title as it is stored: it names no server, which writes its address in as it serves the playlist
/// (docs/DELIVERY.md, "Standard mode").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandardKeyTag {
    /// The class of the rendition.
    pub track_class: TrackClass,
    /// The period of the segment that follows.
    pub period: Period,
    /// The IV of that segment.
    pub iv: [u8; 16],
}

impl fmt::Display for StandardKeyTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{TAG}METHOD=AES-128,URI=\"{URI_SCHEME}{}/{}\",IV=0x", self.track_class, self.period)?;
        self.iv.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for KeyTag {
    type Err = ProtocolError;

    fn from_str(line: &str) -> Result<Self, ProtocolError> {
        if line.len() > KEY_TAG_LEN_MAX {
            return Err(malformed("line too long"));
        }
        // No quoted value may hold them either (RFC 8216, section 4.2): another reader would see two lines here.
        if line.contains(['\r', '\n']) {
            return Err(malformed("more than a line"));
        }
        let attributes = Attributes::parse(line.strip_prefix(TAG).ok_or(malformed("not a key tag"))?)?;
        for (name, wanted, quoted) in
            [("METHOD", METHOD, false), ("KEYFORMAT", KEYFORMAT, true), ("KEYFORMATVERSIONS", KEYFORMATVERSIONS, true)]
        {
            if attributes.one(name, quoted)? != wanted {
                return Err(malformed("METHOD, KEYFORMAT or KEYFORMATVERSIONS is not ours"));
            }
        }
        let (file_id, period) = attributes
            .one("URI", true)?
            .strip_prefix(URI_SCHEME)
            .and_then(|path| path.split_once('/'))
            .ok_or(malformed("URI"))?;
        Ok(Self {
            file_id: file_id.parse().map_err(|_| malformed("file id in URI"))?,
            period: Period(decimal(period)?),
            cipher: Cipher::from_name(attributes.one("CIPHER", true)?).ok_or(malformed("CIPHER is unknown"))?,
            track_class: attributes.one("TRACK-CLASS", true)?.parse().map_err(|_| malformed("TRACK-CLASS"))?,
            rendition: Rendition(decimal(attributes.one("RENDITION", false)?)?),
        })
    }
}

/// Where a segment stands, as its URI's fragment says it: all that decryption needs besides a period key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentRef {
    /// The title.
    pub file_id: FileId,
    /// The class whose period key opens it.
    pub track_class: TrackClass,
    /// Its period.
    pub period: Period,
    /// Its rendition.
    pub rendition: Rendition,
    /// Its number.
    pub segment: Segment,
    /// What it is encrypted with. Another one that is written here leads to another key, and so to a refusal or noise.
    pub cipher: Cipher,
}

impl fmt::Display for SegmentRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file_id, track_class, period, rendition, segment, cipher } = self;
        write!(f, "{FRAGMENT}{file_id}/{}/{period}/{rendition}/{segment}", track_class.number())?;
        match cipher {
            Cipher::Aes128Cbc => Ok(()),
            other => write!(f, "/{}", other.name()),
        }
    }
}

impl FromStr for SegmentRef {
    type Err = ProtocolError;

    fn from_str(fragment: &str) -> Result<Self, ProtocolError> {
        let mut parts = fragment.strip_prefix(FRAGMENT).ok_or(malformed("fragment is not ours"))?.split('/');
        let mut part = || parts.next().ok_or(malformed("fragment is short"));
        let segment_ref = Self {
            file_id: part()?.parse().map_err(|_| malformed("file id in fragment"))?,
            track_class: TrackClass::from_number(decimal(part()?)?).ok_or(malformed("track class in fragment"))?,
            period: Period(decimal(part()?)?),
            rendition: Rendition(decimal(part()?)?),
            segment: Segment(decimal(part()?)?),
            // Unnamed is the first there was; by its name it would have a second spelling.
            cipher: match parts.next() {
                None => Cipher::Aes128Cbc,
                Some(name) => Cipher::from_name(name)
                    .filter(|cipher| *cipher != Cipher::Aes128Cbc)
                    .ok_or(malformed("cipher in fragment"))?,
            },
        };
        if parts.next().is_some() { Err(malformed("fragment is long")) } else { Ok(segment_ref) }
    }
}

/// Digits only and in their shortest form: `+1`, `01` and the like have no second spelling here.
fn decimal<T: FromStr>(text: &str) -> Result<T, ProtocolError> {
    let shortest = text == "0" || (!text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit()));
    text.parse().ok().filter(|_| shortest).ok_or(malformed("number"))
}

/// An attribute list (RFC 8216, section 4.2): `NAME=value` or `NAME="value"`, comma-separated.
struct Attributes<'a>(Vec<(&'a str, &'a str, bool)>);

impl<'a> Attributes<'a> {
    fn parse(mut rest: &'a str) -> Result<Self, ProtocolError> {
        let mut list: Vec<(&str, &str, bool)> = Vec::new();
        loop {
            let (name, tail) = rest.split_once('=').ok_or(malformed("attribute without value"))?;
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-') {
                return Err(malformed("attribute name"));
            }
            if list.iter().any(|(earlier, ..)| *earlier == name) {
                return Err(malformed("attribute repeated"));
            }
            let (value, quoted, tail) = match tail.strip_prefix('"') {
                Some(tail) => {
                    let (value, tail) = tail.split_once('"').ok_or(malformed("quote not closed"))?;
                    (value, true, tail)
                }
                None => {
                    let (value, tail) = tail.split_at(tail.find(',').unwrap_or(tail.len()));
                    (value, false, tail)
                }
            };
            list.push((name, value, quoted));
            match tail.strip_prefix(',') {
                Some(tail) => rest = tail,
                None if tail.is_empty() => return Ok(Self(list)),
                None => return Err(malformed("text after a value")),
            }
        }
    }

    fn one(&self, name: &str, quoted: bool) -> Result<&'a str, ProtocolError> {
        match self.0.iter().find(|attribute| attribute.0 == name) {
            Some(attribute) if attribute.2 == quoted => Ok(attribute.1),
            _ => Err(malformed("attribute missing or wrongly quoted")),
        }
    }
}
