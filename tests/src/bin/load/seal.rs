//! What cannot be less: the HPKE seal of a grant by itself, and an fsync by itself.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use keyveil_protocol::{
    Period, PeriodKeyEntry, PlayGrant, Psk, PskSecret, RecipientPublicKey, Sealing, ServerKey, SessionId,
    SessionMacKey, TitleSecret, TrackClass,
};

use crate::world::rng;
use crate::{Failure, cpu};

/// Seals of one measurement.
const SEALS: u32 = 400;
/// A commit's pages in the log, about.
const FSYNC_LEN: usize = 16 * 1024;

/// A play grant of two periods and four classes, and what it is sealed with.
pub(crate) struct Grant {
    server_key: ServerKey,
    psk: Psk,
    recipient: RecipientPublicKey,
    grant: PlayGrant,
}

impl Grant {
    pub(crate) fn new() -> Result<Self, Failure> {
        let secret = TitleSecret::from_bytes([3; 32]);
        let mut keys = Vec::new();
        for period in [Period(0), Period(1)] {
            for track_class in TrackClass::ALL {
                keys.push(PeriodKeyEntry { track_class, period, key: secret.period_key(track_class, period) });
            }
        }
        let (session_id, mac_key) = (SessionId::from_bytes([1; 16]), SessionMacKey::from_bytes([2; 32]));
        Ok(Self {
            server_key: ServerKey::from_bytes("bench".parse()?, &[7; 32])?,
            psk: Psk::new("bench", PskSecret::from_bytes([9; 32])),
            // Any key will do: it is not opened.
            recipient: RecipientPublicKey::parse("CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")?,
            grant: PlayGrant { session_id, mac_key, expires_at: 1, keys, segment_keys: Vec::new() },
        })
    }

    pub(crate) fn seal(&self) -> Result<(), Failure> {
        let request_body = [b'x'; 500];
        let (recipient, server_key) = (&self.recipient, &self.server_key);
        let sealing = Sealing { request_body: &request_body, recipient, server_key, psk: &self.psk };
        std::hint::black_box(self.grant.seal(&sealing, &mut rng())?);
        Ok(())
    }
}

/// Processor time of one seal, in microseconds.
pub(crate) fn seal_micros() -> Result<f64, Failure> {
    let grant = Grant::new()?;
    let before = cpu::of_thread()?;
    for _ in 0..SEALS {
        grant.seal()?;
    }
    let spent = cpu::of_thread()?.saturating_sub(before);
    Ok(spent.as_secs_f64() * 1e6 / f64::from(SEALS))
}

/// How often in a second a few pages can be appended to a file of this folder and synced.
pub(crate) fn fsyncs_per_sec(folder: &Path, time: Duration) -> Result<f64, Failure> {
    let path = folder.join("fsync-rate");
    let mut file = File::create(&path)?;
    let (start, mut count) = (Instant::now(), 0u32);
    while start.elapsed() < time {
        file.write_all(&[0x55; FSYNC_LEN])?;
        file.sync_data()?;
        count += 1;
    }
    let rate = f64::from(count) / start.elapsed().as_secs_f64();
    std::fs::remove_file(path)?;
    Ok(rate)
}
