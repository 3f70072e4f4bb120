//! The writer of a shared document on a remote side that refuses some of it.

use super::*;

/// A remote side that refuses the whole document where a bad number is in it.
#[derive(Default)]
struct Remote {
    stored: Mutex<Vec<u32>>,
    /// Sizes of the documents that it was sent.
    writes: Mutex<Vec<usize>>,
    kind: Mutex<Option<ErrorKind>>,
}

struct Numbers;

const BAD: [u32; 2] = [13, 66];

impl SharedDocument for Numbers {
    type Api = Arc<Remote>;
    type Edit = u32;
    type Content = Vec<u32>;
    type Written = ();

    async fn read(&self, api: &Arc<Remote>, _: &[&u32]) -> Result<Vec<u32>, ApiError> {
        Ok(api.stored.lock().unwrap().clone())
    }

    fn edit(&self, content: &mut Vec<u32>, edit: &u32) -> Result<bool, Error> {
        content.push(*edit);
        Ok(true)
    }

    async fn write(&self, api: &Arc<Remote>, _: WritePermit, content: &Vec<u32>) -> Result<(), ApiError> {
        api.writes.lock().unwrap().push(content.len());
        tokio::task::yield_now().await;
        if content.iter().any(|number| BAD.contains(number)) {
            let kind = api.kind.lock().unwrap().unwrap_or(ErrorKind::Rejected);
            return Err(ApiError::new("PUT /numbers", kind, "unlucky"));
        }
        api.stored.lock().unwrap().clone_from(content);
        Ok(())
    }
}

/// Edits that all wait when the writer begins.
async fn edit_all(remote: &Arc<Remote>, numbers: &[u32]) -> Vec<Result<(), Error>> {
    let writer = Arc::new(Writer::new(Numbers));
    let edits = numbers
        .iter()
        .map(|number| writer.edit(remote, WritePermit::new(|| true), *number));
    futures::future::join_all(edits).await
}

#[tokio::test]
async fn a_refused_document_is_halved_until_only_the_edits_at_fault_fail() {
    let remote = Arc::new(Remote::default());
    let numbers = [1, 2, 3, 13, 5, 6, 66, 8];
    let outcomes = edit_all(&remote, &numbers).await;
    for (number, outcome) in numbers.iter().zip(&outcomes) {
        assert_eq!(outcome.is_err(), BAD.contains(number), "{number}: {outcome:?}");
    }
    assert_eq!(*remote.stored.lock().unwrap(), [1, 2, 3, 5, 6, 8]);
    let writes = remote.writes.lock().unwrap();
    assert_eq!(writes[0], 8, "all that waits goes into one write");
    // Of a tree over eight edits, the branches that lead to the two.
    assert!(writes.len() <= 11, "{writes:?}");
}

#[tokio::test]
async fn an_outage_is_nobodys_fault_and_costs_one_write() {
    let remote = Arc::new(Remote::default());
    *remote.kind.lock().unwrap() = Some(ErrorKind::Lost);
    let outcomes = edit_all(&remote, &[1, 2, 13, 4]).await;
    assert!(outcomes.iter().all(Result::is_err), "{outcomes:?}");
    assert_eq!(*remote.writes.lock().unwrap(), [4]);
}
