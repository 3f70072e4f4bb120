//! The queue of bulk writes on a remote side that a script plays.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use super::*;
use crate::engine::error::{Fate, Refused};

/// How the remote side takes a call for many.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Manner {
    #[default]
    Takes,
    /// The call is executed and its answer is lost.
    Loses,
    /// The release has no such call.
    Lacks,
}

#[derive(Default)]
struct Remote {
    manner: Mutex<Manner>,
    /// How long each call takes beyond its usual time.
    delay: Mutex<Duration>,
    /// Sizes of the calls for many, and 1 for a write by itself.
    calls: Mutex<Vec<usize>>,
    stored: Mutex<BTreeSet<u32>>,
}

struct Numbers;

const BAD: u32 = 13;

fn refused() -> ApiError {
    ApiError::new("POST /numbers", ErrorKind::Rejected, "unlucky")
}

impl Remote {
    fn take(&self, number: u32) -> Result<(), ApiError> {
        if number == BAD {
            return Err(refused());
        }
        assert!(self.stored.lock().unwrap().insert(number), "{number} is written twice");
        Ok(())
    }

    fn time(&self) -> Duration {
        Duration::from_millis(100) + *self.delay.lock().unwrap()
    }

    fn calls(&self) -> Vec<usize> {
        self.calls.lock().unwrap().clone()
    }

    fn stored(&self) -> usize {
        self.stored.lock().unwrap().len()
    }
}

impl BulkWrite for Numbers {
    type Api = Arc<Remote>;
    type Item = u32;

    fn bytes(item: &u32) -> usize {
        // One that takes half of a call.
        if *item == 7777 { MOST_BYTES / 2 } else { 10 }
    }

    async fn send(api: &Arc<Remote>, permit: WritePermit, items: &[&u32]) -> Result<Vec<Sent>, ApiError> {
        assert!(items.len() > 1, "one write goes by itself");
        let manner = *api.manner.lock().unwrap();
        tokio::time::sleep(api.time()).await;
        if !permit.is_valid() {
            return Err(ApiError::new("POST /numbers", ErrorKind::Withdrawn, ""));
        }
        api.calls.lock().unwrap().push(items.len());
        if manner == Manner::Lacks {
            return Ok(items.iter().map(|_| Sent::Alone).collect());
        }
        let sent = items.iter().map(|item| Sent::Done(api.take(**item))).collect();
        if manner == Manner::Loses {
            return Err(ApiError::new("POST /numbers", ErrorKind::Lost, ""));
        }
        Ok(sent)
    }

    async fn send_alone(api: &Arc<Remote>, permit: WritePermit, item: &u32) -> Result<(), ApiError> {
        tokio::time::sleep(api.time()).await;
        if !permit.is_valid() {
            return Err(ApiError::new("POST /number", ErrorKind::Withdrawn, ""));
        }
        api.calls.lock().unwrap().push(1);
        api.take(*item)
    }
}

struct Bed {
    bulk: Arc<Bulk<Numbers>>,
    remote: Arc<Remote>,
    /// Whether permits hold.
    open: Arc<AtomicBool>,
}

type Asked = tokio::task::JoinHandle<Result<(), Error>>;

impl Bed {
    fn new(manner: Manner) -> Self {
        let remote = Remote {
            manner: Mutex::new(manner),
            ..Remote::default()
        };
        Self {
            bulk: Arc::default(),
            remote: Arc::new(remote),
            open: Arc::new(true.into()),
        }
    }

    fn ask(&self, number: u32) -> Asked {
        let open = self.open.clone();
        self.ask_with(number, WritePermit::new(move || open.load(Ordering::Relaxed)))
    }

    fn ask_with(&self, number: u32, permit: WritePermit) -> Asked {
        let (bulk, remote) = (self.bulk.clone(), self.remote.clone());
        tokio::spawn(async move { bulk.write(&remote, permit, number, Expected::default()).await })
    }
}

async fn outcomes(asked: impl IntoIterator<Item = Asked>) -> Vec<Result<(), Error>> {
    let mut outcomes = Vec::new();
    for one in asked {
        outcomes.push(one.await.unwrap());
    }
    outcomes
}

fn fates(outcomes: &[Result<(), Error>]) -> BTreeSet<String> {
    let fate = |outcome: &Result<(), Error>| match outcome {
        Ok(()) => "done".to_owned(),
        Err(Error::Remote { fate, .. }) => format!("{fate:?}"),
        Err(Error::Refused(refused)) => format!("{refused:?}"),
        Err(other) => other.to_string(),
    };
    outcomes.iter().map(fate).collect()
}

#[tokio::test(start_paused = true)]
async fn the_first_write_goes_alone_and_at_once_and_what_waits_by_then_goes_together() {
    let bed = Bed::new(Manner::Takes);
    let first = bed.ask(1);
    tokio::time::sleep(Duration::from_millis(10)).await;
    let asked: Vec<_> = (1000..1600).map(|n| bed.ask(n)).collect();
    assert_eq!(fates(&outcomes(asked).await), BTreeSet::from(["done".to_owned()]));
    assert!(first.await.unwrap().is_ok());
    assert_eq!(bed.remote.calls(), [1, MOST, MOST, 600 - 2 * MOST]);
    assert_eq!(bed.remote.stored(), 601);
}

#[tokio::test(start_paused = true)]
async fn a_call_is_bounded_in_bytes_and_a_write_that_exceeds_them_goes_alone() {
    let bed = Bed::new(Manner::Takes);
    let ask = |item| Ask::<Numbers> {
        expected: Expected::default(),
        id: 0,
        item,
        api: Arc::default(),
        permit: WritePermit::new(|| true),
        answer: oneshot::channel().0,
    };
    assert_eq!(fitting(&[ask(7777), ask(7777), ask(7777)]), 2);
    let many: Vec<_> = (0..1000).map(ask).collect();
    assert_eq!(fitting(&many), MOST);
    assert_eq!(
        fates(&outcomes([bed.ask(1)]).await),
        BTreeSet::from(["done".to_owned()])
    );
}

#[tokio::test(start_paused = true)]
async fn one_bad_write_among_many_fails_by_itself() {
    let bed = Bed::new(Manner::Takes);
    let asked: Vec<_> = (0..100).map(|n| bed.ask(n)).collect();
    let outcomes = outcomes(asked).await;
    let failed: Vec<_> = (0..)
        .zip(&outcomes)
        .filter(|(_, one)| one.is_err())
        .map(|(n, _)| n)
        .collect();
    assert_eq!(failed, [BAD]);
    assert_eq!(bed.remote.stored(), 99);
}

#[tokio::test(start_paused = true)]
async fn after_a_lost_answer_nothing_is_repeated_and_everybody_learns_that_nothing_is_known() {
    let bed = Bed::new(Manner::Loses);
    let asked: Vec<_> = (1000..1100).map(|n| bed.ask(n)).collect();
    let outcomes = outcomes(asked).await;
    assert_eq!(fates(&outcomes), BTreeSet::from([format!("{:?}", Fate::Unknown)]));
    assert_eq!(bed.remote.calls(), [100]);
    assert_eq!(bed.remote.stored(), 100);
}

#[tokio::test(start_paused = true)]
async fn where_a_release_lacks_the_call_each_write_goes_alone() {
    let bed = Bed::new(Manner::Lacks);
    let asked: Vec<_> = (1000..1100).map(|n| bed.ask(n)).collect();
    assert_eq!(fates(&outcomes(asked).await), BTreeSet::from(["done".to_owned()]));
    assert_eq!(bed.remote.stored(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_freeze_between_queue_and_call_stops_every_write_that_waits() {
    let bed = Bed::new(Manner::Takes);
    let first = bed.ask(1);
    tokio::time::sleep(Duration::from_millis(150)).await;
    let asked: Vec<_> = (1000..1100).map(|n| bed.ask(n)).collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    bed.open.store(false, Ordering::Relaxed);
    assert_eq!(
        fates(&outcomes(asked).await),
        BTreeSet::from([format!("{:?}", Refused::Superseded)])
    );
    assert!(first.await.unwrap().is_ok());
    assert_eq!(bed.remote.stored(), 1, "nothing was sent after the freeze");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_lost_its_permit_leaves_the_call_and_the_others_go() {
    let bed = Bed::new(Manner::Takes);
    let edited = Arc::new(AtomicBool::new(true));
    let first = bed.ask(1);
    tokio::time::sleep(Duration::from_millis(10)).await;
    let own = edited.clone();
    let outdated = bed.ask_with(2000, WritePermit::new(move || own.load(Ordering::Relaxed)));
    let asked: Vec<_> = (1000..1050).map(|n| bed.ask(n)).collect();
    // The call for many is under way by then.
    tokio::time::sleep(Duration::from_millis(120)).await;
    edited.store(false, Ordering::Relaxed);
    assert_eq!(
        fates(&[outdated.await.unwrap()]),
        BTreeSet::from([format!("{:?}", Refused::Superseded)])
    );
    assert_eq!(fates(&outcomes(asked).await), BTreeSet::from(["done".to_owned()]));
    assert!(first.await.unwrap().is_ok());
    assert_eq!(bed.remote.stored(), 51);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_waits_for_any_more_is_not_sent() {
    let bed = Bed::new(Manner::Takes);
    let first = bed.ask(1);
    tokio::time::sleep(Duration::from_millis(10)).await;
    let (given_up, others) = (bed.ask(2), [bed.ask(3), bed.ask(4)]);
    tokio::time::sleep(Duration::from_millis(10)).await;
    given_up.abort();
    assert!(first.await.unwrap().is_ok());
    assert_eq!(fates(&outcomes(others).await), BTreeSet::from(["done".to_owned()]));
    assert_eq!(bed.remote.stored(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_permit_is_withdrawn_does_not_wait_for_the_call_before_it() {
    let bed = Bed::new(Manner::Takes);
    *bed.remote.delay.lock().unwrap() = Duration::from_secs(10);
    let first = bed.ask(1);
    tokio::time::sleep(Duration::from_millis(10)).await;
    let edited = Arc::new(AtomicBool::new(true));
    let own = edited.clone();
    let outdated = bed.ask_with(2, WritePermit::new(move || own.load(Ordering::Relaxed)));
    let other = bed.ask(3);
    tokio::time::sleep(Duration::from_millis(10)).await;
    edited.store(false, Ordering::Relaxed);
    let asked = tokio::time::Instant::now();
    assert_eq!(
        fates(&[outdated.await.unwrap()]),
        BTreeSet::from([format!("{:?}", Refused::Superseded)])
    );
    assert!(asked.elapsed() <= 2 * CHECKED, "{:?}", asked.elapsed());
    assert!(!first.is_finished(), "the call before it is still under way");
    assert_eq!(
        fates(&outcomes([first, other]).await),
        BTreeSet::from(["done".to_owned()])
    );
    assert_eq!(bed.remote.stored(), 2);
}

#[tokio::test(start_paused = true)]
async fn after_a_change_of_the_key_nothing_goes_through_the_api_with_the_old_one() {
    let bed = Bed::new(Manner::Takes);
    let renewed = Arc::new(Remote::default());
    let first = bed.ask(1);
    tokio::time::sleep(Duration::from_millis(10)).await;
    let with_new_key = |number| {
        let (bulk, remote) = (bed.bulk.clone(), renewed.clone());
        tokio::spawn(async move {
            bulk.write(&remote, WritePermit::new(|| true), number, Expected::default())
                .await
        })
    };
    let new = [with_new_key(2), with_new_key(3)];
    tokio::time::sleep(Duration::from_millis(10)).await;
    // A reconcile that began before the change comes last.
    let old = bed.ask_with(4, WritePermit::new(|| false));
    assert_eq!(
        fates(&outcomes([old]).await),
        BTreeSet::from([format!("{:?}", Refused::Superseded)])
    );
    assert!(first.await.unwrap().is_ok());
    assert_eq!(fates(&outcomes(new).await), BTreeSet::from(["done".to_owned()]));
    assert_eq!((bed.remote.stored(), renewed.stored()), (1, 2));
}
