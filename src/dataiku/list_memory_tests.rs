use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

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

/// A connection that lets go of its lists when it is asked to; how often it was.
fn sparing(budget: &Arc<ListBudget>) -> (Arc<Account>, Arc<AtomicUsize>) {
    let (account, asked) = (account(budget), Arc::<AtomicUsize>::default());
    let counted = asked.clone();
    ListAccount::new(account.clone()).held_by(move |evicted| {
        counted.fetch_add(1, Ordering::Relaxed);
        drop(evicted);
        None
    });
    (account, asked)
}

/// Reads and holds a list of this many elements of 64 KiB.
async fn hold(account: &Arc<Account>, elements: usize) -> Result<(), Exhausted> {
    let mut list = account.begin("list");
    decode(&mut list, elements, Kept::Whole).await?;
    list.end(true);
    Ok(())
}

async fn gets(account: &Arc<Account>, elements: usize) -> bool {
    matches!(timeout(LONG / 2, hold(account, elements)).await, Ok(Ok(())))
}

#[tokio::test(start_paused = true)]
async fn connections_that_hold_the_whole_budget_leave_a_new_one_its_part() {
    let budget = budget();
    let ((one, asked), (two, spared)) = (sparing(&budget), sparing(&budget));
    assert!(gets(&one, 60).await && gets(&two, 66).await);
    let (new, _) = sparing(&budget);
    assert!(gets(&new, 40).await, "a third of 128 elements");
    assert_eq!(asked.load(Ordering::Relaxed), 1, "the least recently used");
    assert_eq!(spared.load(Ordering::Relaxed), 0);
    assert_eq!(budget.drawn(), 106 * 64 * KIB);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_was_just_used_is_taken_after_one_that_was_not() {
    let budget = budget();
    let ((one, spared), (two, asked)) = (sparing(&budget), sparing(&budget));
    assert!(gets(&one, 60).await && gets(&two, 66).await);
    sleep(Duration::from_secs(1)).await;
    ListAccount::new(one.clone()).used();
    assert!(gets(&sparing(&budget).0, 40).await);
    assert_eq!((spared.load(Ordering::Relaxed), asked.load(Ordering::Relaxed)), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_connection_within_its_part_loses_nothing_and_one_beyond_it_takes_only_what_nobody_uses() {
    let budget = budget();
    let ((large, asked), (small, spared)) = (sparing(&budget), sparing(&budget));
    assert!(gets(&large, 90).await && gets(&small, 30).await);
    // The part of each of three is 42 elements. Nobody knew how long the list of the third would be.
    let (third, taken) = sparing(&budget);
    assert!(gets(&third, 60).await);
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    assert!(
        !gets(&large, 90).await,
        "the third was just used, and the large one is known to be beyond its part"
    );
    assert_eq!(taken.load(Ordering::Relaxed), 0);
    // It gets its lists back once nobody uses those of the third.
    sleep(LONG).await;
    assert!(gets(&large, 90).await);
    assert_eq!((taken.load(Ordering::Relaxed), spared.load(Ordering::Relaxed)), (1, 0));
    // A list that failed for want of memory is known, too.
    assert!(!gets(&third, 60).await);
    sleep(Duration::from_secs(20)).await;
    assert!(!gets(&third, 60).await);
    assert_eq!((asked.load(Ordering::Relaxed), spared.load(Ordering::Relaxed)), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn evicted_lists_count_until_their_last_user_is_done_and_those_that_cannot_be_spared_stay() {
    let budget = budget();
    let leaving = Arc::new(Mutex::new(None));
    let large = account(&budget);
    let kept = leaving.clone();
    ListAccount::new(large.clone()).held_by(move |evicted| {
        *kept.lock().unwrap() = Some(evicted);
        None
    });
    let rest = account(&budget);
    ListAccount::new(rest.clone()).held_by(Some);
    assert!(gets(&large, 62).await);
    sleep(Duration::from_secs(1)).await;
    assert!(gets(&rest, 64).await);
    let (new, _) = sparing(&budget);
    assert!(!gets(&new, 40).await, "somebody still reads the old lists");
    assert_eq!(budget.drawn(), 126 * 64 * KIB);
    leaving.lock().unwrap().take();
    assert_eq!(budget.drawn(), 64 * 64 * KIB);
    assert!(gets(&new, 40).await);
    sleep(LONG).await;
    let another = account(&budget);
    assert!(gets(&another, 20).await);
    // Nobody lets go of anything any more: `rest` cannot spare its lists, and `another` has no holder.
    ListAccount::new(new.clone()).held_by(Some);
    assert!(!gets(&account(&budget), 20).await);
    assert_eq!(budget.drawn(), 124 * 64 * KIB, "what is not spared stays charged");
    drop((large, rest, new, another));
    assert_eq!(budget.drawn(), 0);
}

#[tokio::test(start_paused = true)]
async fn elements_that_outlive_their_list_are_charged_until_the_last_of_them_is_gone() {
    let budget = budget();
    let node = account(&budget);
    let mut list = node.begin("list");
    decode(&mut list, 90, Kept::Whole).await.unwrap();
    let loan = Arc::new(list.lend());
    let other = loan.clone();
    drop(loan);
    assert_eq!(budget.drawn(), 90 * 64 * KIB);
    let mut second = node.begin("list");
    assert_eq!(
        decode(&mut second, 10, Kept::Whole).await,
        Err(Exhausted::TooMuch(6 * MIB))
    );
    drop((second, other));
    assert_eq!(budget.drawn(), 0);
}
