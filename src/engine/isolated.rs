//! Runs a piece of work in a task of its own, so that a panic in it is one object's error and nobody else's.

use std::future::Future;

use tokio::task::JoinSet;

use super::Error;

/// What the work answers, or an error where it panicked. Ends with its caller.
///
/// The task is spawned by the call itself and not when it is first polled: the caller's own future would hold all of `work`
/// until then.
pub fn isolated<T: Send + 'static>(
    kind: &'static str,
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> impl Future<Output = Result<T, Error>> {
    let mut task = JoinSet::new();
    task.spawn(work);
    answer(kind, task)
}

async fn answer<T: 'static>(kind: &'static str, mut task: JoinSet<Result<T, Error>>) -> Result<T, Error> {
    match task.join_next().await {
        Some(Ok(answer)) => answer,
        Some(Err(panic)) => {
            tracing::error!(kind, %panic, "a pass panicked");
            Err(Error::Internal(
                "the operator failed on this object; its log has the cause".into(),
            ))
        }
        None => Err(Error::Internal("a task without an end".into())),
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_of_its_caller_alone() {
        let answer = isolated::<()>("Kind", async { panic!("boom") }).await;
        assert!(matches!(answer, Err(Error::Internal(_))));
        assert_eq!(isolated("Kind", async { Ok(7) }).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn the_work_begins_at_once_and_ends_with_its_caller() {
        let (start, begun) = oneshot::channel();
        let (alive, ended) = oneshot::channel::<()>();
        let work = isolated("Kind", async move {
            let _alive = alive;
            let _ = start.send(());
            std::future::pending::<Result<(), Error>>().await
        });
        begun.await.unwrap();
        drop(work);
        assert!(ended.await.is_err(), "the work goes on without its caller");
    }
}
