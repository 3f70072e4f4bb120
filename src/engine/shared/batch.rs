//! Work that many ask for at once and that is done once for all of them.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{
    FutureExt,
    future::{BoxFuture, join_all},
};
use tokio::sync::oneshot;

/// How often those who ask are waited for, where a few come one after the other.
const GATHERINGS: u32 = 10;
/// The same where others are known to come, or [`MANY`] came since the last time: on a busy machine it takes seconds until those who
/// are woken at once have all asked.
const MOST_GATHERINGS: u32 = 50;
const MANY: usize = 5;

/// How many others are known to come; the default: nobody is. Whoever is counted comes soon, or is not counted any more.
#[derive(Clone, Default)]
pub struct Expected(Option<Arc<dyn Fn() -> usize + Send + Sync>>);

impl Expected {
    /// As many as `count` tells each time.
    pub fn new(count: impl Fn() -> usize + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(count)))
    }

    fn count(&self) -> usize {
        self.0.as_ref().map_or(0, |count| count())
    }
}

/// How those who come at about the same time are waited for.
#[derive(Clone, Default)]
pub struct Gather {
    /// How long nobody must have come for the wait to end. Zero: nobody is waited for.
    pub quiet: Duration,
    /// Who is known to come.
    pub expected: Expected,
}

impl From<Duration> for Gather {
    /// Nobody is known to come.
    fn from(quiet: Duration) -> Self {
        Self {
            quiet,
            expected: Expected::default(),
        }
    }
}

impl Gather {
    /// Waits until nobody is expected and `count` stood still for as long as [`Self::quiet`], or until `count` is `most`; at most
    /// [`GATHERINGS`] times that long, or [`MOST_GATHERINGS`] where many come.
    pub(super) async fn wait(&self, most: usize, count: impl Fn() -> usize) {
        if self.quiet.is_zero() {
            return;
        }
        for gathering in 1..=MOST_GATHERINGS {
            let before = count();
            if before >= most {
                return;
            }
            tokio::time::sleep(self.quiet).await;
            let came = count().saturating_sub(before);
            let expects = self.expected.count() > 0;
            if !expects && (came == 0 || gathering >= GATHERINGS && came < MANY) {
                return;
            }
        }
    }
}

/// Requests of one kind for one thing. One task does the work of all who have asked by then, and belongs to none of them: it goes
/// on as long as one of them waits. What is asked for while the work is under way is done in the next turn, so nobody gets an
/// answer that is older than the question.
pub struct Batch<Q, A>(Arc<Mutex<Queue<Q, A>>>);

struct Queue<Q, A> {
    asked: Vec<Asked<Q, A>>,
    running: bool,
}

/// Answers all questions, in their order.
type Work<Q, A> = Box<dyn FnOnce(Vec<Q>) -> BoxFuture<'static, Vec<A>> + Send>;

struct Asked<Q, A> {
    question: Q,
    answer: oneshot::Sender<A>,
    work: Work<Q, A>,
    gather: Gather,
}

impl<Q, A> Default for Batch<Q, A> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Queue {
            asked: Vec::new(),
            running: false,
        })))
    }
}

impl<Q: Send + 'static, A: Send + 'static> Batch<Q, A> {
    /// The answer to `question`; `work` gets all questions and returns their answers in the same order. `None`: the work ended by
    /// a panic, so that nothing is known of what was done.
    pub async fn ask<W: Future<Output = Vec<A>> + Send + 'static>(
        &self,
        question: Q,
        work: impl FnOnce(Vec<Q>) -> W + Send + 'static,
    ) -> Option<A> {
        self.ask_after(Duration::ZERO, question, work).await
    }

    /// The same, where the work begins once those who come at about the same time have come, so that they are answered together;
    /// see [`Gather`].
    pub async fn ask_after<W: Future<Output = Vec<A>> + Send + 'static>(
        &self,
        gather: impl Into<Gather>,
        question: Q,
        work: impl FnOnce(Vec<Q>) -> W + Send + 'static,
    ) -> Option<A> {
        let (answer, answered) = oneshot::channel();
        let start = {
            let mut queue = lock(&self.0);
            queue.asked.push(Asked {
                question,
                answer,
                work: Box::new(move |questions| work(questions).boxed()),
                gather: gather.into(),
            });
            !std::mem::replace(&mut queue.running, true)
        };
        if start {
            tokio::spawn(run(self.0.clone()));
        }
        answered.await.ok()
    }
}

/// Does what is asked for, until nothing is.
async fn run<Q, A>(queue: Arc<Mutex<Queue<Q, A>>>) {
    let _running = Running(&queue);
    loop {
        let gather = {
            let queue = lock(&queue);
            let longest = queue.asked.iter().max_by_key(|one| one.gather.quiet);
            longest.map(|one| one.gather.clone()).unwrap_or_default()
        };
        gather.wait(usize::MAX, || lock(&queue).asked.len()).await;
        let asked = {
            let mut queue = lock(&queue);
            // Nobody is there any more to put down what is done for them.
            queue.asked.retain(|one| !one.answer.is_closed());
            queue.running = !queue.asked.is_empty();
            std::mem::take(&mut queue.asked)
        };
        let mut work = None;
        let (mut questions, mut askers) = (Vec::new(), Vec::new());
        for one in asked {
            work.get_or_insert(one.work);
            questions.push(one.question);
            askers.push(one.answer);
        }
        let Some(work) = work else {
            return;
        };
        let answers = tokio::select! {
            biased;
            answers = work(questions) => answers,
            _ = join_all(askers.iter_mut().map(oneshot::Sender::closed)) => continue,
        };
        for (asker, answer) in askers.into_iter().zip(answers) {
            // Whoever does not wait any more needs no answer.
            let _ = asker.send(answer);
        }
    }
}

/// Lets the next question start a new run, and those that wait know, if the run ends by a panic.
struct Running<'a, Q, A>(&'a Mutex<Queue<Q, A>>);

impl<Q, A> Drop for Running<'_, Q, A> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut queue = lock(self.0);
            queue.running = false;
            queue.asked.clear();
        }
    }
}

fn lock<Q, A>(queue: &Mutex<Queue<Q, A>>) -> MutexGuard<'_, Queue<Q, A>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    async fn slow(questions: Vec<u32>) -> Vec<(u32, usize)> {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let size = questions.len();
        questions.into_iter().map(|question| (question, size)).collect()
    }

    #[tokio::test]
    async fn many_who_ask_at_once_cost_two_turns_at_most_and_each_gets_its_own_answer() {
        let batch = Arc::new(Batch::default());
        let asked: Vec<_> = (0..50)
            .map(|n| {
                let batch = batch.clone();
                tokio::spawn(async move { batch.ask(n, slow).await })
            })
            .collect();
        let mut turns = 0.0;
        for (n, task) in (0..).zip(asked) {
            let (question, size) = task.await.unwrap().unwrap();
            assert_eq!(question, n);
            turns += 1.0 / f64::from(u32::try_from(size).unwrap());
        }
        assert!(turns < 2.01, "{turns} turns");
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_come_one_after_the_other_are_gathered_as_long_as_they_come_and_no_longer() {
        const GATHER: Duration = Duration::from_millis(50);
        let ask = |batch: &Arc<Batch<u32, (u32, usize)>>, n: u32| {
            let batch = batch.clone();
            tokio::spawn(async move { batch.ask_after(GATHER, n, slow).await.unwrap() })
        };
        for (pause, together) in [(30, 5), (80, 1)] {
            let batch = Arc::new(Batch::default());
            let mut asked = Vec::new();
            for n in 0..5 {
                asked.push(ask(&batch, n));
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            for task in asked {
                assert_eq!(task.await.unwrap().1, together, "a question each {pause} ms");
            }
        }
        let batch = Arc::new(Batch::default());
        let began = tokio::time::Instant::now();
        let first = ask(&batch, 0);
        for n in 1..100 {
            tokio::time::sleep(Duration::from_millis(30)).await;
            drop(ask(&batch, n));
        }
        let (_, size) = first.await.unwrap();
        assert!(
            (5..60).contains(&size),
            "{size} of a hundred that never end, after {:?}",
            began.elapsed()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_are_known_to_come_are_waited_for_but_not_for_ever() {
        const QUIET: Duration = Duration::from_millis(100);
        let known = Arc::new(AtomicUsize::new(2));
        let counted = known.clone();
        let gather = Gather {
            quiet: QUIET,
            expected: Expected::new(move || counted.load(Ordering::Relaxed)),
        };
        let batch = Arc::new(Batch::default());
        let ask = |n: u32| {
            let (batch, gather) = (batch.clone(), gather.clone());
            tokio::spawn(async move { batch.ask_after(gather, n, slow).await.unwrap() })
        };
        let first = ask(0);
        let mut others = Vec::new();
        for n in [1, 2] {
            tokio::time::sleep(QUIET * 15).await;
            others.push(ask(n));
            tokio::time::sleep(QUIET / 10).await;
            known.fetch_sub(1, Ordering::Relaxed);
        }
        for asked in others.into_iter().chain([first]) {
            assert_eq!(asked.await.unwrap().1, 3, "they come one and a half seconds apart");
        }
        known.store(1, Ordering::Relaxed);
        let began = tokio::time::Instant::now();
        assert_eq!(ask(3).await.unwrap(), (3, 1));
        assert!(began.elapsed() < QUIET * (MOST_GATHERINGS + 2), "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn many_who_come_slowly_are_waited_for_until_they_are_as_many_as_one_turn_takes() {
        let count = Arc::new(AtomicUsize::new(0));
        let came = count.clone();
        let coming = tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(12)).await;
                came.fetch_add(1, Ordering::Relaxed);
            }
        });
        let gather = Gather::from(Duration::from_millis(100));
        gather.wait(250, || count.load(Ordering::Relaxed)).await;
        coming.abort();
        assert!((250..270).contains(&count.load(Ordering::Relaxed)), "{count:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_waits_for_any_more_is_not_done() {
        let batch = Arc::new(Batch::default());
        let ask = |n: u32| {
            let batch = batch.clone();
            tokio::spawn(async move { batch.ask(n, slow).await })
        };
        let first = ask(1);
        tokio::time::sleep(Duration::from_millis(5)).await;
        let (given_up, third) = (ask(2), ask(3));
        tokio::time::sleep(Duration::from_millis(5)).await;
        given_up.abort();
        first.await.unwrap().unwrap();
        assert_eq!(third.await.unwrap(), Some((3, 1)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_work_goes_on_for_the_others_when_the_first_reconcile_is_cancelled() {
        let batch = Arc::new(Batch::<u32, (u32, usize)>::default());
        let works = Arc::new(AtomicUsize::new(0));
        let ask = |n: u32| {
            let (batch, works) = (batch.clone(), works.clone());
            tokio::spawn(async move {
                let work = move |questions| {
                    works.fetch_add(1, Ordering::Relaxed);
                    slow(questions)
                };
                batch.ask_after(Duration::from_millis(10), n, work).await
            })
        };
        let first = ask(0);
        tokio::time::sleep(Duration::from_millis(2)).await;
        let others: Vec<_> = (1..252).map(ask).collect();
        while works.load(Ordering::Relaxed) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        first.abort();
        for (n, other) in (1..).zip(others) {
            assert_eq!(other.await.unwrap(), Some((n, 252)));
        }
        assert_eq!(works.load(Ordering::Relaxed), 1, "nobody asks again");
    }

    #[tokio::test]
    async fn the_work_ends_when_nobody_waits_for_it_any_more() {
        let batch = Arc::new(Batch::<u32, (u32, usize)>::default());
        let (begins, began) = oneshot::channel();
        let (dropped, ended) = oneshot::channel::<()>();
        let asked = tokio::spawn({
            let batch = batch.clone();
            let work = move |_| async move {
                let _dropped = dropped;
                let _ = begins.send(());
                std::future::pending().await
            };
            async move { batch.ask(1, work).await }
        });
        began.await.unwrap();
        asked.abort();
        assert!(ended.await.is_err(), "the work was dropped");
        assert_eq!(batch.ask(2, slow).await, Some((2, 1)), "the turn is free again");
    }

    #[tokio::test]
    async fn those_whose_work_ended_by_a_panic_learn_that_nothing_is_known() {
        let batch = Batch::<u32, (u32, usize)>::default();
        let broken = |_| async { panic!("planted") };
        assert_eq!(batch.ask(1, broken).await, None);
        assert_eq!(batch.ask(2, slow).await, Some((2, 1)), "the turn is free again");
    }
}
