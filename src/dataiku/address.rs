//! Which addresses may be called. Whoever writes the URL of a connection chooses where an admin key is sent, so the
//! address is judged after name resolution, where the name no longer matters.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Networks of loopback and private addresses that the operator's owner has opened. Everything else that is not public
/// stays closed.
#[derive(Clone, Debug, Default)]
pub struct AddressPolicy {
    /// Opens loopback and private addresses in these networks. An IPv6 address that stands for an IPv4 address is open if
    /// either is. Nothing opens link-local, metadata, multicast and reserved addresses.
    pub allowed: Vec<IpNet>,
}

/// Why an address is refused. Does not name the address: what a name resolves to inside the cluster is not for everyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused(Class);

/// Why a name is not asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unresolved {
    /// It stands for no address.
    Unknown,
    /// One of its addresses is refused.
    Refused(Refused),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Loopback,
    Private,
    LinkLocal,
    Metadata,
    Unspecified,
    Multicast,
    Reserved,
}

impl Class {
    /// Whether the operator's owner can open such addresses.
    fn can_be_opened(self) -> bool {
        matches!(self, Self::Loopback | Self::Private)
    }
}

/// Metadata services of cloud machines outside link-local networks: Alibaba, Oracle, Azure.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(168, 63, 129, 16),
];
/// AWS (metadata, pod identity, DNS) and GCP by IPv6: all but the last segment.
const METADATA_V6: [[u16; 7]; 2] = [[0xfd00, 0xec2, 0, 0, 0, 0, 0], [0xfd20, 0xce, 0, 0, 0, 0, 0]];

impl AddressPolicy {
    /// Judges one address, and every IPv4 address that it may stand for.
    pub(super) fn check(&self, address: IpAddr) -> Result<(), Refused> {
        let opened = |inner| {
            let mut networks = self.allowed.iter();
            networks.any(|network| network.contains(&address) || network.contains(&inner))
        };
        for inner in meanings(address) {
            match class(inner) {
                Some(class) if !(class.can_be_opened() && opened(inner)) => return Err(Refused(class)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Judges every address that a name stands for: whoever connects to it may choose any of them.
    pub(super) async fn check_name(&self, name: &str) -> Result<(), Unresolved> {
        let found = tokio::net::lookup_host((name, 0)).await;
        let found: Vec<SocketAddr> = found.map_err(|_| Unresolved::Unknown)?.collect();
        if found.is_empty() {
            return Err(Unresolved::Unknown);
        }
        let mut all = found.iter();
        all.try_for_each(|address| self.check(address.ip()))
            .map_err(Unresolved::Refused)
    }

    /// Those of the addresses that may be called; an error when none is left.
    fn permit(&self, addresses: impl Iterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>, Refused> {
        let mut refused = None;
        let mut permitted = Vec::new();
        for address in addresses {
            match self.check(address.ip()) {
                Ok(()) => permitted.push(address),
                Err(reason) => refused = Some(reason),
            }
        }
        match refused {
            Some(reason) if permitted.is_empty() => Err(reason),
            _ => Ok(permitted),
        }
    }
}

/// The address, or what it is an envelope of.
fn meanings(address: IpAddr) -> Vec<IpAddr> {
    let IpAddr::V6(v6) = address else {
        return vec![address];
    };
    let inner = embedded_v4(v6);
    let is_envelope = !inner.is_empty() && !is_isatap(v6);
    let outer = (!is_envelope).then_some(address);
    outer.into_iter().chain(inner.into_iter().map(IpAddr::V4)).collect()
}

/// The IPv4 addresses that an IPv6 address may stand for: mapped, compatible, translated, NAT64, 6to4, Teredo, ISATAP.
fn embedded_v4(address: Ipv6Addr) -> Vec<Ipv4Addr> {
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => Vec::new(), // :: and ::1 are IPv6's own
        [0x64, 0xff9b, 1, ..] => local_nat64(address),
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, _, _, _, _, high, low]
        | [0x2002, high, low, ..] => vec![v4(high, low)],
        // Teredo: the server, and the client with its bits inverted.
        [0x2001, 0, high, low, _, _, client_high, client_low] => {
            vec![v4(high, low), v4(!client_high, !client_low)]
        }
        [.., high, low] if is_isatap(address) => vec![v4(high, low)],
        _ => Vec::new(),
    }
}

/// An interface identifier that holds an IPv4 address, within any network.
fn is_isatap(address: Ipv6Addr) -> bool {
    matches!(address.segments(), [_, _, _, _, 0 | 0x200, 0x5efe, _, _])
}

/// Where the local NAT64 prefix holds the IPv4 address depends on the prefix length that the network chose (RFC 6052): each
/// place counts, those that are left empty do not.
fn local_nat64(address: Ipv6Addr) -> Vec<Ipv4Addr> {
    let octets = address.octets();
    let places = [[6, 7, 9, 10], [7, 9, 10, 11], [9, 10, 11, 12], [12, 13, 14, 15]];
    let found = places.map(|place| Ipv4Addr::from(place.map(|index| octets[index])));
    let mut filled: Vec<_> = found.into_iter().filter(|v4| v4.octets()[0] != 0).collect();
    if filled.is_empty() {
        filled.push(found[3]);
    }
    filled
}

fn class(address: IpAddr) -> Option<Class> {
    match address {
        IpAddr::V4(v4) => class_v4(v4),
        IpAddr::V6(v6) => class_v6(v6),
    }
}

fn class_v4(address: Ipv4Addr) -> Option<Class> {
    if METADATA_V4.contains(&address) {
        return Some(Class::Metadata);
    }
    Some(match address.octets() {
        [127, ..] => Class::Loopback,
        [169, 254, 169, 254] => Class::Metadata,
        [169, 254, ..] => Class::LinkLocal,
        [0, ..] => Class::Unspecified,
        // Private use, shared with carriers, protocol assignments, benchmarks.
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] | [192, 0, 0, _] | [198, 18 | 19, ..] => {
            Class::Private
        }
        [224..=239, ..] => Class::Multicast,
        [240..=255, ..] => Class::Reserved,
        _ => return None,
    })
}

fn class_v6(address: Ipv6Addr) -> Option<Class> {
    let segments = address.segments();
    if METADATA_V6.iter().any(|network| segments.starts_with(network)) {
        return Some(Class::Metadata);
    }
    Some(match segments {
        [0, 0, 0, 0, 0, 0, 0, 0] => Class::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => Class::Loopback,
        // fec0::/10 is the site-local range of old, which some systems still route like link-local.
        [0xfe80..=0xfeff, ..] => Class::LinkLocal,
        [0xff00..=0xffff, ..] => Class::Multicast,
        // Unique local, benchmarks, segment routing.
        [0xfc00..=0xfdff | 0x5f00, ..] | [0x2001, 2, 0, ..] => Class::Private,
        // Discard only.
        [0x100, 0, 0, 0, ..] => Class::Reserved,
        _ => return None,
    })
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = match self.0 {
            Class::Loopback => "loopback",
            Class::Private => "private",
            Class::LinkLocal => "link-local",
            Class::Metadata => "cloud metadata",
            Class::Unspecified => "unspecified",
            Class::Multicast => "multicast",
            Class::Reserved => "reserved",
        };
        write!(f, "the host is a {class} address, and such addresses are not called")?;
        if self.0.can_be_opened() {
            f.write_str(" unless the operator runs with --allow-address for their network")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refused {}

/// The system's name resolution, with the policy after it: what it returns is what is connected to.
pub(super) struct GuardedResolver(pub(super) Arc<AddressPolicy>);

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = self.0.clone();
        Box::pin(async move {
            let addresses = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let permitted: Addrs = Box::new(policy.permit(addresses)?.into_iter());
            Ok(permitted)
        })
    }
}
