use super::*;

/// Payload of the media packets, their counters, and how many start a unit.
fn read(bytes: &[u8]) -> (Vec<u8>, Vec<u8>, usize) {
    let (mut payload, mut counters, mut starts) = (Vec::new(), Vec::new(), 0);
    assert_eq!(bytes.len() % PACKET, 0);
    for packet in bytes.chunks_exact(PACKET).skip(2) {
        assert_eq!((packet[0], packet[2]), (SYNC, MEDIA_PID as u8));
        let skipped = if packet[3] & 0x20 == 0 { 0 } else { usize::from(packet[4]) + 1 };
        payload.extend_from_slice(&packet[4 + skipped..]);
        counters.push(packet[3] & 0x0f);
        starts += usize::from(packet[1] & 0x40 != 0);
    }
    (payload, counters, starts)
}

#[test]
fn units_of_every_length_come_out_whole_and_the_counter_ends_where_it_began() {
    let times = Times { shown_at: 3600, decoded_at: 0 };
    for len in (1..800).chain([10_000]) {
        let body: Vec<_> = (0..len).map(|number| number as u8).collect();
        let mut packets = Packets::new(Kind::H264, 0, 2 * len);
        packets.unit(times, true, false, &[&body[..len / 2], &body[len / 2..]]);
        packets.unit(times, false, true, &[&body]);
        let (payload, counters, starts) = read(&packets.finish());
        let header = payload.len() / 2 - len;
        assert_eq!(payload[..4], [0, 0, 1, 0xe0]);
        assert!(payload[header..header + len] == body && payload[len + 2 * header..] == body, "{len}");
        let in_order = counters.iter().enumerate().all(|(at, counter)| *counter == (at % COUNTERS) as u8);
        assert!(in_order && counters.len() % COUNTERS == 0 && starts == 2, "{len}: {counters:?}");
    }
}

#[test]
fn check_sum_and_time_stamps_are_as_the_standard_has_them() {
    // The remainder over a section and its own check sum is 0.
    let section = pmt(Kind::Aac);
    assert_eq!(crc32(&[section.clone(), crc32(&section).to_be_bytes().to_vec()].concat()), 0);
    assert_eq!(crc32(b"123456789"), 0x0376_e6e7);
    assert_eq!(stamp(0x20, 0), [0x21, 0, 1, 0, 1]);
    assert_eq!(stamp(0x20, TICKS_MASK), [0x2f, 0xff, 0xff, 0xff, 0xff]);
    assert_eq!(stamp(0x20, 90_000), [0x21, 0, 5, 0xbf, 0x21]);
}
