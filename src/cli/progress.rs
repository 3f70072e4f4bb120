//! A sign on a terminal that a command still works. None in a pipe.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Shown until it is dropped, on standard error.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// Says what takes its time.
    pub(super) fn of(what: impl Into<String>) -> Self {
        // Hidden where standard error is no terminal.
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.set_message(what.into());
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(bar)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
