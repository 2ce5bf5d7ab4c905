//! What JavaScript in the worker sees. Errors are thrown as their stable code, a string. What has to do with keys runs on a stack that is wiped
//! before JavaScript goes on.

use keyveil_protocol::{Period, SegmentRef, StatedLevel};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use crate::sdk_build::SdkBuild;
use crate::segment_buffer::SegmentBuffer;
use crate::session::{PlayerError, Session};
use crate::wiped_stack::on_wiped_stack;

impl From<PlayerError> for JsValue {
    fn from(refusal: PlayerError) -> Self {
        Self::from_str(refusal.0.as_str())
    }
}

/// A playback session with the buffer its segments are decrypted in.
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
        Ok(Self { session: Session::new(build), buffer: SegmentBuffer::default() })
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

    /// Where the ciphertext of the next segment is to be written, as an address in this module's memory.
    pub fn reserve(&mut self, len: u32) -> Result<u32, JsValue> {
        let address = self.buffer.reserve(usize::try_from(len).unwrap_or(usize::MAX))?.addr();
        Ok(u32::try_from(address).map_err(|_| PlayerError::INTERNAL)?)
    }

    /// Decrypts in place what was written; `reference` is the segment URL's fragment (`keyveil=…`). Returns the clear length.
    pub fn decrypt(&mut self, reference: &str) -> Result<u32, JsValue> {
        let clear_len = on_wiped_stack(|| self.decrypt_segment(reference));
        if clear_len.is_err() {
            self.buffer.wipe();
        }
        Ok(clear_len?)
    }

    /// Overwrites the clear segment once it was copied out.
    pub fn wipe(&mut self) {
        self.buffer.wipe();
    }
}

impl KeyveilSession {
    fn decrypt_segment(&mut self, reference: &str) -> Result<u32, PlayerError> {
        let segment: SegmentRef = reference.parse()?;
        let mut mask_seed = [0; 16];
        getrandom::fill(&mut mask_seed).map_err(|_| PlayerError::INTERNAL)?;
        let key = self.session.segment_key(&segment)?;
        let clear_len = self.buffer.decrypt(key, &mask_seed)?;
        u32::try_from(clear_len).map_err(|_| PlayerError::INTERNAL)
    }
}

fn stated_level(level: &str, downgrade: Option<&str>) -> Result<StatedLevel, PlayerError> {
    Ok(StatedLevel::new(Some(level.parse()?), downgrade.map(str::parse).transpose()?)?)
}

/// JavaScript's numbers are doubles: what is no whole, positive number counts as the start.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, and NaN becomes 0")]
fn whole_ms(position_ms: f64) -> u64 {
    position_ms as u64
}
