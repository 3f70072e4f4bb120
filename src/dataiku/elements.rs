//! Splits a JSON list into its elements while it arrives, so that it is never in memory as a whole.

use serde::de::DeserializeOwned;

use super::{
    document::expectation,
    list_memory::{Credit, Kept},
    shape::{Mark, Scan, ShapeLimit},
};

/// What an element takes beside what its text turns into: places in a vector that grows and in a map, and an allocation.
const OVERHEAD: usize = 128;

/// How far a list could be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// This many bytes at the beginning of the buffer are not needed any more.
    Read(usize),
    /// The next element takes this many bytes in memory, which the credit does not cover. To be continued with the same
    /// buffer.
    Needs(usize),
}

/// Why a list cannot be read on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// There is too much of something.
    TooLarge(String),
    /// It is no list of such elements. The text may quote the remote side.
    Malformed(String),
}

/// How far a list has been read.
pub(super) struct Elements {
    scan: Scan,
    /// Bytes at the beginning of the buffer that were scanned.
    scanned: usize,
    /// Where the element begins that is not whole yet; `None` outside the list.
    start: Option<usize>,
    taken: usize,
    is_closed: bool,
    /// End and cost of an element that waits for memory.
    waiting: Option<(usize, usize)>,
}

impl Elements {
    pub(super) fn new(limit: &'static ShapeLimit) -> Self {
        Self {
            scan: Scan::new(limit),
            scanned: 0,
            start: None,
            taken: 0,
            is_closed: false,
            waiting: None,
        }
    }

    /// Hands each element that is whole by now to `take`, as far as the credit covers it. The caller removes what is not needed
    /// any more and appends what arrives next.
    ///
    /// # Errors
    /// The list cannot be read on.
    pub(super) fn read<T: DeserializeOwned>(
        &mut self,
        buffer: &[u8],
        credit: &mut Credit,
        mut take: impl FnMut(T) -> Kept,
    ) -> Result<Progress, Broken> {
        if let Some((end, cost)) = self.waiting.take()
            && !self.decode(buffer, end, cost, credit, &mut take)?
        {
            return Ok(Progress::Needs(cost));
        }
        for index in self.scanned..buffer.len() {
            let byte = buffer[index];
            if self.is_closed {
                if byte.is_ascii_whitespace() {
                    continue;
                }
                return Err(Broken::Malformed("more than one JSON value".to_owned()));
            }
            let mark = self.scan.byte(byte).map_err(Broken::TooLarge)?;
            match mark {
                Mark::Inside => {}
                Mark::Opens => self.start = Some(index + 1),
                Mark::Separates | Mark::Closes => {
                    let start = self.start.unwrap_or(index);
                    let is_blank = buffer[start..index].iter().all(u8::is_ascii_whitespace);
                    self.is_closed = mark == Mark::Closes;
                    if byte == b'}' || (is_blank && !(self.is_closed && self.taken == 0)) {
                        return Err(self.cut_short());
                    }
                    if is_blank {
                        self.start = None;
                        continue;
                    }
                    self.scanned = index + 1;
                    let cost = self.scan.cost_of_last() + 2 * size_of::<T>() + OVERHEAD;
                    if !self.decode(buffer, index, cost, credit, &mut take)? {
                        return Ok(Progress::Needs(cost));
                    }
                }
            }
        }
        let done = self.start.unwrap_or(buffer.len());
        self.scanned = buffer.len() - done;
        self.start = self.start.map(|_| 0);
        Ok(Progress::Read(done))
    }

    /// Hands on the element that ends before `end`; false where the credit does not cover it.
    fn decode<T: DeserializeOwned>(
        &mut self,
        buffer: &[u8],
        end: usize,
        cost: usize,
        credit: &mut Credit,
        take: &mut impl FnMut(T) -> Kept,
    ) -> Result<bool, Broken> {
        if !credit.covers(cost) {
            self.waiting = Some((end, cost));
            return Ok(false);
        }
        let element = self.element(&buffer[self.start.unwrap_or(end)..end])?;
        credit.spend(cost, take(element));
        self.taken += 1;
        self.start = (!self.is_closed).then_some(end + 1);
        Ok(true)
    }

    /// The list has ended.
    ///
    /// # Errors
    /// It has no end.
    pub(super) fn end(&self) -> Result<(), Broken> {
        if self.is_closed { Ok(()) } else { Err(self.cut_short()) }
    }

    fn cut_short(&self) -> Broken {
        Broken::Malformed(format!("at [{}]: not valid JSON, or cut short", self.taken))
    }

    fn element<T: DeserializeOwned>(&self, element: &[u8]) -> Result<T, Broken> {
        if let Ok(value) = serde_json::from_slice(element) {
            return Ok(value);
        }
        // Read a second time: telling the path costs too much to do it for good answers.
        let deserializer = &mut serde_json::Deserializer::from_slice(element);
        let Err(error) = serde_path_to_error::deserialize::<_, T>(deserializer) else {
            return Err(self.cut_short());
        };
        let path = match error.path().to_string() {
            path if path == "." => String::new(),
            path if path.starts_with('[') => path,
            path => format!(".{path}"),
        };
        let expected = expectation(error.inner());
        Err(Broken::Malformed(format!("at [{}]{path}: {expected}", self.taken)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::{Broken, Credit, Elements, Kept, Progress};
    use crate::dataiku::shape::LIST;

    /// Reads `body` as it arrives in pieces of `size` bytes.
    fn arrives<T: serde::de::DeserializeOwned>(body: &str, size: usize) -> (Vec<T>, Result<(), Broken>) {
        let (mut elements, mut buffer, mut taken) = (Elements::new(&LIST), Vec::new(), Vec::new());
        let mut credit = Credit::default();
        for piece in body.as_bytes().chunks(size) {
            buffer.extend_from_slice(piece);
            let mut keep = |element| {
                taken.push(element);
                Kept::Whole
            };
            loop {
                // No credit at first, so that each element is continued with.
                match elements.read(&buffer, &mut credit, &mut keep) {
                    Ok(Progress::Read(done)) => break drop(buffer.drain(..done)),
                    Ok(Progress::Needs(_)) => credit = Credit::unlimited(),
                    Err(broken) => return (taken, Err(broken)),
                }
            }
            credit = Credit::default();
        }
        let end = elements.end();
        (taken, end)
    }

    #[test]
    fn elements_arrive_in_their_order_up_to_one_that_cannot_be_read() {
        for size in [1, 2, 3, 100] {
            let read = |body| {
                let (taken, read) = arrives::<u8>(body, size);
                (taken, read.is_ok())
            };
            assert_eq!(read(" [1, 2, 3] "), (vec![1, 2, 3], true));
            assert_eq!(read("[]"), (vec![], true));
            assert_eq!(read(" [ \n] "), (vec![], true));
            assert_eq!(read("[1, \"two\", 3]"), (vec![1], false));
            assert_eq!(read("[1, 2"), (vec![1], false));
            assert_eq!(read("[1] [2]"), (vec![1], false));
            for broken in ["[1,]", "[1,,2]", "[1}", "[1 2]", "[,1]"] {
                assert!(!read(broken).1, "{broken}");
            }
        }
    }

    #[test]
    fn the_place_of_a_fault_is_named() {
        let text = |body, size| match arrives::<Vec<u8>>(body, size) {
            (_, Err(Broken::Malformed(text))) => text,
            (taken, other) => panic!("{taken:?} {other:?}"),
        };
        assert_eq!(text("[[1], [2, true]]", 4), "at [1][1]: expected u8");
        assert_eq!(text("[[1], 7]", 4), "at [1]: expected a sequence");
        assert_eq!(text("[[1], [2", 4), "at [1]: not valid JSON, or cut short");
        assert_eq!(text("[[1]] x", 4), "more than one JSON value");
    }

    proptest! {
        #[test]
        fn a_list_is_the_same_whatever_its_pieces(
            texts in proptest::collection::vec(r#"[ -~é€\n\[\]{},"]{0,12}"#, 0..8),
            size in 1_usize..40,
            pretty in any::<bool>(),
        ) {
            let list: Vec<Value> = texts.iter().map(|text| serde_json::json!({ "a": [text, { "b": text }], "c": 1.5 })).collect();
            let body = if pretty { serde_json::to_string_pretty(&list) } else { serde_json::to_string(&list) }.unwrap();
            let (taken, end) = arrives::<Value>(&body, size);
            prop_assert_eq!(end, Ok(()));
            prop_assert_eq!(taken, list);
        }

        #[test]
        fn what_is_no_list_is_refused_as_a_whole_text_would_be(body in r#"\[[\[\]{},:" 1a\\]{0,16}"#, size in 1_usize..8) {
            let (taken, end) = arrives::<Value>(&body, size);
            match serde_json::from_str::<Vec<Value>>(&body) {
                Ok(list) => prop_assert_eq!((taken, end), (list, Ok(()))),
                Err(_) => prop_assert!(end.is_err(), "{}", body),
            }
        }
    }
}
