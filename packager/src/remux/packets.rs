//! MPEG transport stream packets (ISO/IEC 13818-1) of one elementary stream.

const PACKET: usize = 188;
/// Of a packet, behind its header.
const PAYLOAD: usize = PACKET - 4;
/// Packets of a stream are counted modulo this.
const COUNTERS: usize = 16;
const SYNC: u8 = 0x47;
const PAT_PID: u16 = 0;
const PMT_PID: u16 = 0x1000;
const MEDIA_PID: u16 = 0x100;
/// Its own name for the one program.
const PROGRAM: u16 = 1;
/// The clock reference runs this far ahead of decoding, in 90 kHz ticks: what a player may have to buffer.
const DELAY_TICKS: i64 = 63_000;
const TICKS_MASK: i64 = (1 << 33) - 1;

/// What the stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    H264,
    Aac,
}

/// When a unit is shown and decoded, in 90 kHz ticks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub shown_at: i64,
    pub decoded_at: i64,
}

/// Writes the packets of one segment, which starts with its own tables.
#[derive(Debug)]
pub(super) struct Packets {
    kind: Kind,
    bytes: Vec<u8>,
    counter: u8,
}

impl Packets {
    /// `media_len`: about what will be written, so that the memory is asked for once.
    pub(super) fn new(kind: Kind, number: u32, media_len: usize) -> Self {
        let mut packets = Self { kind, bytes: Vec::with_capacity(media_len / 20 * 21 + 16 * PACKET), counter: 0 };
        packets.table(PAT_PID, number, &pat());
        packets.table(PMT_PID, number, &pmt(kind));
        packets
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.bytes
    }

    /// A table that fits into one packet; there is one of it in each segment.
    fn table(&mut self, pid: u16, number: u32, section: &[u8]) {
        let from = self.bytes.len();
        let counter = (number % COUNTERS as u32) as u8;
        self.bytes.extend_from_slice(&[SYNC, 0x40 | (pid >> 8) as u8, pid as u8, 0x10 | counter, 0]);
        self.bytes.extend_from_slice(section);
        self.bytes.extend_from_slice(&crc32(section).to_be_bytes());
        self.bytes.resize(from + PACKET, 0xff);
    }

    /// One access unit of video, or some frames of sound: a PES packet. A decoder can begin at one that `is_sync`. The
    /// last one of a segment takes as many packets as make the counter end where each segment begins: so segments can
    /// be made side by side, and joined without a gap in it.
    pub(super) fn unit(&mut self, times: Times, is_sync: bool, is_last: bool, parts: &[&[u8]]) {
        let header = self.pes_header(times, parts.iter().map(|part| part.len()).sum());
        let adaptation = adaptation(times, is_sync);
        let mut left = header.len() + parts.iter().map(|part| part.len()).sum::<usize>();
        let mut packets = (left + adaptation.len()).div_ceil(PAYLOAD);
        if is_last {
            let end = usize::from(self.counter) + packets;
            packets = (packets + end.next_multiple_of(COUNTERS) - end).min(left);
        }
        let mut source = Parts { parts, head: &header, at: 0 };
        let mut fields = adaptation.as_slice();
        let mut start = 0x40;
        while left > 0 {
            packets = packets.saturating_sub(1);
            // Each of the packets to come gets a byte at least.
            let take = (PAYLOAD - fields.len()).min(left - packets.min(left - 1));
            self.packet(start, fields, take, &mut source);
            left -= take;
            (fields, start) = (&[], 0);
        }
    }

    fn packet(&mut self, start: u8, fields: &[u8], take: usize, source: &mut Parts<'_>) {
        let len = PAYLOAD - take;
        let control = if len > 0 { 0x30 } else { 0x10 };
        let head = [SYNC, start | (MEDIA_PID >> 8) as u8, MEDIA_PID as u8, control | self.counter];
        self.counter = (self.counter + 1) % COUNTERS as u8;
        self.bytes.extend_from_slice(&head);
        // The adaptation field: its length without that byte, flags, what they announce, and stuffing.
        if len > 0 {
            self.bytes.push((len - 1) as u8);
        }
        if len > 1 {
            self.bytes.push(fields.get(1).copied().unwrap_or(0));
            self.bytes.extend_from_slice(fields.get(2..).unwrap_or_default());
            self.bytes.resize(self.bytes.len() + len - fields.len().max(2), 0xff);
        }
        source.copy(take, &mut self.bytes);
    }

    fn pes_header(&self, times: Times, payload_len: usize) -> Vec<u8> {
        let stream = if self.kind == Kind::H264 { 0xe0 } else { 0xc0 };
        let mut stamps = Vec::with_capacity(10);
        if times.shown_at == times.decoded_at {
            stamps.extend_from_slice(&stamp(0x20, times.shown_at));
        } else {
            stamps.extend_from_slice(&stamp(0x30, times.shown_at));
            stamps.extend_from_slice(&stamp(0x10, times.decoded_at));
        }
        // Video may be longer than the field can say; 0 is then allowed.
        let len = u16::try_from(3 + stamps.len() + payload_len).unwrap_or(0);
        let len = if self.kind == Kind::H264 { 0 } else { len };
        let flags = if stamps.len() > 5 { 0xc0 } else { 0x80 };
        let mut header = vec![0, 0, 1, stream];
        header.extend_from_slice(&len.to_be_bytes());
        header.extend_from_slice(&[0x84, flags, stamps.len() as u8]);
        header.extend_from_slice(&stamps);
        header
    }
}

/// The parts of a unit as one run of bytes.
struct Parts<'a> {
    head: &'a [u8],
    parts: &'a [&'a [u8]],
    at: usize,
}

impl Parts<'_> {
    fn copy(&mut self, mut take: usize, into: &mut Vec<u8>) {
        while take > 0 {
            let rest = self.head.get(self.at..).unwrap_or_default();
            let some = rest.get(..take.min(rest.len())).unwrap_or_default();
            into.extend_from_slice(some);
            take -= some.len();
            self.at += some.len();
            if self.at >= self.head.len() {
                let Some((next, parts)) = self.parts.split_first() else { return };
                (self.head, self.parts, self.at) = (next, parts, 0);
            }
        }
    }
}

/// The adaptation field of a unit's first packet, with room for its length: the clock, and whether decoding can begin.
fn adaptation(times: Times, is_sync: bool) -> Vec<u8> {
    let mut field = vec![0, 0x10 | if is_sync { 0x40 } else { 0 }];
    let base = (times.decoded_at - DELAY_TICKS) & TICKS_MASK;
    // 33 bits of base, 6 reserved, 9 of extension.
    let bits = (base as u64) << 15 | 0x7e00;
    field.extend_from_slice(bits.to_be_bytes().get(2..).unwrap_or_default());
    field
}

/// 33 bits in five bytes, with marker bits in between.
fn stamp(prefix: u8, ticks: i64) -> [u8; 5] {
    let ticks = (ticks & TICKS_MASK) as u64;
    let part = |shift: u32| ((ticks >> shift) & 0x7fff) << 1 | 1;
    let [high, low] = (part(15) as u16).to_be_bytes();
    let [last_high, last_low] = (part(0) as u16).to_be_bytes();
    [prefix | ((ticks >> 30) << 1 | 1) as u8, high, low, last_high, last_low]
}

fn pat() -> Vec<u8> {
    let mut section = vec![0x00, 0xb0, 13, 0, 1, 0xc1, 0, 0];
    section.extend_from_slice(&PROGRAM.to_be_bytes());
    section.extend_from_slice(&(0xe000 | PMT_PID).to_be_bytes());
    section
}

fn pmt(kind: Kind) -> Vec<u8> {
    let stream_type = if kind == Kind::H264 { 0x1b } else { 0x0f };
    let mut section = vec![0x02, 0xb0, 18];
    section.extend_from_slice(&PROGRAM.to_be_bytes());
    section.extend_from_slice(&[0xc1, 0, 0]);
    section.extend_from_slice(&(0xe000 | MEDIA_PID).to_be_bytes());
    section.extend_from_slice(&[0xf0, 0, stream_type]);
    section.extend_from_slice(&(0xe000 | MEDIA_PID).to_be_bytes());
    section.extend_from_slice(&[0xf0, 0]);
    section
}

/// Annex A of the standard.
fn crc32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << 24, |crc, _| crc << 1 ^ if crc >> 31 == 1 { 0x04c1_1db7 } else { 0 })
    })
}

#[cfg(test)]
mod tests;
