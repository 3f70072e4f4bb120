//! Who gets a place, and in which order.

use super::*;
use crate::engine::watched::tests::Recorder;

struct Bed {
    admission: Arc<Admission>,
    recorder: Arc<Recorder>,
    kind: Arc<dyn Watched>,
}

impl Bed {
    fn new(places: usize) -> Self {
        let recorder = Arc::new(Recorder::default());
        Self {
            admission: Arc::new(Admission::new(places)),
            kind: recorder.clone(),
            recorder,
        }
    }

    fn enter(&self, namespace: &str, name: &str, class: Class) -> Option<Ticket> {
        let object = ObjectName {
            namespace: namespace.into(),
            name: name.into(),
        };
        self.admission.enter(&Applicant {
            uid: name,
            name: &object,
            kind: &self.kind,
            class,
        })
    }

    fn woken(&self) -> Vec<String> {
        self.recorder.take()
    }
}

#[tokio::test(start_paused = true)]
async fn a_withdrawal_overtakes_edits_creations_and_repair() {
    let bed = Bed::new(1);
    let ticket = bed.enter("a", "first", Class::Edit).unwrap();
    for (name, class) in [
        ("repair", Class::Repair),
        ("creation", Class::Creation),
        ("edit", Class::Edit),
        ("withdrawal", Class::Withdrawal),
    ] {
        assert!(bed.enter("a", name, class).is_none());
    }
    let mut ticket = Some(ticket);
    for (name, class) in [
        ("withdrawal", Class::Withdrawal),
        ("edit", Class::Edit),
        ("creation", Class::Creation),
        ("repair", Class::Repair),
    ] {
        drop(ticket.take());
        assert_eq!(bed.woken(), [format!("a/{name}")]);
        ticket = bed.enter("a", name, class);
        assert!(ticket.is_some(), "{name} has its place");
    }
}

#[tokio::test(start_paused = true)]
async fn those_are_expected_who_were_woken_or_work_and_not_those_who_wait() {
    let bed = Bed::new(2);
    let first = bed.enter("a", "first", Class::Edit).unwrap();
    let second = bed.enter("a", "second", Class::Edit).unwrap();
    assert!(bed.enter("a", "third", Class::Edit).is_none());
    let on_its_way = first.on_its_way();
    let other = second.on_its_way();
    assert_eq!(bed.admission.expected(), 2);
    let waiting = on_its_way.waits();
    assert_eq!(bed.admission.expected(), 1);
    drop(waiting);
    drop(other);
    assert_eq!(bed.admission.expected(), 1);
    drop(on_its_way);
    drop(first);
    assert_eq!(bed.admission.expected(), 1, "the third one was woken");
    let _third = bed.enter("a", "third", Class::Edit).unwrap();
    assert_eq!(bed.admission.expected(), 0, "it goes by itself");
}

#[tokio::test(start_paused = true)]
async fn namespaces_take_turns() {
    let bed = Bed::new(1);
    let mut ticket = bed.enter("a", "first", Class::Edit);
    for n in 0..3 {
        assert!(bed.enter("a", &format!("a{n}"), Class::Edit).is_none());
    }
    assert!(bed.enter("b", "b0", Class::Edit).is_none());
    let mut order = Vec::new();
    for _ in 0..4 {
        drop(ticket.take());
        let woken = bed.woken().remove(0);
        let (namespace, name) = woken.split_once('/').unwrap();
        ticket = bed.enter(namespace, name, Class::Edit);
        order.push(name.to_owned());
    }
    assert_eq!(order, ["a0", "b0", "a1", "a2"]);
}

#[tokio::test(start_paused = true)]
async fn repair_leaves_places_for_edits() {
    let bed = Bed::new(3);
    let _repair = bed.enter("a", "r0", Class::Repair).unwrap();
    assert!(bed.enter("a", "r1", Class::Repair).is_none());
    let _edit = bed.enter("a", "e0", Class::Edit).unwrap();
    let _other = bed.enter("a", "e1", Class::Edit).unwrap();
    assert!(bed.enter("a", "e2", Class::Edit).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_woken_object_that_never_comes_loses_its_place() {
    let bed = Bed::new(1);
    let ticket = bed.enter("a", "first", Class::Edit).unwrap();
    assert!(bed.enter("a", "gone", Class::Edit).is_none());
    assert!(bed.enter("a", "next", Class::Edit).is_none());
    drop(ticket);
    assert_eq!(bed.woken(), ["a/gone"]);
    tokio::time::advance(CLAIMED_WITHIN).await;
    bed.admission.forget("another");
    assert_eq!(bed.woken(), ["a/next"]);
    let _next = bed.enter("a", "next", Class::Edit).unwrap();
    bed.admission.forget("gone");
    assert!(bed.enter("a", "late", Class::Edit).is_none());
}
