//! How schemes spell a time.

use ::time::{Date, Month, OffsetDateTime, Time, UtcOffset};

use super::{VendorScheme, digits};

/// Digits of a time from 1978 to 2106.
const HEX_LEN: usize = 8;
const BEIJING_HOURS: i8 = 8;

/// As an address of the scheme has it.
pub(super) fn text(scheme: VendorScheme, secs: u64) -> String {
    match scheme {
        VendorScheme::A | VendorScheme::TencentD => secs.to_string(),
        VendorScheme::B => minute_text(secs).unwrap_or_default(),
        VendorScheme::CPath | VendorScheme::CQuery | VendorScheme::F | VendorScheme::TencentKey => format!("{secs:x}"),
    }
}

/// From an address of the scheme.
pub(super) fn parse(scheme: VendorScheme, text: &str) -> Option<u64> {
    match scheme {
        VendorScheme::A | VendorScheme::TencentD => digits(text)?.parse().ok(),
        VendorScheme::B => minute(text),
        VendorScheme::CPath | VendorScheme::CQuery | VendorScheme::F | VendorScheme::TencentKey => {
            // Of one length, because `tencent-key` has no mark between the time and what follows: digits of a limit, moved
            // here, would be a later time without the limit.
            let plain = text.len() == HEX_LEN && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            u64::from_str_radix(text, 16).ok().filter(|_| plain)
        }
    }
}

/// `YYYYMMDDHHMM` in UTC+8, the minute begun.
fn minute_text(secs: u64) -> Option<String> {
    let utc = OffsetDateTime::from_unix_timestamp(i64::try_from(secs).ok()?).ok()?;
    let there = utc.to_offset(UtcOffset::from_hms(BEIJING_HOURS, 0, 0).ok()?);
    let (year, month, day) = there.to_calendar_date();
    Some(format!("{year:04}{:02}{day:02}{:02}{:02}", u8::from(month), there.hour(), there.minute()))
}

fn minute(text: &str) -> Option<u64> {
    const LEN: usize = 12;
    let text = digits(text).filter(|text| text.len() == LEN)?;
    let part = |from: usize, len: usize| -> Option<u16> { text.get(from..from + len)?.parse().ok() };
    let small = |from: usize| -> Option<u8> { u8::try_from(part(from, 2)?).ok() };
    let date = Date::from_calendar_date(part(0, 4)?.into(), Month::try_from(small(4)?).ok()?, small(6)?).ok()?;
    let time = Time::from_hms(small(8)?, small(10)?, 0).ok()?;
    let offset = UtcOffset::from_hms(BEIJING_HOURS, 0, 0).ok()?;
    u64::try_from(date.with_time(time).assume_offset(offset).unix_timestamp()).ok()
}
