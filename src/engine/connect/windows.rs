//! Change windows: when a connection lets changes pass (`api.md` 8.20).

use std::sync::{Mutex, PoisonError};

use croner::parser::{CronParser, Seconds, Year};
use jiff::{SignedDuration, Timestamp, Zoned, tz::TimeZone};

use crate::crd::connection::ChangeWindow;

/// Whether changes pass at a point in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Window {
    /// They do; until then, or at any time.
    Open(Option<Timestamp>),
    /// They do not, until then.
    Closed(Zoned),
    /// The declared windows cannot be read, for this reason.
    Unreadable(String),
}

impl Window {
    /// When the answer is another one.
    pub fn ends(&self) -> Option<Timestamp> {
        match self {
            Self::Open(until) => *until,
            Self::Closed(next) => Some(next.timestamp()),
            Self::Unreadable(_) => None,
        }
    }

    /// Why a change has to wait, for people.
    pub fn closed(&self) -> Option<String> {
        match self {
            Self::Open(_) => None,
            Self::Closed(next) => Some(format!("no change window is open; the next one opens at {next}")),
            Self::Unreadable(why) => Some(why.clone()),
        }
    }
}

/// The windows of one connection, read once.
struct Schedule(Vec<Opening>);

struct Opening {
    cron: croner::Cron,
    duration: SignedDuration,
    zone: TimeZone,
}

impl Schedule {
    fn new(declared: &[ChangeWindow]) -> Result<Self, String> {
        declared.iter().map(Opening::new).collect::<Result<_, _>>().map(Self)
    }

    /// The state at `now`, as openings before and after it say.
    fn at(&self, now: Timestamp) -> Window {
        let open = self.0.iter().filter_map(|opening| opening.open_until(now)).max();
        if open.is_some() {
            return Window::Open(open);
        }
        let next = self.0.iter().filter_map(|opening| opening.next(now));
        match next.min_by_key(Zoned::timestamp) {
            Some(next) => Window::Closed(next),
            None => Window::Unreadable("no change window ever opens".to_owned()),
        }
    }
}

impl Opening {
    fn new(declared: &ChangeWindow) -> Result<Self, String> {
        let ChangeWindow {
            schedule,
            duration,
            time_zone,
        } = declared;
        let name = time_zone.as_deref().unwrap_or("UTC");
        let zone = TimeZone::get(name)
            .map_err(|_| format!("the timeZone {name} of a change window is not in the IANA database"))?;
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build();
        let cron = parser
            .parse(schedule)
            .map_err(|error| format!("the schedule {schedule} of a change window is no cron schedule: {error}"))?;
        let duration = SignedDuration::try_from(std::time::Duration::from(*duration)).unwrap_or(SignedDuration::MAX);
        let opening = Self { cron, duration, zone };
        // A day such as 30 February never comes.
        if duration <= SignedDuration::ZERO || opening.next(Timestamp::UNIX_EPOCH).is_none() {
            return Err(format!("the change window with the schedule {schedule} never opens"));
        }
        Ok(opening)
    }

    /// When the window that is open at `now` closes.
    fn open_until(&self, now: Timestamp) -> Option<Timestamp> {
        let start = self.cron.find_previous_occurrence(&self.zoned(now), true).ok()?;
        let until = start.timestamp().checked_add(self.duration).ok()?;
        (until > now).then_some(until)
    }

    fn next(&self, now: Timestamp) -> Option<Zoned> {
        self.cron.find_next_occurrence(&self.zoned(now), false).ok()
    }

    /// Schedules have whole seconds.
    fn zoned(&self, now: Timestamp) -> Zoned {
        let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
        now.to_zoned(self.zone.clone())
    }
}

/// The windows of one connection with the last answer, which holds until a window opens or closes: every object asks at every
/// sweep.
#[derive(Default)]
pub struct Windows(Mutex<Option<Known>>);

struct Known {
    declared: Vec<ChangeWindow>,
    schedule: Result<Schedule, String>,
    from: Timestamp,
    window: Window,
}

impl Known {
    fn new(declared: &[ChangeWindow], now: Timestamp) -> Self {
        let mut known = Self {
            declared: declared.to_vec(),
            schedule: Schedule::new(declared),
            from: now,
            window: Window::Open(None),
        };
        known.ask(now);
        known
    }

    fn ask(&mut self, now: Timestamp) {
        self.from = now;
        self.window = match &self.schedule {
            Ok(schedule) => schedule.at(now),
            Err(why) => Window::Unreadable(why.clone()),
        };
    }

    fn holds(&self, now: Timestamp) -> bool {
        now >= self.from && self.window.ends().is_none_or(|end| now < end)
    }
}

impl Windows {
    /// The state of these windows. None declared: always open.
    pub fn at(&self, declared: &[ChangeWindow], now: Timestamp) -> Window {
        if declared.is_empty() {
            return Window::Open(None);
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = match known.as_mut() {
            Some(known) if known.declared == declared => known,
            _ => known.insert(Known::new(declared, now)),
        };
        if !known.holds(now) {
            known.ask(now);
        }
        known.window.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(schedule: &str, duration: &str, time_zone: Option<&str>) -> ChangeWindow {
        ChangeWindow {
            schedule: schedule.to_owned(),
            duration: duration.parse().unwrap(),
            time_zone: time_zone.map(str::to_owned),
        }
    }

    fn at(declared: &[ChangeWindow], now: &str) -> String {
        match Windows::default().at(declared, now.parse().unwrap()) {
            Window::Open(None) => "open".to_owned(),
            Window::Open(Some(until)) => format!("open until {until}"),
            Window::Closed(next) => format!("closed until {next}"),
            Window::Unreadable(why) => why,
        }
    }

    #[test]
    fn a_window_opens_at_its_time_in_its_zone_and_closes_after_its_duration() {
        let evenings = [window("0 20 * * 1-5", "4h", Some("Europe/Paris"))];
        for (now, expected) in [
            // Friday.
            (
                "2026-11-27T18:59:59.9Z",
                "closed until 2026-11-27T20:00:00+01:00[Europe/Paris]",
            ),
            ("2026-11-27T19:00:00Z", "open until 2026-11-27T23:00:00Z"),
            ("2026-11-27T22:59:59.5Z", "open until 2026-11-27T23:00:00Z"),
            (
                "2026-11-27T23:00:00Z",
                "closed until 2026-11-30T20:00:00+01:00[Europe/Paris]",
            ),
            // In summer, the same time is an hour earlier in UTC.
            ("2026-07-01T18:00:00Z", "open until 2026-07-01T22:00:00Z"),
        ] {
            assert_eq!(at(&evenings, now), expected, "{now}");
        }
        assert_eq!(at(&[], "2026-11-27T18:59:59Z"), "open");
    }

    #[test]
    fn a_clock_change_neither_loses_a_window_nor_opens_it_twice() {
        let paris = |schedule: &str, duration: &str| [window(schedule, duration, Some("Europe/Paris"))];
        // 02:30 does not exist on 29 March 2026: the clock goes from 02:00 to 03:00, which is 01:00 UTC.
        let skipped = paris("30 2 * * *", "1h");
        assert_eq!(
            at(&skipped, "2026-03-29T00:59:59Z"),
            "closed until 2026-03-29T03:00:00+02:00[Europe/Paris]"
        );
        assert_eq!(at(&skipped, "2026-03-29T01:00:00Z"), "open until 2026-03-29T02:00:00Z");
        assert_eq!(
            at(&skipped, "2026-03-29T02:00:00Z"),
            "closed until 2026-03-30T02:30:00+02:00[Europe/Paris]"
        );
        // 02:30 comes twice on 25 October 2026: at 00:30 and at 01:30 UTC.
        let repeated = paris("30 2 * * *", "30m");
        assert_eq!(
            at(&repeated, "2026-10-25T00:29:59Z"),
            "closed until 2026-10-25T02:30:00+02:00[Europe/Paris]"
        );
        assert_eq!(at(&repeated, "2026-10-25T00:30:00Z"), "open until 2026-10-25T01:00:00Z");
        assert_eq!(
            at(&repeated, "2026-10-25T01:30:00Z"),
            "closed until 2026-10-26T02:30:00+01:00[Europe/Paris]"
        );
        // The duration is time that passes, not a time of day.
        let across = paris("0 1 * * *", "4h");
        assert_eq!(at(&across, "2026-03-29T03:59:59Z"), "open until 2026-03-29T04:00:00Z");
        assert_eq!(at(&across, "2026-10-25T02:59:59Z"), "open until 2026-10-25T03:00:00Z");
    }

    #[test]
    fn of_several_windows_the_one_that_is_open_counts_and_the_nearest_is_named() {
        let both = [window("0 20 * * *", "1h", None), window("30 20 * * *", "2h", None)];
        assert_eq!(at(&both, "2026-11-27T20:45:00Z"), "open until 2026-11-27T22:30:00Z");
        assert_eq!(
            at(&both, "2026-11-27T22:30:00Z"),
            "closed until 2026-11-28T20:00:00+00:00[UTC]"
        );
        let always = [window("* * * * *", "1m", None)];
        assert_eq!(
            at(&always, "2026-11-27T22:30:59.999Z"),
            "open until 2026-11-27T22:31:00Z"
        );
    }

    #[test]
    fn a_schedule_that_is_none_or_never_fires_is_unreadable() {
        for (declared, part) in [
            (window("evening", "1h", None), "no cron schedule"),
            (window("0 0 20 * * 1-5", "1h", None), "no cron schedule"),
            (window("61 * * * *", "1h", None), "no cron schedule"),
            (window("0 0 30 2 *", "1h", None), "never opens"),
            (window("0 0 * * *", "0s", None), "never opens"),
            (
                window("0 0 * * *", "1h", Some("Europe/Atlantis")),
                "not in the IANA database",
            ),
        ] {
            let found = at(std::slice::from_ref(&declared), "2026-11-27T22:30:00Z");
            assert!(found.contains(part), "{declared:?}: {found}");
        }
    }

    #[test]
    fn an_answer_holds_until_a_window_opens_closes_or_is_edited() {
        let windows = Windows::default();
        let nightly = [window("0 0 * * *", "1h", None)];
        let ask = |declared: &[ChangeWindow], now: &str| windows.at(declared, now.parse().unwrap()).closed().is_some();
        assert!(ask(&nightly, "2026-11-27T23:59:59Z"));
        assert!(!ask(&nightly, "2026-11-28T00:00:00Z"));
        assert!(ask(&nightly, "2026-11-28T01:00:00Z"));
        assert!(!ask(&nightly, "2026-11-28T00:30:00Z"), "the clock was set back");
        assert!(ask(&[window("0 5 * * *", "1h", None)], "2026-11-28T00:30:00Z"));
    }
}
