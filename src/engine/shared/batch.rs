//! Work that many ask for at once and that is done once for all of them.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{Mutex as Turn, oneshot};

/// How often those who ask are waited for.
const GATHERINGS: u32 = 10;

/// Waits until `count` stands still for as long as `gather`, and at most [`GATHERINGS`] times that long.
pub(super) async fn gathered(gather: Duration, count: impl Fn() -> usize) {
    for _ in 0..GATHERINGS {
        let before = count();
        tokio::time::sleep(gather).await;
        if count() == before {
            return;
        }
    }
}

/// Requests of one kind for one thing. Whoever gets the turn does the work of all who have asked by then; the others
/// find it done. What is asked for while the work is under way is done in the next turn, so nobody gets an answer that
/// is older than the question.
pub struct Batch<Q, A> {
    asked: Mutex<Vec<(Q, oneshot::Sender<A>)>>,
    turn: Turn<()>,
}

impl<Q, A> Default for Batch<Q, A> {
    fn default() -> Self {
        Self {
            asked: Mutex::default(),
            turn: Turn::default(),
        }
    }
}

impl<Q, A> Batch<Q, A> {
    /// The answer to `question`; `work` gets all questions and returns their answers in the same order. `None`: whoever
    /// did the work gave up in the middle of it, so that nothing is known of what was done.
    pub async fn ask(&self, question: Q, work: impl AsyncFnOnce(Vec<Q>) -> Vec<A>) -> Option<A> {
        self.ask_after(Duration::ZERO, question, work).await
    }

    /// The same, where the work begins once no further question came for as long as `gather`, and at most [`GATHERINGS`] times
    /// that long after the first one: so that those who come at about the same time are answered together.
    pub async fn ask_after(
        &self,
        gather: Duration,
        question: Q,
        work: impl AsyncFnOnce(Vec<Q>) -> Vec<A>,
    ) -> Option<A> {
        let (answer, mut answered) = oneshot::channel();
        self.asked().push((question, answer));
        let _turn = self.turn.lock().await;
        match answered.try_recv() {
            Ok(answer) => return Some(answer),
            Err(oneshot::error::TryRecvError::Closed) => return None,
            Err(oneshot::error::TryRecvError::Empty) => {}
        }
        if !gather.is_zero() {
            gathered(gather, || self.asked().len()).await;
        }
        let mut asked = std::mem::take(&mut *self.asked());
        // Nobody is there any more to put down what is done for them.
        asked.retain(|(_, asker)| !asker.is_closed());
        let (questions, askers): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
        let answers = work(questions).await;
        for (asker, answer) in askers.into_iter().zip(answers) {
            // Whoever does not wait any more needs no answer.
            let _ = asker.send(answer);
        }
        answered.try_recv().ok()
    }

    fn asked(&self) -> std::sync::MutexGuard<'_, Vec<(Q, oneshot::Sender<A>)>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    async fn slow(questions: Vec<u32>) -> Vec<(u32, usize)> {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let size = questions.len();
        questions.into_iter().map(|question| (question, size)).collect()
    }

    #[tokio::test]
    async fn many_who_ask_at_once_cost_two_turns_and_each_gets_its_own_answer() {
        let batch = Arc::new(Batch::default());
        let asked: Vec<_> = (0..50)
            .map(|n| {
                let batch = batch.clone();
                tokio::spawn(async move { batch.ask(n, slow).await })
            })
            .collect();
        let mut sizes = Vec::new();
        for (n, task) in (0..).zip(asked) {
            let (question, size) = task.await.unwrap().unwrap();
            assert_eq!(question, n);
            sizes.push(size);
        }
        assert!(sizes[1..].iter().all(|size| *size == 49), "{sizes:?}");
        assert_eq!(sizes[0], 1, "the first waits for nobody");
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

    #[tokio::test]
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

    #[tokio::test]
    async fn those_whose_work_was_given_up_learn_that_nothing_is_known() {
        let batch = Arc::new(Batch::<u32, (u32, usize)>::default());
        let first = tokio::spawn({
            let batch = batch.clone();
            async move { batch.ask(1, slow).await }
        });
        tokio::time::sleep(Duration::from_millis(5)).await;
        let worker = tokio::spawn({
            let batch = batch.clone();
            async move { batch.ask(2, async |_| std::future::pending().await).await }
        });
        tokio::time::sleep(Duration::from_millis(5)).await;
        let waiting = tokio::spawn({
            let batch = batch.clone();
            async move { batch.ask(3, slow).await }
        });
        first.await.unwrap().unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        worker.abort();
        assert_eq!(waiting.await.unwrap(), None);
        assert_eq!(batch.ask(4, slow).await, Some((4, 1)), "the turn is free again");
    }
}
