//! Leader election on a Lease: of several replicas one writes.
//!
//! The holder renews with a replace that names the version it read, so two candidates never both succeed. It counts its
//! time from before the renewal was sent, on the monotonic and on the wall clock, whichever ran further: a suspended machine
//! stops the one, a correction of the time moves the other. A follower waits from the change it observed last, and never
//! compares clocks with another machine. So the holder stops before a follower starts, whatever the network does in between.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use kube::{Api, Client, api::PostParams};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    crd::common::FIELD_MANAGER,
    engine::{clock::Clock, permit::Fence},
};

/// Name of the Lease, in the operator's own namespace.
const LEASE: &str = "dataiku-operator";
/// How long a renewal is valid.
const DURATION: Duration = Duration::from_secs(15);
/// Time between two renewals.
const RENEWAL: Duration = Duration::from_secs(2);
/// Time between two looks of a follower at the Lease.
const LOOK: Duration = Duration::from_millis(500);
/// Longest time for one call to the apiserver; shorter than what is left of the lease at any renewal.
const CALL: Duration = Duration::from_secs(3);
/// A write to a remote side takes at most this long: none is sent with less left.
const WRITE: Duration = Duration::from_secs(10);

/// Name of the Lease of operators that watch this namespace, the first of several, or all of them: those of one name must not work
/// at once. A release whose list of namespaces grows or shrinks behind the first one has the same Lease before and after.
pub fn lease_name(watched: Option<&str>) -> String {
    watched.map_or_else(|| LEASE.to_owned(), |namespace| format!("{LEASE}-{namespace}"))
}

/// When the Lease was renewed last, as both clocks show it.
#[derive(Clone, Copy)]
struct Renewed {
    monotonic: Instant,
    wall: Timestamp,
}

/// What the holder knows of its lease.
pub struct Leadership {
    clock: Clock,
    renewed: Mutex<Option<Renewed>>,
}

impl Leadership {
    /// Nobody's yet.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            renewed: Mutex::default(),
        }
    }

    /// Whether this process holds the lease at all.
    pub fn is_leader(&self) -> bool {
        self.left().is_some()
    }

    /// What is left of the lease.
    fn left(&self) -> Option<Duration> {
        let renewed = (*self.renewed.lock().unwrap_or_else(PoisonError::into_inner))?;
        let wall = self.clock.now().duration_since(renewed.wall);
        // A wall clock that was set back says nothing.
        let wall = Duration::try_from(wall).unwrap_or_default();
        let elapsed = renewed.monotonic.elapsed().max(wall);
        DURATION.checked_sub(elapsed).filter(|left| !left.is_zero())
    }

    fn now(&self) -> Renewed {
        Renewed {
            monotonic: Instant::now(),
            wall: self.clock.now(),
        }
    }

    fn set(&self, renewed: Option<Renewed>) {
        *self.renewed.lock().unwrap_or_else(PoisonError::into_inner) = renewed;
    }
}

impl Fence for Leadership {
    fn holds(&self) -> bool {
        self.left().is_some_and(|left| left > WRITE)
    }
}

/// A candidate.
pub struct Elector {
    leases: Api<Lease>,
    name: String,
    /// Who this process is. A process of the same identity is the same one after a restart: its lease is taken over at once.
    identity: String,
    leadership: Arc<Leadership>,
    /// The Lease as it was read or written last.
    known: Option<Lease>,
    /// The version of the Lease that a follower observed last, and when.
    observed: Option<(String, Instant)>,
}

impl Elector {
    /// A candidate of this identity for the Lease of this name in `namespace`.
    pub fn new(client: Client, namespace: &str, name: String, identity: String, leadership: Arc<Leadership>) -> Self {
        Self {
            leases: Api::namespaced(client, namespace),
            name,
            identity,
            leadership,
            known: None,
            observed: None,
        }
    }

    /// Waits until this process is the leader.
    pub async fn acquire(&mut self) {
        loop {
            match timeout(CALL, self.attempt()).await {
                Ok(Ok(true)) => {
                    tracing::info!(identity = self.identity, "leading");
                    return;
                }
                Ok(Ok(false)) => {}
                Ok(Err(error)) => tracing::warn!(%error, "the Lease could not be read or written"),
                Err(_) => tracing::warn!("the apiserver did not answer in time about the Lease"),
            }
            sleep(LOOK).await;
        }
    }

    /// One attempt to become the leader; whether it succeeded.
    async fn attempt(&mut self) -> Result<bool, kube::Error> {
        let Some(lease) = self.leases.get_opt(&self.name).await? else {
            return self.write(None).await;
        };
        let version = lease.metadata.resource_version.clone().unwrap_or_default();
        let since = match &self.observed {
            Some((known, since)) if *known == version => *since,
            _ => {
                let now = Instant::now();
                self.observed = Some((version, now));
                now
            }
        };
        let spec = lease.spec.as_ref();
        let holder = spec
            .and_then(|spec| spec.holder_identity.as_deref())
            .unwrap_or_default();
        let declared = spec.and_then(|spec| spec.lease_duration_seconds).unwrap_or_default();
        // The holder may be of a release with a longer lease.
        let duration = DURATION.max(Duration::from_secs(declared.try_into().unwrap_or_default()));
        let free = holder.is_empty() || holder == self.identity || since.elapsed() >= duration;
        if !free {
            return Ok(false);
        }
        self.write(Some(lease)).await
    }

    /// Writes the Lease for this process; false if another one was quicker.
    async fn write(&mut self, before: Option<Lease>) -> Result<bool, kube::Error> {
        let began = self.leadership.now();
        let spec = before.as_ref().and_then(|lease| lease.spec.clone()).unwrap_or_default();
        let taken = spec.holder_identity.as_deref() != Some(&*self.identity);
        let lease = Lease {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                resource_version: before
                    .as_ref()
                    .and_then(|lease| lease.metadata.resource_version.clone()),
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(self.identity.clone()),
                lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
                acquire_time: if taken {
                    Some(MicroTime(began.wall))
                } else {
                    spec.acquire_time
                },
                renew_time: Some(MicroTime(began.wall)),
                lease_transitions: Some(spec.lease_transitions.unwrap_or_default() + i32::from(taken)),
                ..LeaseSpec::default()
            }),
        };
        let parameters = PostParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PostParams::default()
        };
        let written = match before {
            Some(_) => self.leases.replace(&self.name, &parameters, &lease).await,
            None => self.leases.create(&parameters, &lease).await,
        };
        match written {
            Ok(lease) => {
                self.known = Some(lease);
                self.leadership.set(Some(began));
                Ok(true)
            }
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Renews the lease for as long as that succeeds in time. Returns when it is lost.
    pub async fn keep(&mut self) {
        loop {
            sleep(RENEWAL).await;
            let Some(left) = self.leadership.left() else {
                tracing::error!("the lease ran out before it could be renewed");
                return;
            };
            match timeout(CALL.min(left), self.renew()).await {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => {
                    tracing::error!("another process holds the lease");
                    self.leadership.set(None);
                    return;
                }
                Ok(Err(error)) => tracing::warn!(%error, "the lease could not be renewed"),
                Err(_) => tracing::warn!("the apiserver did not answer in time about the lease"),
            }
        }
    }

    /// One renewal; false if somebody else holds the lease.
    async fn renew(&mut self) -> Result<bool, kube::Error> {
        if self.write(self.known.clone()).await? {
            return Ok(true);
        }
        // Somebody wrote the Lease, or the answer to our own renewal was lost.
        let lease = self.leases.get_opt(&self.name).await?;
        let holder = lease
            .as_ref()
            .and_then(|lease| lease.spec.as_ref()?.holder_identity.clone());
        if holder.is_some_and(|holder| holder != self.identity) {
            return Ok(false);
        }
        self.write(lease).await
    }

    /// Gives the lease back, so that a follower need not wait until it runs out. Called when nothing is written any more.
    pub async fn release(&mut self) {
        self.leadership.set(None);
        let Some(mut lease) = self.known.take() else { return };
        if let Some(spec) = lease.spec.as_mut() {
            spec.holder_identity = Some(String::new());
            spec.lease_duration_seconds = Some(1);
        }
        lease.metadata.managed_fields = None;
        let parameters = PostParams::default();
        match timeout(CALL, self.leases.replace(&self.name, &parameters, &lease)).await {
            Ok(Ok(_)) => tracing::info!("the lease is released"),
            Ok(Err(error)) => tracing::warn!(%error, "the lease could not be released; it runs out"),
            Err(_) => tracing::warn!("the lease could not be released in time; it runs out"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use memory_apiserver::{Action, MemoryApiserver, Rule};

    use super::*;

    /// A candidate with a wall clock of its own.
    struct Candidate {
        elector: Elector,
        leadership: Arc<Leadership>,
        shift: Arc<AtomicI64>,
    }

    fn candidate(server: &MemoryApiserver, identity: &str) -> Candidate {
        let shift = Arc::new(AtomicI64::new(0));
        let (time, shifted) = (server.clone(), shift.clone());
        let clock = Clock::new(move || time.now() + jiff::SignedDuration::from_secs(shifted.load(Ordering::Relaxed)));
        let leadership = Arc::new(Leadership::new(clock));
        Candidate {
            elector: Elector::new(
                server.client(),
                "home",
                lease_name(None),
                identity.into(),
                leadership.clone(),
            ),
            leadership,
            shift,
        }
    }

    async fn leads_within(candidate: &mut Candidate, seconds: u64) -> bool {
        timeout(Duration::from_secs(seconds), candidate.elector.acquire())
            .await
            .is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn the_second_candidate_waits_until_the_first_is_silent_for_a_whole_lease() {
        let server = MemoryApiserver::new();
        let (mut one, mut two) = (candidate(&server, "one"), candidate(&server, "two"));
        assert!(leads_within(&mut one, 1).await);
        let kept = async {
            tokio::select! {
                () = one.elector.keep() => panic!("lost"),
                () = sleep(Duration::from_mins(2)) => {}
            }
        };
        let (waited, ()) = tokio::join!(leads_within(&mut two, 120), kept);
        assert!(!waited, "two leaders");
        // Killed: nobody renews any more.
        let killed = Instant::now();
        assert!(leads_within(&mut two, 20).await);
        assert!(killed.elapsed() + RENEWAL + LOOK >= DURATION);
        assert!(!one.leadership.is_leader(), "the old leader still believes in itself");
    }

    #[tokio::test(start_paused = true)]
    async fn the_holder_stops_writing_before_a_follower_may_start() {
        let server = MemoryApiserver::new();
        let (mut one, mut two) = (candidate(&server, "one"), candidate(&server, "two"));
        assert!(leads_within(&mut one, 1).await);
        let leadership = one.leadership.clone();
        let last_write = async {
            let began = Instant::now();
            while leadership.holds() {
                sleep(Duration::from_millis(10)).await;
            }
            // The write that was sent last may take its whole time.
            began.elapsed() + WRITE
        };
        let began = Instant::now();
        let (last_write, led) = tokio::join!(last_write, async {
            assert!(leads_within(&mut two, 30).await);
            began.elapsed()
        });
        assert!(
            last_write <= led,
            "a write may end {last_write:?} after, the follower leads after {led:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_jumps_ends_the_lease_early_and_never_prolongs_it() {
        let server = MemoryApiserver::new();
        let mut one = candidate(&server, "one");
        assert!(leads_within(&mut one, 1).await);
        one.shift.store(3600, Ordering::Relaxed);
        assert!(!one.leadership.holds(), "the machine was suspended for an hour");
        one.shift.store(-3600, Ordering::Relaxed);
        assert!(one.leadership.holds());
        sleep(DURATION).await;
        assert!(
            !one.leadership.is_leader(),
            "the monotonic clock counts where the wall clock was set back"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_released_lease_is_taken_at_once() {
        let server = MemoryApiserver::new();
        let (mut one, mut two) = (candidate(&server, "one"), candidate(&server, "two"));
        assert!(leads_within(&mut one, 1).await);
        assert!(!leads_within(&mut two, 3).await);
        one.elector.release().await;
        assert!(!one.leadership.holds());
        assert!(leads_within(&mut two, 1).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_restarted_process_takes_its_own_lease_over_at_once() {
        let server = MemoryApiserver::new();
        let mut one = candidate(&server, "pod-0");
        assert!(leads_within(&mut one, 1).await);
        let mut again = candidate(&server, "pod-0");
        assert!(leads_within(&mut again, 1).await);
    }

    #[tokio::test(start_paused = true)]
    async fn of_two_candidates_at_once_one_leads() {
        for _ in 0..20 {
            let server = MemoryApiserver::new();
            let (mut one, mut two) = (candidate(&server, "one"), candidate(&server, "two"));
            let (first, second) = tokio::join!(leads_within(&mut one, 5), leads_within(&mut two, 5));
            assert!(first != second, "{first} {second}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_of_the_apiserver_ends_the_leadership_in_time() {
        let server = MemoryApiserver::new();
        let mut one = candidate(&server, "one");
        assert!(leads_within(&mut one, 1).await);
        server.outage(true);
        let began = Instant::now();
        one.elector.keep().await;
        assert!(began.elapsed() <= DURATION + RENEWAL);
        assert!(!one.leadership.is_leader());
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewal_whose_answer_was_lost_keeps_the_lease() {
        let server = MemoryApiserver::new();
        let mut one = candidate(&server, "one");
        assert!(leads_within(&mut one, 1).await);
        let lost = Rule::new(Action::DropAfterCommit).path("/leases/").writes().times(1);
        let _lost = server.fault(lost);
        let kept = timeout(Duration::from_mins(1), one.elector.keep()).await;
        assert!(kept.is_err(), "the lease was given up");
        assert!(one.leadership.holds());
    }

    #[tokio::test(start_paused = true)]
    async fn an_apiserver_that_hangs_costs_no_more_than_a_lease() {
        let server = MemoryApiserver::new();
        let mut one = candidate(&server, "one");
        assert!(leads_within(&mut one, 1).await);
        let _hang = server.fault(Rule::new(Action::Hang).path("/leases"));
        let began = Instant::now();
        one.elector.keep().await;
        assert!(began.elapsed() <= DURATION + CALL + RENEWAL);
    }
}
