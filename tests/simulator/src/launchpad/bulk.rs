//! Bulk calls: every item by itself, or all of them or none.

use serde_json::{Map, Value, json};

use super::refusal::{Wrong, because, unprocessable, wrong};
use super::schema;
use crate::answer::{Answer, Failure};
use crate::call::Call;
use crate::world::World;

/// Why one item of a batch fails.
pub(super) struct Refused {
    /// The part of the item.
    pub part: &'static str,
    /// What is wrong with it.
    pub message: String,
    /// Whether a profile has no free seat.
    pub no_seat: bool,
}

impl Refused {
    /// A refusal because of a part.
    pub fn new(part: &'static str, message: impl Into<String>) -> Self {
        Self {
            part,
            message: message.into(),
            no_seat: false,
        }
    }
}

/// What handles one item: the successes of the answer hold what it gives.
pub(super) type Apply = fn(&mut World, &Value) -> Result<Value, Refused>;

/// What became of a batch.
pub(super) struct Outcome {
    /// What the items that succeeded gave.
    pub successes: Vec<Value>,
    errors: Vec<Value>,
    status: u16,
}

impl Outcome {
    /// The ids of the items that succeeded.
    pub fn ids(&self) -> Vec<String> {
        let ids = self.successes.iter().filter_map(|success| success["id"].as_str());
        ids.map(str::to_owned).collect()
    }

    /// The answer, with the task that follows.
    pub fn answer(self, task: Option<String>) -> Answer {
        let mut body = json!({"successes": self.successes, "errors": self.errors});
        if let Some(task) = task {
            body["taskId"] = json!(task);
        }
        Answer::status(self.status, &body)
    }
}

/// Applies a batch to a collection. `label` is the member by which an item is called: `email`, `id`.
pub(super) fn run(
    world: &mut World,
    call: &Call,
    collection: &str,
    label: &str,
    items: &[Value],
    apply: Apply,
) -> Result<Outcome, Failure> {
    let atomic = schema::atomic(call)?;
    // A batch that cannot be refused as a whole needs no copy of what was there.
    let refusable = atomic || world.switches.is("A44", "422") || world.switches.is("seatsExhausted", "422");
    let before = refusable.then(|| world.read(collection).clone());
    let (mut successes, refused) = attempt(world, call, items, apply);
    let whole = refused.iter().any(|(_, why)| refuses_batch(world, why));
    let undone = whole || atomic && !refused.is_empty();
    if let (true, Some(before)) = (undone, before) {
        *world.collection(collection) = before;
        successes.clear();
    }
    let status = match (whole, undone) {
        (true, _) => 422,
        (_, true) => world.switches.status("A45"),
        _ => 200,
    };
    if status >= 400 {
        let by_place = refused.iter().map(|(place, why)| (place.to_string(), by_part(why)));
        let failure = unprocessable(by_place.collect());
        return Err(Failure { status, ..failure });
    }
    let errors = refused
        .iter()
        .map(|(place, why)| error(world, label, &items[*place], why));
    Ok(Outcome {
        successes,
        errors: errors.collect(),
        status,
    })
}

/// What the items gave, and which of them are refused.
fn attempt(world: &mut World, call: &Call, items: &[Value], apply: Apply) -> (Vec<Value>, Vec<(usize, Refused)>) {
    let (mut successes, mut refused) = (Vec::new(), Vec::new());
    for (place, item) in items.iter().enumerate() {
        let result = if call.half_failed && place % 2 == 1 {
            Err(Refused::new("_schema", "A fault of the simulator"))
        } else {
            apply(world, item)
        };
        match result {
            Ok(success) => successes.push(success),
            Err(why) => refused.push((place, why)),
        }
    }
    (successes, refused)
}

fn refuses_batch(world: &World, why: &Refused) -> bool {
    world.switches.is("A44", "422") || why.no_seat && world.switches.is("seatsExhausted", "422")
}

fn by_part(why: &Refused) -> Value {
    Value::Object(wrong(why.part, &why.message))
}

/// An item in `errors`, whose shape nobody has confirmed.
fn error(world: &World, label: &str, item: &Value, why: &Refused) -> Value {
    // An item of a deletion is an email and nothing else.
    let named = if item.is_string() { item } else { &item[label] };
    match world.switches.text("A44") {
        "text" => json!(format!("{}: {}", named.as_str().unwrap_or_default(), why.message)),
        "nested" => {
            let parts: Wrong = Map::from_iter([(why.part.to_owned(), because(&why.message))]);
            json!({label: named, "errors": parts})
        }
        _ => json!({label: named, "message": why.message}),
    }
}
