//! By the words that FIPS-197 prints, not by what this program expands.

use super::*;

/// FIPS-197, A.1.
const KEY_128: &str = "2b7e151628aed2a6abf7158809cf4f3c";
const WORDS_128: &str = "2b7e151628aed2a6abf7158809cf4f3ca0fafe1788542cb123a339392a6c7605f2c295f27a96b9435935807a7359f67f\
    3d80477d4716fe3e1e237e446d7a883bef44a541a8525b7fb671253bdb0bad00d4d1c6f87c839d87caf2b8bc11f915bc\
    6d88a37a110b3efddbf98641ca0093fd4e54f70e5f5fc9f384a64fb24ea6dc4fead27321b58dbad2312bf5607f8d292f\
    ac7766f319fadc2128d12941575c006ed014f9a8c9ee2589e13f0cc8b6630ca6";
/// FIPS-197, A.3.
const KEY_256: &str = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
const WORDS_256: &str = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff49ba354118e6925afa51a8b5f2067fcde\
    a8b09c1a93d194cdbe49846eb75d5b9ad59aecb85bf3c917fee94248de8ebe96b5a9328a2678a647983122292f6c79b3\
    812c81addadf48ba24360af2fab8b46498c5bfc9bebd198e268c3ba709e0421468007bacb2df331696e939e46c518d80\
    c814e20476a9fb8a5025c02d59c58239de1369676ccc5a71fa2563959674ee155886ca5d2e2f31d77e0af1fa27cf73c3\
    749c47ab18501ddae2757e4f7401905acafaaae3e4d59b349adf6acebd10190dfe4890d1e6188d0b046df344706c631e";
/// The equivalent inverse cipher's schedule of the key 000102…0f: FIPS-197, C.1 (`ik_sch` of its rounds 0 to 10).
const INVERSE_KEY_128: &str = "000102030405060708090a0b0c0d0e0f";
const INVERSE_ROUNDS_128: &str = "13111d7fe3944a17f307a78b4d2b30c513aa29be9c8faff6f770f58000f7bf031362a4638f2586486bff5a76f7874a83\
    8d82fc749c47222be4dadc3e9c7810f572e3098d11c5de5f789dfe1578a2cccb2ec410276326d7d26958204a003f32de\
    a8a2f5044de2c7f50a7ef79869671294c7c6e391e54032f1479c306d6319e50ca0db02992286d160a2dc029c2485d561\
    8c56dff0825dd3f9805ad3fc8659d7fd000102030405060708090a0b0c0d0e0f";

fn bytes(hex: &str) -> Vec<u8> {
    hex::decode(hex.replace(char::is_whitespace, "")).unwrap()
}

/// Round keys the other way round.
fn reversed(schedule: &[u8]) -> Vec<u8> {
    schedule.chunks_exact(16).rev().flatten().copied().collect()
}

fn swapped(schedule: &[u8]) -> Vec<u8> {
    schedule.chunks_exact(4).flat_map(|word| word.iter().rev()).copied().collect()
}

/// As a scan looks: at the first glance, too.
fn found_at(memory: &[u8]) -> Option<Found> {
    let words: Vec<u32> = memory.as_chunks().0.iter().map(|word| u32::from_ne_bytes(*word)).collect();
    may_begin(words.first_chunk().unwrap()).then(|| schedule_at(memory))?
}

#[test]
fn published_schedules_are_found_in_each_order_of_rounds_and_bytes() {
    for (key, schedule, decryption, as_printed) in [
        (KEY_128, WORDS_128, false, false),
        (KEY_256, WORDS_256, false, false),
        (INVERSE_KEY_128, INVERSE_ROUNDS_128, true, true),
    ] {
        let schedule = bytes(schedule);
        for (is_reversed, is_swapped) in [(false, false), (false, true), (true, false), (true, true)] {
            let mut memory = if is_reversed == as_printed { schedule.clone() } else { reversed(&schedule) };
            if is_swapped {
                memory = swapped(&memory);
            }
            memory.extend([0xA5; SCHEDULE_LEN_MAX]);
            let found = found_at(&memory).unwrap();
            assert_eq!(hex::encode(found.key), key);
            assert_eq!(found.form, Form { decryption, reversed: is_reversed, swapped: is_swapped });
        }
    }
}

#[test]
fn a_decryption_schedule_of_a_long_key_is_found() {
    let mut words = expand(&bytes(KEY_256));
    for word in &mut words[4..56] {
        (0..3).for_each(|_| mix_column(word));
    }
    let found = found_at(&words.concat()).unwrap();
    assert_eq!((hex::encode(&found.key).as_str(), found.form.decryption), (KEY_256, true));
    assert_eq!(found_at(&reversed(&words.concat())).unwrap().key, found.key);
}

#[test]
fn what_is_no_schedule_is_not_found() {
    for schedule in [WORDS_128, WORDS_256, INVERSE_ROUNDS_128] {
        let schedule = bytes(schedule);
        for at in 0..schedule.len() {
            let mut altered = schedule.clone();
            altered[at] ^= 1;
            assert_eq!(schedule_at(&altered), None, "altered at {at}");
        }
        assert_eq!(schedule_at(&schedule[..schedule.len() - 1]), None, "cut off");
        assert_eq!(schedule_at(&schedule[4..]), None, "begun too late");
    }
    for value in [0, 1, 0xFF] {
        assert_eq!(schedule_at(&[value; SCHEDULE_LEN_MAX]), None);
    }
}
