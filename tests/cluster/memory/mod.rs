//! A test without a cluster: an apiserver in memory, and operators in the process of the test, each with a runtime of its
//! own, so that to kill one is to drop its runtime with every task, connection and byte that it had.
//!
//! All of it runs on the thread of the test, step by step: everything that is ready runs, the remote side and the operators
//! in turns, and then the clock of every runtime is advanced by [`STEP`]. So time passes as fast as there is nothing to
//! do, and a busy machine makes a test slower but never later than what it waits for.

mod operator;

use std::{cell::RefCell, future::Future, pin::pin, rc::Rc, sync::LazyLock, task::Poll, time::Duration};

use dataiku_operator::crd;
use kube::Client;
use memory_apiserver::{MemoryApiserver, Registered};
use tokio::{runtime::Runtime, task::yield_now, time::Instant};

pub use self::operator::Operator;
use self::operator::Process;

/// What the clock is advanced by once nothing is ready.
const STEP: Duration = Duration::from_millis(10);
/// How often the remote side and the operators have their turn in a step. A call needs about six: so it takes a step or two.
const TURNS: usize = 4;
/// The clocks start ahead of the machine's, so that those of later runtimes can be set to the same time.
const AHEAD: Duration = Duration::from_hours(1);

static KINDS: LazyLock<Vec<Registered>> = LazyLock::new(|| crd::all().iter().map(Registered::from_crd).collect());

/// Everything of a test but its remote side. Clones share it.
#[derive(Clone)]
pub struct World {
    pub server: MemoryApiserver,
    processes: Rc<RefCell<Vec<Process>>>,
    /// Operators that were killed: they do nothing any more, and are dropped outside of every runtime.
    killed: Rc<RefCell<Vec<Process>>>,
}

impl World {
    /// A client for the test itself.
    pub fn client(&self) -> Client {
        self.server.client()
    }

    /// Lets the operators work for a moment, and drops those that were killed.
    fn turn(&self, now: Instant) {
        self.killed.borrow_mut().clear();
        for process in self.processes.borrow_mut().iter_mut() {
            process.turn(now);
        }
    }

    fn advance(&self) {
        for process in self.processes.borrow_mut().iter_mut() {
            process.advance(STEP);
        }
    }
}

/// Runs a test to its end.
pub fn run<T>(test: impl AsyncFnOnce(World) -> T) -> T {
    let runtime = runtime();
    let _inside = runtime.enter();
    let world = runtime.block_on(async {
        tokio::time::advance(AHEAD).await;
        World {
            server: MemoryApiserver::new(),
            processes: Rc::default(),
            killed: Rc::default(),
        }
    });
    for kind in KINDS.iter() {
        world.server.register(kind.clone());
    }
    let mut test = pin!(test(world.clone()));
    loop {
        for _ in 0..TURNS {
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
        runtime.block_on(tokio::time::advance(STEP));
        world.advance();
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
