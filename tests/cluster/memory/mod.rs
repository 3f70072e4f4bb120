//! A test without a cluster: an apiserver in memory, and operators in the process of the test, each with a runtime of its
//! own, so that to kill one is to drop its runtime with every task, connection and byte that it had.
//!
//! All of it runs on the thread of the test, step by step: everything that is ready runs, the remote side and the operators
//! in turns, and then the clock of every runtime is advanced by a step. So time passes as fast as there is nothing to
//! do, and a busy machine makes a test slower but never later than what it waits for.

mod operator;

use std::{cell::RefCell, future::Future, pin::pin, rc::Rc, sync::LazyLock, task::Poll, time::Duration};

use dataiku_operator::crd;
use kube::Client;
use memory_apiserver::{MemoryApiserver, Registered};
use testbed::simulator::Instance;
use tokio::{runtime::Runtime, task::yield_now, time::Instant};

use self::operator::Process;
pub use self::operator::{HOME, Operator};
use crate::ground::Ground;

/// What the clock is advanced by once nothing is ready, and how often the remote side and the operators have their turn
/// before that. A call needs about six turns: so it takes a step or two.
const STEP: (Duration, usize) = (Duration::from_millis(10), 4);
/// The same while nobody has called anybody for [`QUIET`] steps, and for [`STILL`] of them. A Lease is renewed all the time,
/// which does not count.
const LONG_STEP: (Duration, usize) = (Duration::from_millis(50), 2);
const QUIET: usize = 20;
const LONGER_STEP: (Duration, usize) = (Duration::from_millis(200), 2);
const STILL: usize = 40;
/// The clocks start ahead of the machine's, so that those of later runtimes can be set to the same time.
const AHEAD: Duration = Duration::from_hours(1);

/// The kinds that the apiserver serves.
pub static KINDS: LazyLock<Vec<Registered>> = LazyLock::new(|| crd::all().iter().map(Registered::from_crd).collect());

/// Everything of a test but its remote side. Clones share it.
#[derive(Clone)]
pub struct World {
    pub server: MemoryApiserver,
    remotes: Rc<RefCell<Vec<Instance>>>,
    processes: Rc<RefCell<Vec<Process>>>,
    /// Operators that were killed: they do nothing any more, and are dropped outside of every runtime.
    killed: Rc<RefCell<Vec<Process>>>,
}

impl World {
    /// A client for the test itself.
    pub fn client(&self) -> Client {
        self.server.client()
    }

    /// Takes notice of the calls to this remote side.
    pub fn add(&self, remote: &Instance) {
        self.remotes.borrow_mut().push(remote.clone());
    }

    /// Calls so far, to the apiserver and to every remote side.
    fn calls(&self) -> (u64, u64) {
        let remotes = self.remotes.borrow();
        (self.server.arrived(), remotes.iter().map(Instance::calls).sum())
    }

    /// Lets the operators work for a moment, and drops those that were killed.
    fn turn(&self, now: Instant) {
        self.killed.borrow_mut().clear();
        for process in self.processes.borrow_mut().iter_mut() {
            process.turn(now);
        }
    }

    fn advance(&self, by: Duration) {
        for process in self.processes.borrow_mut().iter_mut() {
            process.advance(by);
        }
    }
}

/// Runs a test to its end.
pub fn test(test: impl AsyncFnOnce(Ground)) {
    run(async |world| test(Ground::Memory(world)).await);
}

/// The same, with what the test can do to the world.
pub fn run<T>(test: impl AsyncFnOnce(World) -> T) -> T {
    let runtime = runtime();
    let _inside = runtime.enter();
    let world = runtime.block_on(async {
        tokio::time::advance(AHEAD).await;
        World {
            server: MemoryApiserver::new(),
            remotes: Rc::default(),
            processes: Rc::default(),
            killed: Rc::default(),
        }
    });
    for kind in KINDS.iter() {
        world.server.register(kind.clone());
    }
    let mut test = pin!(test(world.clone()));
    let (mut calls, mut quiet) = (world.calls(), 0);
    loop {
        let now = world.calls();
        quiet = if now == calls { quiet + 1 } else { 0 };
        if now.0 != calls.0 {
            world.server.collect_garbage();
        }
        calls = now;
        let (step, turns) = match quiet {
            STILL.. => LONGER_STEP,
            QUIET.. => LONG_STEP,
            _ => STEP,
        };
        for _ in 0..turns {
            let (polled, now) = runtime.block_on(async {
                let polled = once(test.as_mut()).await;
                yield_now().await;
                yield_now().await;
                (polled, Instant::now())
            });
            if let Poll::Ready(done) = polled {
                world.processes.borrow_mut().clear();
                return done;
            }
            world.turn(now);
        }
        runtime.block_on(tokio::time::advance(step));
        world.advance(step);
    }
}

/// A runtime on the thread of the caller, whose clock stands still.
fn runtime() -> Runtime {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    runtime.unwrap()
}

/// Polls a future once.
async fn once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    std::future::poll_fn(move |context| Poll::Ready(future.as_mut().poll(context))).await
}
