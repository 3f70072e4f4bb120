//! Which addresses may be called. Whoever writes the URL of a connection chooses where an admin key is sent, so the
//! address is judged after name resolution, where the name no longer matters.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Addresses that are refused, and those that the operator's owner has opened.
#[derive(Clone, Debug, Default)]
pub struct AddressPolicy {
    /// Opens loopback addresses in these networks, for demo and tests. Nothing else can be opened.
    pub allowed: Vec<IpNet>,
}

/// Why an address is refused. Does not name the address: what a name resolves to inside the cluster is not for everyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused(Class);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Loopback,
    LinkLocal,
    Metadata,
    Unspecified,
    Multicast,
    Reserved,
}

/// Metadata services of cloud machines outside link-local networks: AWS and GCP by IPv6, Alibaba, Oracle, Azure.
const METADATA_V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];
const METADATA_V4: [Ipv4Addr; 4] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(168, 63, 129, 16),
];

impl AddressPolicy {
    /// Judges one address.
    pub(super) fn check(&self, address: IpAddr) -> Result<(), Refused> {
        let address = embedded_v4(address).map_or(address, IpAddr::V4);
        match class(address) {
            None => Ok(()),
            Some(Class::Loopback) if self.allowed.iter().any(|network| network.contains(&address)) => Ok(()),
            Some(class) => Err(Refused(class)),
        }
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

/// The IPv4 address that an IPv6 address stands for: mapped, compatible, NAT64 or 6to4.
fn embedded_v4(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(address) = address else {
        return None;
    };
    let [a, b, c, d, e, f, g, h] = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0] if g == 0 && h <= 1 => None, // :: and ::1 are IPv6's own
        [0, 0, 0, 0, 0, 0 | 0xffff] | [0, 0, 0, 0, 0xffff, 0] | [0x64, 0xff9b, 0 | 1, ..] => Some(v4(g, h)),
        [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

fn class(address: IpAddr) -> Option<Class> {
    match address {
        IpAddr::V4(v4) => class_v4(v4),
        IpAddr::V6(v6) => class_v6(v6),
    }
}

fn class_v4(address: Ipv4Addr) -> Option<Class> {
    let first = address.octets()[0];
    if METADATA_V4.contains(&address) {
        Some(Class::Metadata)
    } else if address.is_loopback() {
        Some(Class::Loopback)
    } else if address.is_link_local() {
        Some(Class::LinkLocal)
    } else if first == 0 {
        Some(Class::Unspecified)
    } else if address.is_multicast() {
        Some(Class::Multicast)
    } else if first >= 240 {
        Some(Class::Reserved)
    } else {
        None
    }
}

fn class_v6(address: Ipv6Addr) -> Option<Class> {
    if METADATA_V6.contains(&address) {
        Some(Class::Metadata)
    } else if address.is_loopback() {
        Some(Class::Loopback)
    } else if address.is_unicast_link_local() || address.segments()[0] & 0xffc0 == 0xfec0 {
        // fec0::/10 is the site-local range of old, which some systems still route like link-local.
        Some(Class::LinkLocal)
    } else if address.is_unspecified() {
        Some(Class::Unspecified)
    } else if address.is_multicast() {
        Some(Class::Multicast)
    } else {
        None
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = match self.0 {
            Class::Loopback => "loopback",
            Class::LinkLocal => "link-local",
            Class::Metadata => "cloud metadata",
            Class::Unspecified => "unspecified",
            Class::Multicast => "multicast",
            Class::Reserved => "reserved",
        };
        write!(f, "the host is a {class} address, and such addresses are not called")
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
