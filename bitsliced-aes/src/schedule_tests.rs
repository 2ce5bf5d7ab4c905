use super::*;

const KEY: Block = *b"\x2b\x7e\x15\x16\x28\xae\xd2\xa6\xab\xf7\x15\x88\x09\xcf\x4f\x3c";
/// FIPS 197, A.1: the first and last words that KEY is expanded to.
const ROUND_1: Block = *b"\xa0\xfa\xfe\x17\x88\x54\x2c\xb1\x23\xa3\x39\x39\x2a\x6c\x76\x05";
const ROUND_10: Block = *b"\xd0\x14\xf9\xa8\xc9\xee\x25\x89\xe1\x3f\x0c\xc8\xb6\x63\x0c\xa6";

fn expanded(seed: u8) -> Schedule {
    let mut schedule = Schedule::blank();
    schedule.expand(&KEY, &[seed; 16]);
    schedule
}

fn bytes(vector: Vector) -> Block {
    let mut bytes = [0; 16];
    vector.store(&mut bytes);
    bytes
}

/// The round key in standard form.
fn joined(key: &RoundKey, constant: u8) -> Block {
    let mut block = [constant; 16];
    for (row, (share, mask)) in key.rows().enumerate() {
        for (at, bit) in share.iter().enumerate() {
            let lanes = bytes(*bit ^ *mask);
            for column in 0..4 {
                assert!(
                    lanes[4 * column..4 * column + 4]
                        .iter()
                        .all(|byte| *byte == lanes[4 * column] && (*byte == 0 || *byte == 255))
                );
                block[4 * column + row] ^= (lanes[4 * column] & 1) << at;
            }
        }
    }
    block
}

fn memory(schedule: &Schedule) -> impl Iterator<Item = Block> {
    schedule.0.iter().flat_map(|key| key.share.iter().flatten().chain(&key.mask)).map(|vector| bytes(*vector))
}

#[test]
fn the_shares_join_to_the_schedule_of_the_standard() {
    let schedule = expanded(7);
    assert_eq!(joined(&schedule.0[0], 0), KEY);
    assert_eq!(joined(&schedule.0[1], 0x63), ROUND_1);
    assert_eq!(joined(&schedule.0[10], 0x63), ROUND_10);
}

#[test]
fn no_share_has_a_lane_of_equal_bits() {
    let plain = |block: &Block| block.chunks(4).any(|lane| lane == [0; 4] || lane == [255; 4]);
    assert!(!memory(&expanded(7)).any(|block| plain(&block)));
    // What the search would find without masks.
    assert!(plain(&bytes(spread(&KEY)[0][0])));
}

#[test]
fn nothing_stays_the_same_under_another_seed() {
    let (one, other) = (expanded(7), expanded(8));
    assert!(memory(&one).zip(memory(&other)).all(|(one, other)| one != other));
    assert!(memory(&one).zip(memory(&expanded(7))).all(|(one, again)| one == again));
}
