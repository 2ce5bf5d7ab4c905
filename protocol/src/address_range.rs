//! Ranges of client addresses, as signatures and configurations name them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize};

/// An address, or a range of them as `192.0.2.0/24` or `2001:db8::/32`. IPv4-mapped IPv6 counts as IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = String))]
#[serde(try_from = "String", into = "String")]
pub struct AddressRange(IpNet);

/// The text is no address and no range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an IP address such as 192.0.2.1 or a range such as 192.0.2.0/24 or 2001:db8::/32")]
pub struct AddressRangeError;

impl AddressRange {
    /// The range of so many leading bits that an address lies in; all of the address' bits at most.
    #[must_use]
    pub fn around(address: IpAddr, ipv4_prefix: u8, ipv6_prefix: u8) -> Self {
        let address = address.to_canonical();
        let prefix = if address.is_ipv4() { ipv4_prefix } else { ipv6_prefix };
        Self(IpNet::new(address, prefix).unwrap_or_else(|_| IpNet::from(address)).trunc())
    }

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

impl From<AddressRange> for String {
    fn from(range: AddressRange) -> Self {
        range.to_string()
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() { self.0.addr().fmt(f) } else { self.0.fmt(f) }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn the_network_of_an_address_is_as_wide_as_asked() {
        for (address, network) in [
            ("203.0.113.77", "203.0.113.0/24"),
            ("::ffff:203.0.113.77", "203.0.113.0/24"),
            ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ] {
            assert_eq!(AddressRange::around(address.parse().unwrap(), 24, 48).to_string(), network);
        }
        assert_eq!(AddressRange::around("203.0.113.77".parse().unwrap(), 32, 64).to_string(), "203.0.113.77");
    }
}
