//! Who is at the other end: the peer, or the client of a proxy that is trusted to say so.

use std::net::{IpAddr, SocketAddr};

use keyveil_protocol::{AddressRange, ErrorCode};

use crate::refusal::Refusal;

/// Addresses of a header that are read: a chain of proxies is shorter.
const HOPS_MAX: usize = 32;

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
}
