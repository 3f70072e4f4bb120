//! Free ports on 127.0.0.1.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;

use anyhow::{Context, Result};

/// Below the range the kernel takes the source ports of connections from, so that between the choice of a port and its
/// use by a program no connection can take it.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// Ports given out by this process, never given out twice.
static TAKEN: Mutex<Option<HashSet<u16>>> = Mutex::new(None);

/// A port of 127.0.0.1 that nothing listens on.
///
/// The start of the search is random, because test processes run side by side.
pub fn free() -> Result<u16> {
    let span = RANGE.end - RANGE.start;
    let random = RandomState::new().hash_one(std::process::id());
    let first = u16::try_from(random % u64::from(span))?;
    let mut taken = TAKEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let taken = taken.get_or_insert_default();
    (0..span)
        .map(|step| RANGE.start + (first + step) % span)
        .find(|&port| !taken.contains(&port) && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
        .inspect(|&port| {
            taken.insert(port);
        })
        .context("no port of 127.0.0.1 between 20000 and 32000 is free")
}
