//! What single changes take: an edit of an object until it is Ready, and a change by hand on the node until it is undone.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    bed::Bed,
    contestant::Running,
    latency::Latencies,
    oracle::{self, Watch},
    probe::{Reading, Usage},
};

/// Between two edits, so that what follows a Ready is over.
const PAUSE: Duration = Duration::from_millis(100);
/// The time over which changes on the node are spread: the default drift interval.
const SPREAD: Duration = Duration::from_mins(1);
/// Longest wait for all changes on the node to be undone.
const PATIENCE: Duration = Duration::from_mins(5);
/// How often the node is looked at for repairs.
const POLL: Duration = Duration::from_millis(20);
/// What a change by hand leaves on the node.
const STRANGE: &str = "changed.by.hand@example.com";

/// Single changes of one sort.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Changes {
    /// How long each took.
    pub milliseconds: Latencies,
    /// What all of them took together, and whatever else the contestant does meanwhile.
    #[serde(flatten)]
    pub usage: Usage,
}

/// Edits so many users, one after the other.
pub async fn edits(bed: &mut Bed, contestant: &mut Running, count: usize) -> Result<Changes> {
    let mut watch = Watch::start(bed).await?;
    let reading = Reading::start(bed, Some(contestant.pid()?)).await?;
    let mut milliseconds = Latencies::default();
    for place in places(bed.users.len(), count) {
        tokio::time::sleep(PAUSE).await;
        let (login, patch) = (bed.users[place].login(), bed.users[place].edit());
        let began = Instant::now();
        let object = bed.namespace.patch("DssUser", &login, patch).await?;
        let generation = object["metadata"]["generation"].as_i64().context("a generation")?;
        watch.ready(&login, generation).await?;
        milliseconds.add(began.elapsed());
    }
    tokio::time::sleep(PAUSE).await;
    let mut usage = reading.end(bed, contestant.pid()?).await?;
    // The edits themselves, which the contestant did not write.
    if let Some(patches) = usage.requests.get_mut("PATCH dssusers") {
        *patches = patches.saturating_sub(u64::try_from(milliseconds.count())?);
    }
    oracle::node_is_as_declared(bed)?;
    Ok(Changes { milliseconds, usage })
}

/// Changes one user of a hundred on the node, spread over a minute, until each is as declared again.
pub async fn drift(bed: &Bed, contestant: &mut Running) -> Result<Changes> {
    let reading = Reading::start(bed, Some(contestant.pid()?)).await?;
    let places = places(bed.users.len(), bed.users.len().div_ceil(100));
    let step = SPREAD / u32::try_from(places.len())?;
    let (mut waiting, mut changed, mut milliseconds) = (Vec::new(), 0, Latencies::default());
    let began = Instant::now();
    while milliseconds.count() < places.len() {
        if let Some(&place) = places.get(changed)
            && began.elapsed() >= step * u32::try_from(changed)?
        {
            let login = bed.users[place].login();
            bed.dss
                .patch_state(json!({ "users": { login: { "email": STRANGE } } }))?;
            waiting.push((place, Instant::now()));
            changed += 1;
        }
        waiting.retain(|&(place, since)| {
            let repaired = is_repaired(bed, place);
            if repaired {
                milliseconds.add(since.elapsed());
            }
            !repaired
        });
        if began.elapsed() > SPREAD + PATIENCE {
            bail!("{} changes on the node were not undone", waiting.len());
        }
        contestant.check()?;
        tokio::time::sleep(POLL).await;
    }
    let usage = reading.end(bed, contestant.pid()?).await?;
    oracle::node_is_as_declared(bed)?;
    Ok(Changes { milliseconds, usage })
}

fn is_repaired(bed: &Bed, place: usize) -> bool {
    let user = &bed.users[place];
    let email = bed.dss.state_at(&format!("/users/{}/email", user.login()));
    email.as_ref().and_then(Value::as_str) == Some(&user.email())
}

/// So many different places among so many, spread over all of them.
fn places(among: usize, count: usize) -> Vec<usize> {
    let count = count.min(among);
    (0..count).map(|place| place * among / count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_spread_and_different() {
        assert_eq!(places(10, 3), [0, 3, 6]);
        assert_eq!(places(3, 100), [0, 1, 2]);
        assert_eq!(places(1000, 100).len(), 100);
        assert!(places(1000, 100).windows(2).all(|two| two[0] < two[1]));
    }
}
