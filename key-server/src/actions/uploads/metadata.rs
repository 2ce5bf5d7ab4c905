//! What an upload says of itself, checked once, at the edge.

use base64ct::{Base64, Encoding};
use keyveil_protocol::{ErrorCode, FileId, WorkflowId};
use percent_encoding::percent_decode_str;
use url::Url;

use crate::refusal::Refusal;

/// Everything below together, in base64, is shorter.
const METADATA_LEN_MAX: usize = 16 << 10;
const FILE_NAME_LEN_MAX: usize = 255;
const NAME_LEN_MAX: usize = 256;
const DESCRIPTION_LEN_MAX: usize = 4000;
const LABELS_MAX: usize = 20;
const LABEL_LEN_MAX: usize = 64;

/// A source and the title that it is to become.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SourceInfo {
    pub(crate) file_name: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) labels: Vec<String>,
    pub(crate) workflow_id: Option<WorkflowId>,
    pub(crate) file_id: Option<FileId>,
    pub(crate) sha256: Option<[u8; 32]>,
}

impl SourceInfo {
    /// From `Upload-Metadata`: comma-separated pairs of a key and, behind a space, base64. Keys of clients that are not
    /// meant for this server are left alone.
    pub(crate) fn from_metadata(text: &str) -> Result<Self, Refusal> {
        if text.len() > METADATA_LEN_MAX {
            return Err(malformed("Upload-Metadata: at most 16 KiB"));
        }
        let mut fields = Fields::default();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
            let value =
                Base64::decode_vec(value.trim()).map_err(|_| malformed("Upload-Metadata: values are base64"))?;
            fields.set(key, value)?;
        }
        let labels = fields.labels.as_deref().unwrap_or_default().split(',').map(str::to_owned).collect();
        let info = Self {
            file_name: fields.filename.unwrap_or_default(),
            name: fields.name.unwrap_or_default(),
            description: fields.description.unwrap_or_default(),
            labels,
            workflow_id: fields.workflow_id.map(|id| id.parse()).transpose()?,
            file_id: fields.file_id.map(|id| id.parse()).transpose()?,
            sha256: fields.sha256.as_deref().map(parse_sha256).transpose()?,
        };
        info.checked()
    }

    /// Checks every bound; a title without a name is called by its file's.
    pub(crate) fn checked(mut self) -> Result<Self, Refusal> {
        let is_path = |name: &str| name.contains(['/', '\\']) || matches!(name, "." | "..");
        if !is_plain(&self.file_name, FILE_NAME_LEN_MAX) || is_path(&self.file_name) {
            return Err(malformed("filename: 1 to 255 bytes of plain text without a path"));
        }
        if self.name.is_empty() {
            let stem = self.file_name.rsplit_once('.').map_or(self.file_name.as_str(), |(stem, _)| stem);
            self.name = if stem.is_empty() { self.file_name.clone() } else { stem.to_owned() };
        }
        if !is_plain(&self.name, NAME_LEN_MAX) {
            return Err(malformed("name: 1 to 256 bytes of plain text"));
        }
        let is_control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        if self.description.len() > DESCRIPTION_LEN_MAX || self.description.contains(is_control) {
            return Err(malformed("description: up to 4000 bytes of text"));
        }
        self.labels =
            self.labels.iter().map(|label| label.trim().to_owned()).filter(|label| !label.is_empty()).collect();
        if self.labels.len() > LABELS_MAX || !self.labels.iter().all(|label| is_plain(label, LABEL_LEN_MAX)) {
            return Err(malformed("labels: up to 20 of 1 to 64 bytes of plain text"));
        }
        Ok(self)
    }

    /// The file name's extension in lower case.
    pub(super) fn extension(&self) -> Option<String> {
        self.file_name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase())
    }
}

/// 64 hexadecimal digits.
pub(super) fn parse_sha256(text: &str) -> Result<[u8; 32], Refusal> {
    let bytes = hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| malformed("sha256: 64 hexadecimal digits"))
}

/// The last part of an address's path, as a file name.
pub(super) fn file_name_of(url: &Url) -> String {
    let last = url.path_segments().and_then(|mut segments| segments.next_back()).unwrap_or_default();
    let decoded = percent_decode_str(last).decode_utf8_lossy();
    let plain: String = decoded.chars().filter(|c| !c.is_control() && !matches!(c, '/' | '\\')).collect();
    if is_plain(&plain, FILE_NAME_LEN_MAX) && plain != "." && plain != ".." {
        return plain;
    }
    url.host_str().unwrap_or("source").to_owned()
}

#[derive(Default)]
struct Fields {
    filename: Option<String>,
    name: Option<String>,
    description: Option<String>,
    labels: Option<String>,
    workflow_id: Option<String>,
    file_id: Option<String>,
    sha256: Option<String>,
}

impl Fields {
    fn set(&mut self, key: &str, value: Vec<u8>) -> Result<(), Refusal> {
        let field = match key {
            "filename" => &mut self.filename,
            "name" => &mut self.name,
            "description" => &mut self.description,
            "labels" => &mut self.labels,
            "workflowId" => &mut self.workflow_id,
            "fileId" => &mut self.file_id,
            "sha256" => &mut self.sha256,
            _ => return Ok(()),
        };
        let value = String::from_utf8(value).map_err(|_| malformed("Upload-Metadata: values are UTF-8"))?;
        if field.replace(value).is_some() {
            return Err(malformed("Upload-Metadata: each key once"));
        }
        Ok(())
    }
}

fn is_plain(text: &str, len_max: usize) -> bool {
    (1..=len_max).contains(&text.len()) && !text.chars().any(char::is_control)
}

pub(super) fn malformed(detail: &'static str) -> Refusal {
    Refusal::new(ErrorCode::MalformedRequest, detail).with_detail(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(pairs: &[(&str, &str)]) -> String {
        let pairs: Vec<_> =
            pairs.iter().map(|(key, value)| format!("{key} {}", Base64::encode_string(value.as_bytes()))).collect();
        pairs.join(",")
    }

    fn parse(pairs: &[(&str, &str)]) -> Result<SourceInfo, Refusal> {
        SourceInfo::from_metadata(&metadata(pairs))
    }

    #[test]
    fn metadata_is_read() {
        let hash = "ab".repeat(32);
        let info = parse(&[
            ("filename", "Der Film.MP4"),
            ("filetype", "video/mp4"),
            ("labels", " a, b,,c d "),
            ("description", "two\nlines"),
            ("workflowId", "original"),
            ("fileId", "film-1"),
            ("sha256", &hash),
        ]);
        let info = info.unwrap();
        assert_eq!((info.name.as_str(), info.extension().as_deref()), ("Der Film", Some("mp4")));
        assert_eq!(info.labels, ["a", "b", "c d"]);
        assert_eq!((info.sha256, info.description.as_str()), (Some([0xab; 32]), "two\nlines"));
        assert_eq!(parse(&[("filename", "a.mp4"), ("name", "Äpfel")]).unwrap().name, "Äpfel");
        // A key may stand alone, and spaces around commas are what some clients send.
        let text = format!("is_confidential, {}", metadata(&[("filename", ".mp4")]));
        assert_eq!(SourceInfo::from_metadata(&text).unwrap().name, ".mp4");
    }

    #[test]
    fn what_is_out_of_bounds_is_refused_and_the_bound_itself_is_not() {
        let long = |len: usize| "x".repeat(len);
        let labels = |count: usize| (0..count).map(|n| format!("l{n}")).collect::<Vec<_>>().join(",");
        let with = |key: &'static str, value: &str| parse(&[("filename", "a.mp4"), (key, value)]);
        assert!(parse(&[("filename", &long(255))]).is_ok());
        assert!(with("name", &long(256)).is_ok() && with("name", &long(257)).is_err());
        assert!(with("description", &long(4000)).is_ok() && with("description", &long(4001)).is_err());
        assert!(with("labels", &labels(20)).is_ok() && with("labels", &labels(21)).is_err());
        assert!(with("labels", &long(64)).is_ok() && with("labels", &long(65)).is_err());
        for file_name in [&long(256), "", "..", "a/b.mp4", "c:\\b.mp4", "a\u{0}.mp4", "a\nb.mp4"] {
            assert!(parse(&[("filename", file_name)]).is_err(), "{file_name:?}");
        }
        assert!(parse(&[]).is_err(), "a file name is needed");
        for (key, value) in
            [("name", "a\tb"), ("description", "\u{7}"), ("workflowId", "a b"), ("fileId", ""), ("sha256", "ab")]
        {
            assert!(with(key, value).is_err(), "{key}");
        }
        assert!(parse(&[("filename", "a.mp4"), ("filename", "b.mp4")]).is_err());
        assert!(SourceInfo::from_metadata("filename !").is_err());
        assert!(SourceInfo::from_metadata("filename /w==").is_err(), "not UTF-8");
        assert!(SourceInfo::from_metadata(&format!("x {}", "AAAA".repeat(4096))).is_err());
    }

    #[test]
    fn an_address_gives_a_file_name() {
        for (url, name) in [
            ("https://example.com/a/Film%20eins.mp4?token=x", "Film eins.mp4"),
            ("https://example.com/a+b=c&d.mp4", "a+b=c&d.mp4"),
            ("https://example.com/", "example.com"),
            ("https://example.com/a%2Fb%00.mp4", "ab.mp4"),
        ] {
            assert_eq!(file_name_of(&url.parse().unwrap()), name);
        }
    }
}
