//! A boolean with words of its own, and a time limit for it.

use super::{FieldEdit, Fields};

/// List of the record: switches that were turned off since their time limit had passed.
const EXPIRED: &str = "expired";

/// A boolean with words of its own.
pub struct Switch {
    /// Name of the member.
    pub at: &'static str,
    /// Step that sets it to true.
    pub on: &'static str,
    /// Step that sets it to false, which takes access away.
    pub off: &'static str,
    /// Reason of the Event where it is set to false.
    pub off_event: &'static str,
}

impl Fields<'_> {
    /// A boolean. `found`: `None` is unknown.
    #[must_use]
    pub fn switch(mut self, switch: &Switch, declared: Option<bool>, found: Option<bool>) -> Self {
        let Some(declared) = declared else { return self };
        self.unknown |= found.is_none();
        if found != Some(declared) {
            let step = if declared { switch.on } else { switch.off };
            let mut edit = FieldEdit::flag(step, switch.at, declared);
            edit.event = (!declared).then_some(switch.off_event);
            self.differs((switch.at, found), edit);
        }
        self
    }

    /// A boolean that is false once its time limit has passed; `limit` tells whether it has, `None` where there is none. A
    /// switch that was turned off for this reason is turned on again once the limit is moved or removed.
    #[must_use]
    pub fn limited_switch(
        mut self,
        switch: &Switch,
        declared: Option<bool>,
        found: Option<bool>,
        limit: Option<bool>,
    ) -> Self {
        let ours = self.record.grants.contains(EXPIRED, switch.at);
        self.unknown |= limit.is_some() && found.is_none();
        let declared = match limit {
            Some(true) => {
                if ours || found == Some(true) {
                    self.grants(EXPIRED, [switch.at.to_owned()]);
                }
                Some(false)
            }
            _ if ours => declared.or(Some(true)),
            _ => declared,
        };
        self.switch(switch, declared, found)
    }
}
