use std::time::Duration;

use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use super::*;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
const LONG: Duration = Duration::from_mins(1);

fn budget() -> Arc<ListBudget> {
    Arc::new(ListBudget::new(8 * MIB))
}

fn account(budget: &Arc<ListBudget>) -> Arc<Account> {
    Arc::new(Account::new(budget.clone()))
}

/// Decodes this many elements of 64 KiB.
async fn decode(reading: &mut Reading, elements: usize, kept: Kept) -> Result<(), Exhausted> {
    for _ in 0..elements {
        reading.cover(64 * KIB).await?;
        reading.credit.spend(64 * KIB, kept);
        tokio::task::yield_now().await;
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn fifty_lists_that_need_more_than_the_budget_together_stay_within_it_and_all_are_read_in_the_end() {
    let budget = budget();
    let mut nodes = JoinSet::new();
    for _ in 0..50 {
        let (budget, account) = (budget.clone(), account(&budget));
        nodes.spawn(async move {
            let mut attempts = 0;
            loop {
                attempts += 1;
                let mut reading = account.begin("list");
                let read = decode(&mut reading, 80, Kept::Whole).await;
                assert!(budget.drawn() <= 8 * MIB);
                match read {
                    Ok(()) => return reading.end(false),
                    Err(exhausted) => assert_eq!(exhausted, Exhausted::GaveWay),
                }
                drop(reading);
                assert!(attempts < 100, "a list that never gets memory");
                sleep(Duration::from_secs(1)).await;
            }
        });
    }
    timeout(100 * LONG, nodes.join_all()).await.unwrap();
    assert_eq!(budget.drawn(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_connection_never_has_it_all() {
    let budget = budget();
    let greedy = account(&budget);
    let mut first = greedy.begin("one");
    decode(&mut first, 80, Kept::Whole).await.unwrap();
    first.end(true);
    let mut second = greedy.begin("another");
    let refused = decode(&mut second, 80, Kept::Whole).await;
    assert_eq!(refused, Err(Exhausted::TooMuch(6 * MIB)));
    let mut other = account(&budget).begin("one");
    assert!(
        timeout(LONG, decode(&mut other, 16, Kept::Whole))
            .await
            .unwrap()
            .is_ok()
    );
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_sent_slowly_gives_way_to_an_older_one() {
    let budget = budget();
    let (honest, slow) = (account(&budget), account(&budget));
    let mut older = honest.begin("list");
    let mut younger = slow.begin("list");
    decode(&mut younger, 80, Kept::Whole).await.unwrap();
    let trickles = tokio::spawn(async move {
        younger.gives_way().await;
        drop(younger);
    });
    assert!(
        timeout(LONG, decode(&mut older, 80, Kept::Whole))
            .await
            .unwrap()
            .is_ok()
    );
    trickles.await.unwrap();
    // It keeps its place, so that the next list that begins does not overtake it again.
    older.end(false);
    let mut third = honest.begin("list");
    decode(&mut third, 80, Kept::Whole).await.unwrap();
    let mut again = slow.begin("list");
    let (read, ()) = tokio::join!(decode(&mut again, 80, Kept::Whole), async {
        third.gives_way().await;
        drop(third);
    });
    assert!(read.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_held_is_charged_until_the_next_one_and_what_both_share_is_charged_once() {
    let budget = budget();
    let node = account(&budget);
    let mut first = node.begin("list");
    decode(&mut first, 70, Kept::Whole).await.unwrap();
    first.end(true);
    assert_eq!(budget.drawn(), 70 * 64 * KIB);
    for _ in 0..3 {
        let mut next = node.begin("list");
        decode(&mut next, 70, Kept::Shared).await.unwrap();
        next.end(true);
        assert_eq!(budget.drawn(), 70 * 64 * KIB);
    }
    let mut changed = node.begin("list");
    let refused = decode(&mut changed, 70, Kept::Whole).await;
    assert_eq!(refused, Err(Exhausted::TooMuch(6 * MIB)), "both are in memory at once");
    drop(changed);
    drop(node);
    assert_eq!(budget.drawn(), 0, "the connection is gone");
}

#[tokio::test(start_paused = true)]
async fn a_list_that_changes_little_is_read_although_others_hold_everything() {
    let budget = budget();
    let (node, rest) = (account(&budget), account(&budget));
    let mut first = node.begin("list");
    decode(&mut first, 40, Kept::Whole).await.unwrap();
    first.end(true);
    let mut others = rest.begin("list");
    decode(&mut others, 85, Kept::Whole).await.unwrap();
    others.end(true);
    let mut again = node.begin("list");
    assert!(
        timeout(LONG, decode(&mut again, 40, Kept::Shared))
            .await
            .unwrap()
            .is_ok()
    );
    again.end(true);
    let mut new = account(&budget).begin("list");
    assert!(
        timeout(LONG, decode(&mut new, 20, Kept::Whole)).await.is_err(),
        "it waits, and no longer than its call"
    );
}
