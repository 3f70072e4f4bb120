//! Tests in simulated time. Test, simulator and operator are one current-thread runtime whose clock is paused: in turns, everything
//! that is ready runs, and then the clock is advanced by a step. So waits cost no time, and a busy machine makes a test slower,
//! never late. Tokio's own jump to the next timer cannot be used: it would jump while an answer is on its way through a socket.

use std::{
    cell::RefCell,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use tokio::task::yield_now;

/// What the clock is advanced by, and how often everything that is ready runs before that. A call takes about six turns.
const STEP: (Duration, usize) = (Duration::from_millis(10), 4);
/// The same while nobody has called anybody for [`QUIET`] steps, and for [`STILL`] of them.
const LONG_STEP: (Duration, usize) = (Duration::from_millis(50), 2);
const QUIET: usize = 20;
const LONGER_STEP: (Duration, usize) = (Duration::from_millis(200), 2);
const STILL: usize = 40;

type Counter = Box<dyn Fn() -> u64>;

thread_local! {
    /// Of the run on this thread, if there is one.
    static COUNTERS: RefCell<Option<Vec<Counter>>> = const { RefCell::new(None) };
}

/// Counts these calls: steps are long only while none are made. Without effect outside of [`run`].
pub(crate) fn count_calls(counter: impl Fn() -> u64 + 'static) {
    COUNTERS.with_borrow_mut(|counters| {
        if let Some(counters) = counters {
            counters.push(Box::new(counter));
        }
    });
}

/// Runs a test to its end.
pub(crate) fn run<T>(test: impl AsyncFnOnce() -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let _inside = runtime.enter();
    let _counters = Counters::none_yet();
    let mut test = pin!(test());
    let (mut calls, mut quiet) = (0, 0);
    loop {
        let now = COUNTERS.with_borrow(|counters| counters.iter().flatten().map(|count| count()).sum::<u64>());
        quiet = if now == calls { quiet + 1 } else { 0 };
        calls = now;
        let (step, turns) = match quiet {
            STILL.. => LONGER_STEP,
            QUIET.. => LONG_STEP,
            _ => STEP,
        };
        for _ in 0..turns {
            let polled = runtime.block_on(async {
                let polled = once(test.as_mut()).await;
                yield_now().await;
                yield_now().await;
                polled
            });
            if let Poll::Ready(done) = polled {
                return done;
            }
        }
        runtime.block_on(tokio::time::advance(step));
    }
}

/// Counters of one run, forgotten with it.
struct Counters;

impl Counters {
    fn none_yet() -> Self {
        COUNTERS.set(Some(Vec::new()));
        Self
    }
}

impl Drop for Counters {
    fn drop(&mut self) {
        drop(COUNTERS.take());
    }
}

async fn once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    std::future::poll_fn(move |context| Poll::Ready(future.as_mut().poll(context))).await
}

/// Runs a test for each of these in a time of its own, on every core.
///
/// # Panics
/// Some of them failed; the message names them.
pub(crate) fn each<T: Sync>(all: &[T], name: impl Fn(&T) -> String, test: impl AsyncFn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((place, one)) = {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    all.get(place).map(|one| (place, one))
                } {
                    if catch_unwind(AssertUnwindSafe(|| run(async || test(one).await))).is_err() {
                        failed.lock().unwrap().push(place);
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().unwrap();
    failed.sort_unstable();
    let failed: Vec<String> = failed.into_iter().map(|place| name(&all[place])).collect();
    assert!(
        failed.is_empty(),
        "{} of {} failed, see above: {failed:#?}",
        failed.len(),
        all.len()
    );
}
