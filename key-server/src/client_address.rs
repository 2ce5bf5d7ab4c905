//! Who is at the other end: the peer, or the client of a proxy that is trusted to say so.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};
use keyveil_protocol::ErrorCode;
use serde::Deserialize;

use crate::refusal::Refusal;

/// Addresses of a header that are read: a chain of proxies is shorter.
const HOPS_MAX: usize = 32;

/// An address, or a range of them as `192.0.2.0/24` or `2001:db8::/32`. IPv4-mapped IPv6 counts as IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct AddressRange(IpNet);

/// The text is no address and no range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an IP address such as 192.0.2.1 or a range such as 192.0.2.0/24 or 2001:db8::/32")]
pub struct AddressRangeError;

impl AddressRange {
    /// Whether the address is one of the range.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for AddressRange {
    type Err = AddressRangeError;

    fn from_str(text: &str) -> Result<Self, AddressRangeError> {
        let range = match text.parse() {
            Ok(address) => IpNet::from(IpAddr::to_canonical(&address)),
            Err(_) => canonical(text.parse().map_err(|_| AddressRangeError)?),
        };
        Ok(Self(range.trunc()))
    }
}

impl TryFrom<String> for AddressRange {
    type Error = AddressRangeError;

    fn try_from(text: String) -> Result<Self, AddressRangeError> {
        text.parse()
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() { self.0.addr().fmt(f) } else { self.0.fmt(f) }
    }
}

/// Whether an address is of one of the ranges.
pub(crate) fn is_within(ranges: &[AddressRange], address: IpAddr) -> bool {
    ranges.iter().any(|range| range.contains(address))
}

/// The client's address, IPv4 where it is IPv4-mapped. `forwarded_for` are the values of `X-Forwarded-For` in the order
/// of the request. Each proxy puts the address that it sees behind those it was told, so they are read from the right as
/// long as who said so is trusted; what stands further left is whatever a client likes to send, and is not even parsed.
pub(crate) fn client_address<'a>(
    peer: IpAddr,
    forwarded_for: impl DoubleEndedIterator<Item = &'a [u8]>,
    trusted_proxies: &[AddressRange],
) -> Result<IpAddr, Refusal> {
    let mut client = peer.to_canonical();
    let mut hops = forwarded_for.rev().flat_map(|value| value.rsplit(|byte| *byte == b','));
    for _ in 0..HOPS_MAX {
        if !is_within(trusted_proxies, client) {
            return Ok(client);
        }
        let Some(hop) = hops.next() else { return Ok(client) };
        client = parse_hop(hop).ok_or_else(|| malformed("X-Forwarded-For of a trusted proxy can't be read"))?;
    }
    Err(malformed("X-Forwarded-For names too many trusted proxies"))
}

/// An address; some proxies add the port, and brackets to IPv6.
fn parse_hop(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim_matches([' ', '\t']);
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let address = text.parse().ok().or_else(|| text.parse().ok().map(|with_port: SocketAddr| with_port.ip()));
    Some(address.or_else(bracketed)?.to_canonical())
}

/// `::ffff:192.0.2.0/120` is `192.0.2.0/24`.
fn canonical(range: IpNet) -> IpNet {
    const MAPPED_PREFIX: u8 = 96;
    let mapped = |range: IpNet| {
        let IpAddr::V4(address) = range.network().to_canonical() else { return None };
        Ipv4Net::new(address, range.prefix_len().checked_sub(MAPPED_PREFIX)?).ok()
    };
    match range {
        IpNet::V6(_) => mapped(range).map_or(range, IpNet::V4),
        IpNet::V4(_) => range,
    }
}

fn malformed(cause: &'static str) -> Refusal {
    Refusal::new(ErrorCode::MalformedRequest, cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXIES: [&str; 3] = ["127.0.0.1", "10.0.0.0/8", "2001:db8:1::/48"];

    fn client(peer: &str, forwarded_for: &[&str]) -> Result<String, ErrorCode> {
        let trusted = PROXIES.map(|text| text.parse().unwrap());
        let values = forwarded_for.iter().map(|value| value.as_bytes());
        let client = client_address(peer.parse().unwrap(), values, &trusted);
        client.map(|address| address.to_string()).map_err(|refusal| refusal.code())
    }

    #[test]
    fn only_a_trusted_peer_may_name_another_address() {
        for forwarded_for in [&[][..], &["198.51.100.1"], &["nonsense"], &[""]] {
            assert_eq!(client("203.0.113.1", forwarded_for).unwrap(), "203.0.113.1", "{forwarded_for:?}");
        }
        assert_eq!(client("127.0.0.1", &["198.51.100.1"]).unwrap(), "198.51.100.1");
        assert_eq!(client("127.0.0.1", &[]).unwrap(), "127.0.0.1");
        assert_eq!(client("::ffff:127.0.0.1", &["198.51.100.1"]).unwrap(), "198.51.100.1");
    }

    #[test]
    fn the_rightmost_address_that_is_no_proxy_is_the_clients() {
        for (forwarded_for, address) in [
            (&["198.51.100.1, 203.0.113.9"][..], "203.0.113.9"),
            (&["198.51.100.1, 203.0.113.9, 10.1.2.3"], "203.0.113.9"),
            (&["198.51.100.1", "203.0.113.9", "10.1.2.3,10.9.9.9"], "203.0.113.9"),
            (&["what a client sends, , %%, 203.0.113.9,10.1.2.3"], "203.0.113.9"),
            (&["10.0.0.9, 10.1.2.3"], "10.0.0.9"),
            (&["203.0.113.9 ,\t2001:db8:1::7"], "203.0.113.9"),
            (&["2001:db8:2::1, 2001:db8:1:ffff::7"], "2001:db8:2::1"),
            (&["::ffff:203.0.113.9, ::ffff:10.0.0.1"], "203.0.113.9"),
            (&["203.0.113.9:40000"], "203.0.113.9"),
            (&["[2001:db8:2::1]:40000, [2001:db8:1::1]"], "2001:db8:2::1"),
        ] {
            assert_eq!(client("10.0.0.1", forwarded_for).unwrap(), address, "{forwarded_for:?}");
        }
    }

    #[test]
    fn what_a_trusted_proxy_says_has_to_be_readable() {
        for value in [
            "",
            " ",
            "unknown",
            "203.0.113.9,",
            "203.0.113.9, x, 10.0.0.1",
            "203.0.113.256",
            "[203.0.113.9]",
            "fe80::1%1",
        ] {
            assert_eq!(client("127.0.0.1", &[value]), Err(ErrorCode::MalformedRequest), "{value}");
        }
        let chain = |len: usize| ["203.0.113.9"].into_iter().chain(vec!["10.0.0.1"; len]).collect::<Vec<_>>().join(",");
        assert_eq!(client("127.0.0.1", &[&chain(HOPS_MAX - 2)]).unwrap(), "203.0.113.9");
        assert_eq!(client("127.0.0.1", &[&chain(1000)]), Err(ErrorCode::MalformedRequest));
    }

    #[test]
    fn a_range_has_an_end_on_both_sides() {
        for (range, within, outside) in [
            ("192.0.2.0/24", ["192.0.2.0", "::ffff:192.0.2.255"], ["192.0.1.255", "192.0.3.0"]),
            ("192.0.2.77/24", ["192.0.2.0", "192.0.2.255"], ["192.0.1.255", "2001:db8::"]),
            ("192.0.2.1", ["192.0.2.1", "::ffff:192.0.2.1"], ["192.0.2.0", "192.0.2.2"]),
            ("::ffff:192.0.2.0/120", ["192.0.2.0", "192.0.2.255"], ["192.0.3.0", "::"]),
            ("2001:db8::/32", ["2001:db8::", "2001:db8:ffff::1"], ["2001:db7:ffff::", "2001:db9::"]),
            ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::", "2001:db8::"]),
            ("::/0", ["::1", "2001:db8::"], ["192.0.2.1", "::ffff:192.0.2.1"]),
        ] {
            let parsed: AddressRange = range.parse().unwrap();
            assert!(within.iter().all(|address| parsed.contains(address.parse().unwrap())), "{range}");
            assert!(!outside.iter().any(|address| parsed.contains(address.parse().unwrap())), "{range}");
        }
        for text in
            ["", "localhost", "192.0.2.0/33", "192.0.2/24", "192.0.2.0/", "/24", "2001:db8::/129", "192.0.2.0/-1"]
        {
            assert_eq!(text.parse::<AddressRange>(), Err(AddressRangeError), "{text}");
        }
        for (text, shown) in
            [("192.0.2.77/24", "192.0.2.0/24"), ("192.0.2.7/32", "192.0.2.7"), ("2001:DB8::/32", "2001:db8::/32")]
        {
            assert_eq!(text.parse::<AddressRange>().unwrap().to_string(), shown);
        }
    }
}
