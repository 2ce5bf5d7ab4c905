//! What the session reads of the key server's answers: a part of `keyveil_protocol::api`, as the page reads the rest of the same text by
//! itself. A name that comes twice, or a field that is missing or of another form, makes it no answer.

use keyveil_protocol::{Envelope, FileId, Mode, PeriodSegments, Rendition, ServerKeyId, TrackClass};

use crate::json::{Json, Unreadable};
use crate::session::PlayerError;

/// A title has no more (`api::RENDITIONS_MAX`).
const RENDITIONS_MAX: usize = keyveil_protocol::api::RENDITIONS_MAX;

/// Of `api::PlayResponse`.
pub(crate) struct PlayAnswer {
    pub(crate) title: Title,
    pub(crate) grant: Option<Envelope>,
}

/// Of `api::TitleInfo`.
pub(crate) struct Title {
    pub(crate) file_id: FileId,
    pub(crate) mode: Mode,
    pub(crate) version: u32,
    pub(crate) period_segments: PeriodSegments,
    /// Each with whose period key opens it.
    pub(crate) renditions: Vec<(Rendition, TrackClass)>,
}

/// # Errors
/// `envelope_rejected` for what is no answer of `POST /v1/play`.
pub(crate) fn play_answer(text: &str) -> Result<PlayAnswer, PlayerError> {
    let (mut of_title, mut grant) = (None, None);
    let read = Json::read(text, &mut |name, json| match name {
        "title" => once(&mut of_title, title(json)),
        "grant" => once(&mut grant, if json.is_null() { Ok(None) } else { envelope(json).map(Some) }),
        _ => json.skip(),
    });
    match (read, of_title) {
        (Ok(()), Some(title)) => Ok(PlayAnswer { title, grant: grant.flatten() }),
        _ => Err(PlayerError::ENVELOPE_REJECTED),
    }
}

/// The grant of `api::KeysResponse`.
///
/// # Errors
/// `envelope_rejected` for what is no answer of `POST /v1/keys`.
pub(crate) fn keys_answer(text: &str) -> Result<Envelope, PlayerError> {
    let mut grant = None;
    let read = Json::read(text, &mut |name, json| match name {
        "grant" => once(&mut grant, envelope(json)),
        _ => json.skip(),
    });
    read.ok().and(grant).ok_or(PlayerError::ENVELOPE_REJECTED)
}

fn envelope(json: &mut Json<'_>) -> Result<Envelope, Unreadable> {
    let (mut server_key_id, mut enc, mut ciphertext) = (None, None, None);
    json.object(&mut |name, json| {
        let text = json.text()?;
        match name {
            "serverKeyId" => once(&mut server_key_id, text.parse::<ServerKeyId>().map_err(|_| Unreadable)),
            "enc" => once(&mut enc, Ok(text.to_owned())),
            "ciphertext" => once(&mut ciphertext, Ok(text.to_owned())),
            _ => Err(Unreadable),
        }
    })?;
    match (server_key_id, enc, ciphertext) {
        (Some(server_key_id), Some(enc), Some(ciphertext)) => Ok(Envelope { server_key_id, enc, ciphertext }),
        _ => Err(Unreadable),
    }
}

fn title(json: &mut Json<'_>) -> Result<Title, Unreadable> {
    let (mut file_id, mut mode, mut version, mut period_segments, mut renditions) = (None, None, None, None, None);
    json.object(&mut |name, json| match name {
        "fileId" => once(&mut file_id, json.text()?.parse().map_err(|_| Unreadable)),
        "mode" => once(&mut mode, Mode::from_name(json.text()?).ok_or(Unreadable)),
        "version" => once(&mut version, json.number()),
        "periodSegments" => once(&mut period_segments, PeriodSegments::new(json.number()?).map_err(|_| Unreadable)),
        "renditions" => once(&mut renditions, classes(json)),
        _ => json.skip(),
    })?;
    match (file_id, mode, version, period_segments, renditions) {
        (Some(file_id), Some(mode), Some(version), Some(period_segments), Some(renditions)) => {
            Ok(Title { file_id, mode, version, period_segments, renditions })
        }
        _ => Err(Unreadable),
    }
}

fn classes(json: &mut Json<'_>) -> Result<Vec<(Rendition, TrackClass)>, Unreadable> {
    let mut classes = Vec::new();
    json.list(&mut |json| {
        let (mut rendition, mut class) = (None, None);
        json.object(&mut |name, json| match name {
            "rendition" => once(&mut rendition, json.number().map(Rendition)),
            "trackClass" => once(&mut class, json.text()?.parse().map_err(|_| Unreadable)),
            _ => json.skip(),
        })?;
        if classes.len() == RENDITIONS_MAX {
            return Err(Unreadable);
        }
        classes.push((rendition.ok_or(Unreadable)?, class.ok_or(Unreadable)?));
        Ok(())
    })?;
    Ok(classes)
}

fn once<T>(field: &mut Option<T>, value: Result<T, Unreadable>) -> Result<(), Unreadable> {
    match field.replace(value?) {
        None => Ok(()),
        Some(_) => Err(Unreadable),
    }
}

#[cfg(test)]
#[path = "answers_tests.rs"]
mod tests;
