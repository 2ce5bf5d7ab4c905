//! Which pages may play: page origins and the patterns they are held against.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

/// Domain patterns an application may have.
pub const DOMAINS_MAX: usize = 64;
const PATTERN_LEN_MAX: usize = 260;

/// A page's origin as the `Origin` header names it: `http` or `https`, a host, a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageOrigin {
    scheme: String,
    host: String,
    port: u16,
}

/// `example.com`, `*.example.com` (any depth below, not itself) or either with a port.
///
/// The port is compared only when the pattern has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainPattern {
    /// In lower case; behind the `*.` of a wildcard.
    host: String,
    wildcard: bool,
    port: Option<u16>,
}

/// The text is no domain pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a domain is a host name such as example.com, *.example.com or localhost:3000, without scheme or path")]
pub struct DomainPatternError;

impl PageOrigin {
    /// `None` for `null`, other schemes and anything that is not an origin.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        if header.len() > 2 * PATTERN_LEN_MAX {
            return None;
        }
        let url = Url::parse(header).ok()?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        if !bare || header.ends_with('/') {
            return None;
        }
        Self::of_url(&url)
    }

    /// The origin of an address.
    #[must_use]
    pub fn of_url(url: &Url) -> Option<Self> {
        if !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        Some(Self {
            scheme: url.scheme().to_owned(),
            host: url.host_str()?.to_owned(),
            port: url.port_or_known_default()?,
        })
    }
}

impl DomainPattern {
    /// Whether a page is covered.
    #[must_use]
    pub fn matches(&self, origin: &PageOrigin) -> bool {
        let host_fits = if self.wildcard {
            origin.host.strip_suffix(&self.host).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
        } else {
            origin.host == self.host
        };
        host_fits && self.port.is_none_or(|port| port == origin.port)
    }
}

impl FromStr for DomainPattern {
    type Err = DomainPatternError;

    fn from_str(text: &str) -> Result<Self, DomainPatternError> {
        if text.len() > PATTERN_LEN_MAX || text.strip_prefix("*.").unwrap_or(text).contains('*') {
            return Err(DomainPatternError);
        }
        // A star anywhere else would be taken for a letter and quietly match nothing.
        let (wildcard, rest) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port.parse().map_err(|_| DomainPatternError)?)),
            _ => (rest, None),
        };
        // The URL parser's own host rules, so that a pattern and an Origin header never spell one host differently.
        let host = Host::parse(host).map_err(|_| DomainPatternError)?;
        if wildcard && !matches!(host, Host::Domain(_)) {
            return Err(DomainPatternError);
        }
        Ok(Self { host: host.to_string(), wildcard, port })
    }
}

impl fmt::Display for DomainPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.wildcard { "*." } else { "" })?;
        f.write_str(&self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, origin: &str) -> bool {
        let pattern: DomainPattern = pattern.parse().unwrap();
        PageOrigin::parse(origin).is_some_and(|origin| pattern.matches(&origin))
    }

    #[test]
    fn a_pattern_covers_its_own_host_only() {
        assert!(matches("example.com", "https://example.com"));
        assert!(matches("Example.COM", "https://example.com:8443"));
        assert!(matches("localhost:3000", "http://localhost:3000"));
        assert!(matches("example.com:443", "https://example.com"));
        assert!(matches("[::1]:3000", "http://[::1]:3000"));
        for (pattern, origin) in [
            ("example.com", "https://www.example.com"),
            ("example.com", "https://example.com.evil.net"),
            ("example.com", "https://evilexample.com"),
            ("localhost:3000", "http://localhost:3001"),
            ("example.com:443", "http://example.com"),
        ] {
            assert!(!matches(pattern, origin), "{pattern} {origin}");
        }
    }

    #[test]
    fn a_wildcard_covers_hosts_below_only() {
        assert!(matches("*.example.com", "https://a.example.com"));
        assert!(matches("*.example.com", "https://a.b.example.com"));
        for origin in ["https://example.com", "https://evilexample.com", "https://a.example.com.evil.net"] {
            assert!(!matches("*.example.com", origin), "{origin}");
        }
    }

    #[test]
    fn what_is_no_origin_or_pattern_is_refused() {
        for header in
            ["null", "", "file:///x", "https://example.com/", "https://example.com/path", "https://u@example.com"]
        {
            assert_eq!(PageOrigin::parse(header), None, "{header}");
        }
        for pattern in
            ["", "*", "*.", "https://example.com", "example.com/path", "example.com:port", "*.1.2.3.4", "a b"]
        {
            assert!(pattern.parse::<DomainPattern>().is_err(), "{pattern}");
        }
    }
}
