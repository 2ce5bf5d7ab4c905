//! The table of schemes: how an address is spelled, and what its digest covers.

use md5::{Digest, Md5};

/// How the addresses of a media origin are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UrlScheme {
    /// This server's own: HMAC-SHA256 over a whole folder, as part of the path (`UrlKey`).
    PathHmac,
    /// One that a CDN can check by itself.
    Vendor(VendorScheme),
}

/// The schemes of CDN vendors, all of MD5 over a secret key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VendorScheme {
    /// `URI?auth_key=<ts>-<rand>-<uid>-<md5>`
    A,
    /// `/<YYYYMMDDHHMM, UTC+8>/<md5>URI`
    B,
    /// `/<md5>/<ts, hex>URI`
    CPath,
    /// `URI?KEY1=<md5>&KEY2=<ts, hex>`
    CQuery,
    /// `URI?sign=<md5>&time=<ts, hex>`
    F,
    /// `URI?sign=<md5>&t=<ts>`
    TencentD,
    /// `URI?t=<expiry, hex>&exper=…&rlimit=…&us=…&sign=<md5>`; covers the directory.
    TencentKey,
}

impl UrlScheme {
    /// Every scheme, in the order of the documentation.
    pub(crate) const ALL: [Self; 8] = [
        Self::PathHmac,
        Self::Vendor(VendorScheme::A),
        Self::Vendor(VendorScheme::B),
        Self::Vendor(VendorScheme::CPath),
        Self::Vendor(VendorScheme::CQuery),
        Self::Vendor(VendorScheme::F),
        Self::Vendor(VendorScheme::TencentD),
        Self::Vendor(VendorScheme::TencentKey),
    ];

    /// Its name in JSON, SQL and on the command line.
    #[must_use]
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::PathHmac => "path-hmac",
            Self::Vendor(VendorScheme::A) => "a",
            Self::Vendor(VendorScheme::B) => "b",
            Self::Vendor(VendorScheme::CPath) => "c-path",
            Self::Vendor(VendorScheme::CQuery) => "c-query",
            Self::Vendor(VendorScheme::F) => "f",
            Self::Vendor(VendorScheme::TencentD) => "tencent-d",
            Self::Vendor(VendorScheme::TencentKey) => "tencent-key",
        }
    }

    /// The scheme of that name.
    #[must_use]
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.as_str() == name)
    }
}

/// What stands in an address besides its `URI`, as it is spelled there; what a scheme does not have is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields<'a> {
    pub(super) time: &'a str,
    pub(super) rand: &'a str,
    pub(super) uid: &'a str,
    pub(super) exper: &'a str,
    pub(super) rlimit: &'a str,
    pub(super) us: &'a str,
    pub(super) md5: &'a str,
}

impl VendorScheme {
    /// The digest that an address must carry.
    pub(super) fn digest(self, key: &str, uri: &str, fields: &Fields<'_>) -> String {
        let Fields { time, rand, uid, exper, rlimit, us, .. } = *fields;
        let parts: &[&str] = match self {
            Self::A => &[uri, "-", time, "-", rand, "-", uid, "-", key],
            Self::B => &[key, time, uri],
            Self::CPath | Self::CQuery | Self::F | Self::TencentD => &[key, uri, time],
            Self::TencentKey => &[key, directory(uri), time, exper, rlimit, us],
        };
        let mut digest = Md5::new();
        parts.iter().for_each(|part| digest.update(part));
        hex::encode(digest.finalize())
    }

    /// The whole address: path and query.
    pub(super) fn write(self, uri: &str, fields: &Fields<'_>) -> String {
        let Fields { time, rand, uid, exper, rlimit, us, md5 } = *fields;
        match self {
            Self::A => format!("{uri}?auth_key={time}-{rand}-{uid}-{md5}"),
            Self::B => format!("/{time}/{md5}{uri}"),
            Self::CPath => format!("/{md5}/{time}{uri}"),
            Self::CQuery => format!("{uri}?KEY1={md5}&KEY2={time}"),
            Self::F => format!("{uri}?sign={md5}&time={time}"),
            Self::TencentD => format!("{uri}?sign={md5}&t={time}"),
            Self::TencentKey => {
                let given = |name: &str, value: &str| match value {
                    "" => String::new(),
                    value => format!("&{name}={value}"),
                };
                let limits = [("exper", exper), ("rlimit", rlimit), ("us", us)].map(|(name, value)| given(name, value));
                format!("{uri}?t={time}{}&sign={md5}", limits.concat())
            }
        }
    }

    /// `URI` and the fields of an address, or nothing where it is not of this scheme's form.
    pub(super) fn parse(self, address: &str) -> Option<(&str, Fields<'_>)> {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        match self {
            Self::B => prefix(path).map(|(uri, time, md5)| (uri, Fields { time, md5, ..Fields::default() })),
            Self::CPath => prefix(path).map(|(uri, md5, time)| (uri, Fields { time, md5, ..Fields::default() })),
            Self::A => {
                let [auth_key] = parameters(query, ["auth_key"])?;
                let mut parts = auth_key?.split('-');
                let mut part = || parts.next();
                let fields = Fields { time: part()?, rand: part()?, uid: part()?, md5: part()?, ..Fields::default() };
                part().is_none().then_some((path, fields))
            }
            Self::CQuery | Self::F | Self::TencentD => {
                let [md5, time] = parameters(query, self.query_names())?;
                Some((path, Fields { time: time?, md5: md5?, ..Fields::default() }))
            }
            Self::TencentKey => {
                let [time, exper, rlimit, us, md5] = parameters(query, ["t", "exper", "rlimit", "us", "sign"])?;
                // An empty one would be a second spelling of an absent one.
                let optional = |value: Option<&'_ str>| value.is_none_or(|value| !value.is_empty());
                let told = optional(exper) && optional(rlimit) && optional(us);
                let [exper, rlimit, us] = [exper, rlimit, us].map(Option::unwrap_or_default);
                let fields = Fields { time: time?, exper, rlimit, us, md5: md5?, ..Fields::default() };
                told.then_some((path, fields))
            }
        }
    }

    const fn query_names(self) -> [&'static str; 2] {
        match self {
            Self::CQuery => ["KEY1", "KEY2"],
            Self::F => ["sign", "time"],
            _ => ["sign", "t"],
        }
    }
}

/// Up to and with the last slash.
fn directory(uri: &str) -> &str {
    uri.rfind('/').and_then(|at| uri.get(..=at)).unwrap_or(uri)
}

/// `/<first>/<second>URI`
fn prefix(path: &str) -> Option<(&str, &str, &str)> {
    let rest = path.strip_prefix('/')?;
    let (first, rest) = rest.split_once('/')?;
    let at = rest.find('/')?;
    Some((rest.get(at..)?, first, rest.get(..at)?))
}

/// The values of parameters as they are spelled, each at most once and in the order of `names`; others are left out.
fn parameters<'a, const N: usize>(query: &'a str, names: [&str; N]) -> Option<[Option<&'a str>; N]> {
    let mut values = [None; N];
    let mut least = 0;
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        // A second spelling of the same address.
        if name.is_empty() {
            return None;
        }
        let Some(at) = names.iter().position(|known| *known == name) else { continue };
        // One that was there already stands below `least`, too.
        if at < least {
            return None;
        }
        *values.get_mut(at)? = Some(value);
        least = at + 1;
    }
    Some(values)
}
