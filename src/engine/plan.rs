//! What is to be done to the remote side.

/// One write to the remote side.
pub trait Change: Send + Sync {
    /// The sentences that people read in `status.plan`, Events and logs, one for each thing that this write changes.
    /// Never a secret value.
    fn steps(&self) -> Vec<String>;

    /// What can only be written after this, so that a plan hides nothing that is to come. In the words of [`Self::steps`].
    fn follows(&self) -> Vec<String> {
        Vec::new()
    }

    /// Reason of the Event: a `PascalCase` word such as `Created`.
    fn event(&self) -> &'static str;

    /// Whether the remote object comes to be by this write.
    fn creates(&self) -> bool {
        false
    }

    /// Places whose secret values this write carries.
    fn secrets(&self) -> Vec<&'static str> {
        Vec::new()
    }
}

/// Changes in the order in which they are to be applied, at most one for each remote document. Empty means in sync.
#[derive(Debug)]
pub struct Plan<C> {
    /// What to write.
    pub changes: Vec<C>,
    /// What should be written, but has to wait, and for what. The changes are applied all the same.
    pub waiting: Vec<String>,
    /// What was written and is not seen yet, since something on the remote side is still at it.
    pub under_way: Vec<String>,
    /// Whether something that is to be withdrawn has to wait: the record of it stays.
    pub deferred: bool,
}

impl<C> Default for Plan<C> {
    fn default() -> Self {
        Self {
            changes: Vec::new(),
            waiting: Vec::new(),
            under_way: Vec::new(),
            deferred: false,
        }
    }
}

impl<C: Change> Plan<C> {
    /// A plan of one change, or of none.
    pub fn of(change: Option<C>) -> Self {
        Self {
            changes: change.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Whether nothing is to be written.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The sentences of all changes.
    pub fn steps(&self) -> Vec<String> {
        self.changes.iter().flat_map(Change::steps).collect()
    }

    /// The sentences of all changes, and what has to wait.
    pub fn outstanding(&self) -> Vec<String> {
        let mut all = Vec::new();
        for change in &self.changes {
            all.extend(change.steps());
            all.extend(change.follows());
        }
        all.extend(self.waiting.iter().chain(&self.under_way).cloned());
        all
    }
}
