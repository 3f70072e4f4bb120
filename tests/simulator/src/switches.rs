//! Switches: one for each fact of the contract sheet that nobody has confirmed, and for releases and settings that
//! change what a client sees.

use serde_json::{Map, Value, json};

/// The default of a switch.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fixed {
    /// A text.
    Text(&'static str),
    /// A number: an HTTP status, milliseconds.
    Number(u32),
    /// A boolean.
    Flag(bool),
    /// Not set.
    Null,
}

impl Fixed {
    fn value(self) -> Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Number(number) => json!(number),
            Self::Flag(flag) => json!(flag),
            Self::Null => Value::Null,
        }
    }
}

/// What a switch may be set to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Allowed {
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// An HTTP status of 400 or more.
    ErrorStatus,
    /// An HTTP status.
    Status,
    /// A number of milliseconds.
    Millis,
    /// A boolean.
    Flag,
    /// A text or null.
    TextOrNull,
    /// A release such as `14.2.0`.
    Release,
}

impl Allowed {
    fn accepts(self, value: &Value) -> bool {
        let status = value.as_u64();
        match self {
            Self::OneOf(texts) => value.as_str().is_some_and(|text| texts.contains(&text)),
            Self::ErrorStatus => status.is_some_and(|status| (400..600).contains(&status)),
            Self::Status => status.is_some_and(|status| (200..600).contains(&status)),
            Self::Millis => value.is_u64(),
            Self::Flag => value.is_boolean(),
            Self::TextOrNull => value.is_null() || value.is_string(),
            Self::Release => value.as_str().is_some_and(|text| parts(text).is_some()),
        }
    }

    fn describe(self) -> String {
        match self {
            Self::OneOf(texts) => texts.join(" | "),
            Self::ErrorStatus => "a status from 400 to 599".to_owned(),
            Self::Status => "a status from 200 to 599".to_owned(),
            Self::Millis => "a number of milliseconds".to_owned(),
            Self::Flag => "true | false".to_owned(),
            Self::TextOrNull => "a text or null".to_owned(),
            Self::Release => "a release such as 14.2.0".to_owned(),
        }
    }
}

/// One switch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Switch {
    /// The number of the assumption (`A6`) or a word (`defaultGroup`).
    pub name: &'static str,
    /// What it decides.
    pub about: &'static str,
    /// Its value on a fresh instance.
    pub default: Fixed,
    /// Its possible values.
    pub allowed: Allowed,
}

impl Switch {
    /// One line for `simulator switches`.
    pub fn line(&self) -> String {
        format!(
            "{}\t{}\t[{}]\t{}",
            self.name,
            self.default.value(),
            self.allowed.describe(),
            self.about
        )
    }

    /// What follows the products in a row of a Markdown table.
    pub fn cells(&self) -> String {
        let allowed = self.allowed.describe().replace('|', "\\|");
        format!(
            "`{}` | `{}` | {allowed} | {}",
            self.name,
            self.default.value(),
            self.about
        )
    }
}

/// The switches of one instance and their present values.
#[derive(Clone, Debug)]
pub(crate) struct Switches {
    known: &'static [Switch],
    values: Map<String, Value>,
}

impl Switches {
    /// Every switch at its default.
    pub fn new(known: &'static [Switch]) -> Self {
        let values = known
            .iter()
            .map(|switch| (switch.name.to_owned(), switch.default.value()))
            .collect();
        Self { known, values }
    }

    /// All of them, by name.
    pub fn all(&self) -> Value {
        Value::Object(self.values.clone())
    }

    /// Sets one; the text of the error is for the person who set it.
    pub fn set(&mut self, name: &str, value: Value) -> Result<(), String> {
        let Some(switch) = self.known.iter().find(|switch| switch.name == name) else {
            return Err(format!("no switch is called {name}"));
        };
        if !switch.allowed.accepts(&value) {
            return Err(format!("{name} is {}, not {value}", switch.allowed.describe()));
        }
        self.values.insert(name.to_owned(), value);
        Ok(())
    }

    /// A switch as text; empty when it is null.
    pub fn text(&self, name: &str) -> &str {
        self.values.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether a switch has this text.
    pub fn is(&self, name: &str, text: &str) -> bool {
        self.text(name) == text
    }

    /// A switch that is a status.
    pub fn status(&self, name: &str) -> u16 {
        self.values
            .get(name)
            .and_then(Value::as_u64)
            .and_then(|status| u16::try_from(status).ok())
            .unwrap_or(500)
    }

    /// A switch that is a number of milliseconds.
    pub fn millis(&self, name: &str) -> u64 {
        self.values.get(name).and_then(Value::as_u64).unwrap_or_default()
    }

    /// A switch that is a boolean.
    pub fn flag(&self, name: &str) -> bool {
        self.values.get(name).and_then(Value::as_bool).unwrap_or_default()
    }

    /// Whether the switch `release` is at least this release.
    pub fn since(&self, major: u32, minor: u32) -> bool {
        parts(self.text("release")).is_some_and(|release| release >= (major, minor))
    }
}

fn parts(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split('.').map(|part| part.parse::<u32>().ok());
    Some((numbers.next()??, numbers.next()??))
}
