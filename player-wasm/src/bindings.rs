//! What JavaScript in the worker sees. Errors are thrown as their stable code, a string. What has to do with keys runs on a stack that is wiped
//! before JavaScript goes on.

use keyveil_protocol::{Period, StatedLevel};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use crate::sdk_build::SdkBuild;
use crate::segment_buffer::SegmentBuffer;
use crate::segment_stream::SegmentStream;
use crate::session::{PlayerError, Session};
use crate::wiped_stack::on_wiped_stack;

impl From<PlayerError> for JsValue {
    fn from(refusal: PlayerError) -> Self {
        Self::from_str(refusal.text())
    }
}

/// A playback session with the buffer that its segments pass through.
#[wasm_bindgen]
pub struct KeyveilSession {
    session: Session,
    buffer: SegmentBuffer,
}

#[wasm_bindgen]
impl KeyveilSession {
    /// Fails with `build_missing` where no SDK build was written into the module.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Result<Self, JsValue> {
        let build = on_wiped_stack(SdkBuild::embedded)?;
        Ok(Self { session: Session::new(build), buffer: SegmentBuffer::new() })
    }

    /// The body of `POST /v1/play`, to be sent as it is. `downgrade` says why the level is not `sealed`, and is null where it is;
    /// what does not belong together is `malformed_request`.
    #[wasm_bindgen(js_name = playRequest)]
    pub fn play_request(
        &mut self,
        psign: &str,
        file_id: Option<String>,
        position_ms: f64,
        level: &str,
        downgrade: Option<String>,
    ) -> Result<String, JsValue> {
        let stated = stated_level(level, downgrade.as_deref())?;
        let (file_id, position_ms) = (file_id.as_deref(), whole_ms(position_ms));
        Ok(on_wiped_stack(|| self.session.play_request(psign, file_id, position_ms, stated))?)
    }

    /// Takes the answer of `POST /v1/play` as it came.
    #[wasm_bindgen(js_name = acceptPlay)]
    pub fn accept_play(&mut self, response: &str) -> Result<(), JsValue> {
        Ok(on_wiped_stack(|| self.session.accept_play(response))?)
    }

    /// `[body, Keyveil-Mac]` of `POST /v1/keys`.
    #[wasm_bindgen(js_name = keysRequest)]
    pub fn keys_request(
        &mut self,
        period: u32,
        position_ms: f64,
        psign: Option<String>,
    ) -> Result<Vec<String>, JsValue> {
        let (period, position_ms, psign) = (Period(period), whole_ms(position_ms), psign.as_deref());
        let call = on_wiped_stack(|| self.session.keys_request(period, position_ms, psign))?;
        Ok(vec![call.body, call.mac])
    }

    /// Takes the answer of `POST /v1/keys` as it came.
    #[wasm_bindgen(js_name = acceptKeys)]
    pub fn accept_keys(&mut self, response: &str) -> Result<(), JsValue> {
        Ok(on_wiped_stack(|| self.session.accept_keys(response))?)
    }

    /// Whether keys of that period are at hand.
    #[wasm_bindgen(js_name = holdsPeriod)]
    #[must_use]
    pub fn holds_period(&self, period: u32) -> bool {
        self.session.holds_period(Period(period))
    }

    /// Names of the granted track classes, lowest first.
    #[wasm_bindgen(js_name = trackClasses)]
    #[must_use]
    pub fn track_classes(&self) -> Vec<String> {
        self.session.track_classes().into_iter().map(|class| class.name().to_owned()).collect()
    }

    /// Begins a segment; `reference` is its URL's fragment (`keyveil=…`).
    #[wasm_bindgen(js_name = openSegment)]
    pub fn open_segment(&self, reference: &str) -> Result<KeyveilSegment, JsValue> {
        Ok(KeyveilSegment(SegmentStream::open(reference)?))
    }

    /// Where a piece of ciphertext is to be written, as an address in this module's memory.
    pub fn room(&self) -> Result<u32, JsValue> {
        to_u32(self.buffer.room().addr())
    }

    /// Decrypts in place the `len` bytes that were written, the next of `segment`, and returns how many clear bytes stand at the front
    /// then. Every piece but the last has the segment's `pieceLen`.
    #[wasm_bindgen(js_name = decryptPiece)]
    pub fn decrypt_piece(&mut self, segment: &mut KeyveilSegment, len: u32, is_last: bool) -> Result<u32, JsValue> {
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let clear_len = on_wiped_stack(|| segment.0.decrypt(&mut self.session, &mut self.buffer, len, is_last));
        if clear_len.is_err() {
            self.buffer.wipe();
        }
        to_u32(clear_len?)
    }

    /// Overwrites the clear piece once it was copied out.
    pub fn wipe(&mut self) {
        self.buffer.wipe();
    }
}

/// How far one segment is. It holds nothing secret.
#[wasm_bindgen]
pub struct KeyveilSegment(SegmentStream);

#[wasm_bindgen]
impl KeyveilSegment {
    /// The length of every piece but the last.
    #[wasm_bindgen(getter, js_name = pieceLen)]
    pub fn piece_len(&self) -> Result<u32, JsValue> {
        to_u32(self.0.piece_len())
    }

    /// What a ciphertext of that length can be in clear at most.
    #[wasm_bindgen(js_name = clearLenMax)]
    pub fn clear_len_max(&self, ciphertext_len: u32) -> Result<u32, JsValue> {
        to_u32(self.0.clear_len_max(usize::try_from(ciphertext_len).unwrap_or(usize::MAX))?)
    }
}

fn to_u32(number: usize) -> Result<u32, JsValue> {
    Ok(u32::try_from(number).map_err(|_| PlayerError::INTERNAL)?)
}

fn stated_level(level: &str, downgrade: Option<&str>) -> Result<StatedLevel, PlayerError> {
    Ok(StatedLevel::new(Some(level.parse()?), downgrade.map(str::parse).transpose()?)?)
}

/// JavaScript's numbers are doubles: what is no whole, positive number counts as the start.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, and NaN becomes 0")]
fn whole_ms(position_ms: f64) -> u64 {
    position_ms as u64
}
