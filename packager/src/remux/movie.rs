//! Reads the index of an MP4 file (the moov box) and decides whether its tracks are plain enough.

use keyveil_protocol::api::RenditionKind;
use mp4_atom::{Codec, Decode, DrefEntry, FourCC, Moov, Trak};

use super::{
    reader::Media,
    spans::{self, Span, Walked},
    tables::Tables,
};
use crate::plan::{Making, Plan};

/// An index for many hours; larger ones are ffmpeg's.
const INDEX_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Boxes at the top of a file that are looked at.
const BOXES_MAX: usize = 64;
/// What starts or ends this much off is taken to be in time; so far off may sound begin before the picture (its priming).
const TOLERANCE_SECS: f64 = 0.001;
const PRIMING_SECS_MAX: f64 = 0.1;
const END_TOLERANCE_SECS: f64 = 0.1;
/// AAC-LC as MPEG-4 audio names it; beyond, the sample rate is written out, which ADTS can't say.
const OBJECT_TYPE_AAC: u8 = 0x40;
const PROFILE_LC: u8 = 2;
const FREQUENCIES: u8 = 13;
const CHANNELS_MAX: u8 = 7;

/// A track to copy.
#[derive(Debug)]
pub(super) struct Track {
    /// The file's own description of it, its tables gone.
    pub trak: Trak,
    pub movie_timescale: u32,
    pub timescale: u32,
    /// The time in the track's own ticks that is time 0 of the title.
    pub zero: i64,
    pub tables: Tables,
    pub spans: Vec<Span>,
}

/// The tracks of a plan's renditions, in their order; `None` for whatever is ffmpeg's to read.
pub(super) fn tracks(media: &Media, plan: &Plan) -> Option<Vec<Track>> {
    let movie = read_index(media)?;
    if movie.mvex.is_some() || movie.trak.iter().filter(|trak| is(trak, b"vide")).count() != 1 {
        return None;
    }
    let mut pictures = movie.trak.iter().filter(|trak| is(trak, b"vide"));
    let mut sounds = movie.trak.iter().filter(|trak| is(trak, b"soun"));
    let tracks = plan.renditions.iter().map(|planned| {
        let trak = match planned.kind() {
            RenditionKind::Video => pictures.next()?,
            RenditionKind::Audio => sounds.next()?,
            RenditionKind::Subtitles => return None,
        };
        let fits = match (&planned.making, trak.mdia.minf.stbl.stsd.codecs.as_slice()) {
            (Making::CopyVideo { hevc: false, is_late: false, .. }, [Codec::Avc1(entry)]) => {
                matches!(entry.avcc.length_size, 1 | 2 | 4)
            }
            (Making::CopyAudio { is_late: false, .. }, [Codec::Mp4a(entry)]) => {
                let config = &entry.esds.es_desc.dec_config;
                config.object_type_indication == OBJECT_TYPE_AAC
                    && config.dec_specific.as_ref().is_some_and(|own| {
                        let is_plain = own.profile == PROFILE_LC && own.freq_index < FREQUENCIES;
                        is_plain && (1..=CHANNELS_MAX).contains(&own.chan_conf)
                    })
            }
            _ => false,
        };
        let is_own = trak.mdia.minf.dinf.dref.entries.iter().all(is_in_this_file);
        if fits && is_own { Track::new(trak, movie.mvhd.timescale, plan, media.len) } else { None }
    });
    tracks.collect()
}

fn is(trak: &Trak, handler: &[u8; 4]) -> bool {
    trak.mdia.hdlr.handler == FourCC::new(handler)
}

fn is_in_this_file(entry: &DrefEntry) -> bool {
    matches!(entry, DrefEntry::Url(url) if url.location.is_empty())
}

/// Boxes: size (4), type (4), large size (8) when size is 1.
fn read_index(media: &Media) -> Option<Moov> {
    let mut at = 0_u64;
    for _ in 0..BOXES_MAX {
        let mut header = [0; 16];
        media.read(at, header.get_mut(..8)?).ok()?;
        let [a, b, c, d, kind @ ..] = *header.first_chunk::<8>()?;
        let size = match u32::from_be_bytes([a, b, c, d]) {
            1 => {
                media.read(at + 8, header.get_mut(8..)?).ok()?;
                u64::from_be_bytes(*header.last_chunk()?)
            }
            size => size.into(),
        };
        if kind == *b"moov" {
            let size = usize::try_from(size).ok().filter(|_| (8..=INDEX_BYTES_MAX).contains(&size))?;
            let mut index = vec![0; size];
            media.read(at, &mut index).ok()?;
            return Moov::decode(&mut index.as_slice()).ok();
        }
        at = at.checked_add(size).filter(|_| size >= 8)?;
    }
    None
}

impl Track {
    fn new(trak: &Trak, movie_timescale: u32, plan: &Plan, file_len: u64) -> Option<Self> {
        let timescale = trak.mdia.mdhd.timescale;
        if timescale == 0 || movie_timescale == 0 {
            return None;
        }
        let mut trak = trak.clone();
        let stbl = std::mem::take(&mut trak.mdia.minf.stbl);
        trak.mdia.minf.stbl.stsd = stbl.stsd.clone();
        let tables = Tables::new(stbl)?;
        let walked = spans::cut(&tables, timescale, plan.choices.segment_secs, file_len)?;
        let zero = zero(&trak, movie_timescale, &walked)?;
        let secs = |ticks: i64| ticks as f64 / f64::from(timescale);
        let starts_at = secs(walked.shown_from.checked_sub(zero)?);
        let early = if is(&trak, b"soun") { PRIMING_SECS_MAX } else { TOLERANCE_SECS };
        let in_time = (-early..=TOLERANCE_SECS).contains(&starts_at);
        // ffmpeg cuts off what goes on beyond that.
        let ends = secs(walked.shown_to.checked_sub(zero)?) < plan.secs_max;
        let track = Self { trak, movie_timescale, timescale, zero, tables, spans: walked.spans };
        (in_time && ends).then_some(track)
    }

    /// The time in ticks of 90 kHz at which a tick of the track is, counted from time 0 of the title.
    pub(super) fn at_90khz(&self, ticks: i64) -> i64 {
        let ticks = (i128::from(ticks) - i128::from(self.zero)) * 90_000;
        let rounded = (ticks + i128::from(self.timescale) / 2).div_euclid(i128::from(self.timescale));
        i64::try_from(rounded).unwrap_or(i64::MAX)
    }
}

/// What the edit list says time 0 is; none when it says more than that.
fn zero(trak: &Trak, movie_timescale: u32, walked: &Walked) -> Option<i64> {
    let entries = trak.edts.as_ref().and_then(|edits| edits.elst.as_ref()).map(|list| list.entries.as_slice());
    match entries.unwrap_or_default() {
        [] => Some(0),
        [edit] => {
            let zero = i64::try_from(edit.media_time?).ok()?;
            let is_normal = (edit.media_rate.integer(), edit.media_rate.decimal()) == (1, 0);
            let timescale = f64::from(trak.mdia.mdhd.timescale);
            let lasts_secs = edit.segment_duration as f64 / f64::from(movie_timescale);
            let has_secs = walked.shown_to.checked_sub(zero)? as f64 / timescale;
            let is_whole = edit.segment_duration == 0 || lasts_secs >= has_secs - END_TOLERANCE_SECS;
            (is_normal && is_whole).then_some(zero)
        }
        _ => None,
    }
}
