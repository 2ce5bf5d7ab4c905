//! Fragmented MP4: an init segment, and one movie fragment for each segment (ISO/IEC 14496-12, section 8.8).

use std::io;

use mp4_atom::{
    Edts, Elst, ElstEntry, Encode, FourCC, Ftyp, Mfhd, Moof, Moov, Mvex, Mvhd, Stco, Styp, Tfdt, Tfhd, Traf, Trex,
    Trun, TrunEntry, TrunSamples,
};

use super::{
    movie::Track,
    reader::{Media, samples},
    spans::Span,
    tables::Sample,
};

/// In every file of ours there is one track.
const TRACK_ID: u32 = 1;
/// Sample flags: depends on no other; depends on others and is no place to start at.
const SYNC: u32 = 0x0200_0000;
const NO_SYNC: u32 = 0x0101_0000;

/// The track's description, as the file has it, without times of making and names.
pub(super) fn init(track: &Track) -> Result<Vec<u8>, mp4_atom::Error> {
    let mut bytes = Vec::new();
    ftyp().encode(&mut bytes)?;
    let mut trak = track.trak.clone();
    (trak.meta, trak.udta, trak.tref, trak.senc) = (None, None, None, None);
    (trak.tkhd.creation_time, trak.tkhd.modification_time) = (0, 0);
    (trak.tkhd.track_id, trak.tkhd.duration) = (TRACK_ID, 0);
    (trak.tkhd.enabled, trak.tkhd.in_movie) = (true, true);
    (trak.mdia.mdhd.creation_time, trak.mdia.mdhd.modification_time) = (0, 0);
    trak.mdia.mdhd.duration = 0;
    trak.mdia.hdlr.name = "Handler".into();
    trak.mdia.minf.stbl.stco = Some(Stco::default());
    // Without a length: it holds for all fragments.
    let edit = ElstEntry { segment_duration: 0, media_time: u64::try_from(track.zero).ok(), media_rate: 1.into() };
    trak.edts = (track.zero != 0).then_some(Edts { elst: Some(Elst { entries: vec![edit] }) });
    let mvhd = Mvhd { timescale: track.movie_timescale, next_track_id: TRACK_ID + 1, ..Mvhd::default() };
    let trex = Trex { track_id: TRACK_ID, default_sample_description_index: 1, ..Trex::default() };
    let mvex = Some(Mvex { mehd: None, trex: vec![trex] });
    Moov { mvhd, mvex, trak: vec![trak], ..Moov::default() }.encode(&mut bytes)?;
    Ok(bytes)
}

fn ftyp() -> Ftyp {
    let brand = |name| FourCC::new(name);
    // iso5: offsets count from the fragment.
    let compatible_brands = vec![brand(b"iso5"), brand(b"iso6"), brand(b"mp41")];
    Ftyp { major_brand: brand(b"iso5"), minor_version: 512, compatible_brands }
}

/// One segment.
pub(super) fn fragment(track: &Track, span: &Span, number: u32, media: &Media) -> io::Result<Vec<u8>> {
    let samples = samples(&track.tables, span);
    let too_large = || io::Error::new(io::ErrorKind::InvalidData, "a part of it is too large for a fragment");
    let mdat_len = u32::try_from(span.bytes + 8).map_err(|_| too_large())?;
    let mut bytes = Vec::new();
    let segment = FourCC::new(b"msdh");
    let styp = Styp { major_brand: segment, minor_version: 0, compatible_brands: vec![segment] };
    styp.encode(&mut bytes).map_err(io::Error::other)?;
    let styp_len = bytes.len();
    let mut moof = moof(&samples, number).map_err(|_| too_large())?;
    moof.encode(&mut bytes).map_err(io::Error::other)?;
    // Now that its length is known, which the offset does not change.
    let offset = i32::try_from(bytes.len() - styp_len + 8).map_err(|_| too_large())?;
    for run in moof.traf.iter_mut().flat_map(|traf| &mut traf.trun) {
        run.data_offset = Some(offset);
    }
    bytes.truncate(styp_len);
    moof.encode(&mut bytes).map_err(io::Error::other)?;
    // Room for the padding too, so that sealing moves nothing.
    bytes.reserve_exact(mdat_len as usize + 64);
    bytes.extend_from_slice(&mdat_len.to_be_bytes());
    bytes.extend_from_slice(b"mdat");
    media.append(&samples, &mut bytes)?;
    Ok(bytes)
}

/// What all samples share stands once.
fn moof(samples: &[Sample], number: u32) -> Result<Moof, std::num::TryFromIntError> {
    let shared = |same: bool| same.then(|| samples.first()).flatten();
    let all = |is_same: fn(&Sample, &Sample) -> bool| samples.windows(2).all(|pair| is_same(&pair[0], &pair[1]));
    let duration = shared(all(|one, next| one.duration == next.duration)).map(|sample| sample.duration);
    let flags = |sample: &Sample| if sample.is_sync { SYNC } else { NO_SYNC };
    let same_flags = shared(all(|one, next| one.is_sync == next.is_sync)).map(flags);
    let has_shift = samples.iter().any(|sample| sample.shift != 0);
    let entries = samples.iter().map(|sample| TrunEntry {
        duration: duration.is_none().then_some(sample.duration),
        size: Some(sample.size),
        flags: same_flags.is_none().then(|| flags(sample)),
        cts: has_shift.then_some(sample.shift),
    });
    let tfhd = Tfhd {
        track_id: TRACK_ID,
        default_sample_duration: duration,
        default_sample_flags: same_flags,
        default_base_is_moof: true,
        ..Tfhd::default()
    };
    let decoded_at = u64::try_from(samples.first().map_or(0, |sample| sample.decoded_at))?;
    let trun = Trun { data_offset: Some(0), samples: TrunSamples::Explicit(entries.collect()) };
    let tfdt = Some(Tfdt { base_media_decode_time: decoded_at });
    let traf = Traf { tfhd, tfdt, trun: vec![trun], ..Traf::default() };
    Ok(Moof { mfhd: Mfhd { sequence_number: number.saturating_add(1) }, traf: vec![traf] })
}
