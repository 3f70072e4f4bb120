//! Time limits of what a spec grants (`validUntil`).

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::plan::Plan;

/// Longest wait for a time limit: timers count with another clock, and the two drift apart.
const LONGEST: Duration = Duration::from_hours(24);

/// The time limits of one spec: those that have passed, and when the next one does.
pub struct Expiry {
    now: Timestamp,
    next: Option<Timestamp>,
    passed: Vec<String>,
}

impl Expiry {
    /// No limit yet, at this time.
    pub fn at(now: Timestamp) -> Self {
        Self {
            now,
            next: None,
            passed: Vec::new(),
        }
    }

    /// Whether this limit has passed, its very second included. `says` is the sentence for people, made from the limit.
    pub fn passed(&mut self, limit: Option<&Time>, says: impl FnOnce(Timestamp) -> String) -> bool {
        let Some(Time(limit)) = limit else { return false };
        let passed = *limit <= self.now;
        if passed {
            self.passed.push(says(*limit));
        } else {
            self.next = self.next.into_iter().chain([*limit]).min();
        }
        passed
    }

    /// Adds the limits to a plan: its reconcile repeats when the next one passes.
    pub fn limit<C>(self, plan: &mut Plan<C>) {
        let due = self.next.map(|next| {
            let left = next.duration_since(self.now);
            Duration::try_from(left).unwrap_or_default().min(LONGEST)
        });
        plan.due = plan.due.into_iter().chain(due).min();
        plan.expired.extend(self.passed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn limited(now: i64, limits: &[i64]) -> (Vec<bool>, Plan<()>) {
        let mut expiry = Expiry::at(at(now));
        let passed = limits.iter().map(|limit| {
            let limit = Time(at(*limit));
            expiry.passed(Some(&limit), |limit| format!("ended at {limit}"))
        });
        let passed = passed.collect();
        let mut plan = Plan::default();
        expiry.limit(&mut plan);
        (passed, plan)
    }

    #[test]
    fn a_limit_has_passed_from_its_own_second_on_and_the_next_one_is_due() {
        let (passed, plan) = limited(100, &[99, 100, 130, 110]);
        assert_eq!(passed, [true, true, false, false]);
        assert_eq!(plan.due, Some(Duration::from_secs(10)));
        assert_eq!(
            plan.expired,
            ["ended at 1970-01-01T00:01:39Z", "ended at 1970-01-01T00:01:40Z"]
        );
    }

    #[test]
    fn a_limit_far_away_is_asked_for_again_within_a_day() {
        let (_, plan) = limited(0, &[250_000_000_000]);
        assert_eq!(plan.due, Some(LONGEST));
        assert!(!Expiry::at(at(0)).passed(None, |_| unreachable!()));
    }
}
