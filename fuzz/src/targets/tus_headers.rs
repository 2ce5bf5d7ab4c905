use base64ct::{Base64, Encoding};
use keyveil_key_server::fuzzing::{UploadMetadata, tus_headers as read, upload_metadata};
use keyveil_protocol::ErrorCode;

use crate::Outcome;

/// The most digits of a count.
const COUNT_MAX: u64 = 9_999_999_999_999_999_999;

/// Headers of a tus request, a line each.
pub fn tus_headers(data: &[u8]) -> Outcome {
    let lines = data.split(|byte| *byte == b'\n').take(32);
    let headers = lines.filter_map(|line| {
        let at = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = line.split_at(at);
        Some((std::str::from_utf8(name).ok()?, value[1..].trim_ascii()))
    });
    match read(&headers.collect::<Vec<_>>()) {
        Ok(told) => {
            assert!([told.length, told.offset, told.part_len].into_iter().flatten().all(|count| count <= COUNT_MAX));
            told.metadata.inspect(check_metadata);
            Outcome::Accepted
        }
        Err(refusal) => {
            assert!(matches!(refusal.code(), ErrorCode::MalformedRequest | ErrorCode::UnsupportedMediaType));
            Outcome::Refused(refusal.code().as_str())
        }
    }
}

fn check_metadata(told: &UploadMetadata) {
    let plain = |text: &str, len_max: usize| (1..=len_max).contains(&text.len()) && !text.chars().any(char::is_control);
    assert!(plain(&told.file_name, 255) && !told.file_name.contains(['/', '\\']));
    assert!(told.file_name != "." && told.file_name != "..");
    assert!(plain(&told.name, 256) && told.description.len() <= 4000);
    assert!(told.labels.len() <= 20 && told.labels.iter().all(|label| plain(label, 64) && !label.contains(',')));
    for id in [&told.workflow_id, &told.file_id].into_iter().flatten() {
        assert!(plain(id, 64) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)));
    }
    let written = written(told);
    assert_eq!(upload_metadata(&written).as_ref().ok(), Some(told), "{written}");
}

/// The same as a client writes it.
fn written(told: &UploadMetadata) -> String {
    let labels = told.labels.join(",");
    let sha256 = told.sha256.map(|digest| digest.map(|byte| format!("{byte:02x}")).concat());
    let fields = [
        ("filename", Some(&told.file_name)),
        ("name", Some(&told.name)),
        ("description", Some(&told.description)),
        ("labels", Some(&labels)),
        ("workflowId", told.workflow_id.as_ref()),
        ("fileId", told.file_id.as_ref()),
        ("sha256", sha256.as_ref()),
    ];
    let pair =
        |(key, value): (&str, Option<&String>)| Some(format!("{key} {}", Base64::encode_string(value?.as_bytes())));
    fields.into_iter().filter_map(pair).collect::<Vec<_>>().join(",")
}
