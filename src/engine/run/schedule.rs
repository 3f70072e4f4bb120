//! When a task with a schedule is due.

use croner::parser::{CronParser, Seconds, Year};
use jiff::{Timestamp, Zoned, tz::TimeZone};

/// A cron schedule in its time zone.
pub(super) struct Schedule {
    cron: croner::Cron,
    zone: TimeZone,
}

impl Schedule {
    /// Reads a schedule; an error says for people why it cannot be used.
    pub(super) fn new(schedule: &str, time_zone: Option<&str>) -> Result<Self, String> {
        let name = time_zone.unwrap_or("UTC");
        let zone = TimeZone::get(name).map_err(|_| format!("timeZone {name} is not in the IANA database"))?;
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build();
        let cron = parser
            .parse(schedule)
            .map_err(|error| format!("schedule {schedule} is no cron schedule: {error}"))?;
        let schedule_text = schedule;
        let schedule = Self { cron, zone };
        // A day such as 30 February never comes.
        if schedule.next(Timestamp::UNIX_EPOCH).is_none() {
            return Err(format!("schedule {schedule_text} never fires"));
        }
        Ok(schedule)
    }

    /// The last time up to and including `now`, if it is after `since`.
    pub(super) fn due(&self, since: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let last = self.cron.find_previous_occurrence(&self.zoned(now), true).ok()?;
        Some(last.timestamp()).filter(|last| *last > since)
    }

    /// The first time after `now`.
    pub(super) fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let next = self.cron.find_next_occurrence(&self.zoned(now), false).ok()?;
        Some(next.timestamp())
    }

    /// Schedules have whole seconds.
    fn zoned(&self, now: Timestamp) -> Zoned {
        let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
        now.to_zoned(self.zone.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    #[test]
    fn the_last_missed_time_is_due_once() {
        let nightly = Schedule::new("0 2 * * *", Some("Europe/Paris")).unwrap();
        let now = at("2026-11-10T09:00:00Z");
        let due = nightly.due(at("2026-11-01T00:00:00Z"), now);
        assert_eq!(due, Some(at("2026-11-10T01:00:00Z")), "of ten missed runs, one");
        assert_eq!(nightly.due(due.unwrap(), now), None);
        assert_eq!(nightly.next(now), Some(at("2026-11-11T01:00:00Z")));
        let exactly = at("2026-11-11T01:00:00Z");
        assert_eq!(nightly.due(due.unwrap(), exactly), Some(exactly));
        assert_eq!(nightly.next(exactly), Some(at("2026-11-12T01:00:00Z")));
    }

    #[test]
    fn a_time_that_a_clock_change_repeats_is_due_once() {
        let nightly = Schedule::new("30 2 * * *", Some("Europe/Paris")).unwrap();
        let first = nightly.next(at("2026-10-24T12:00:00Z")).unwrap();
        let second = nightly.next(first).unwrap();
        assert!(second.duration_since(first).as_hours() >= 24, "{first} {second}");
    }

    #[test]
    fn a_schedule_that_cannot_be_used_says_why() {
        let refused = |schedule: &str, zone| Schedule::new(schedule, zone).err().unwrap();
        assert!(refused("0 0 30 2 *", None).contains("never fires"));
        assert!(refused("whenever", None).contains("no cron schedule"));
        assert!(refused("0 0 2 * * *", None).contains("no cron schedule"), "seconds");
        assert!(refused("0 2 * * *", Some("Europe/Atlantis")).contains("IANA"));
    }
}
