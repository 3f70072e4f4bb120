//! Whether a status still says what the operator wrote, or another manager wrote to it.

use super::{
    error::Reason,
    object::Object,
    status::{RECONCILING, STALLED},
};

/// Whether the conditions and the plan agree with one another. Another manager that writes one of them leaves a
/// contradiction, such as `Stalled` beside `Ready=True`; the next reconcile removes it.
pub fn is_coherent<K: Object>(object: &K) -> bool {
    let Some(status) = object.status() else { return true };
    let Some(ready) = status.condition("Ready") else {
        return false;
    };
    let Some(reason) = Reason::named(&ready.reason) else {
        return false;
    };
    let agrees = |type_: &str, expected: bool| match status.condition(type_) {
        Some(condition) => {
            expected
                && condition.status == "True"
                && condition.reason == ready.reason
                && condition.message == ready.message
        }
        None => !expected,
    };
    let of_this_status = ready.observed_generation == status.observed_generation;
    (ready.status == "True") == reason.is_ready()
        && of_this_status
        && agrees(STALLED, reason.is_stalled())
        && agrees(RECONCILING, reason.is_reconciling())
        && (status.plan.is_empty() || reason != Reason::InSync)
}
