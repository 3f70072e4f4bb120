//! Reads a JSON list element by element, so that the caller need not hold them all.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, SeqAccess, Visitor},
};

/// Hands each element of the list in `body` to `take`.
pub(super) fn elements<T: DeserializeOwned>(body: &[u8], take: impl FnMut(T)) -> serde_json::Result<()> {
    let mut list = serde_json::Deserializer::from_slice(body);
    list.deserialize_seq(Elements { take, of: PhantomData })?;
    list.end()
}

struct Elements<T, F> {
    take: F,
    of: PhantomData<fn() -> T>,
}

impl<'de, T: Deserialize<'de>, F: FnMut(T)> Visitor<'de> for Elements<T, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        while let Some(element) = list.next_element()? {
            (self.take)(element);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::elements;

    fn read(body: &str) -> (Vec<u8>, bool) {
        let mut taken = Vec::new();
        let read = elements(body.as_bytes(), |element| taken.push(element));
        (taken, read.is_ok())
    }

    #[test]
    fn elements_come_in_their_order_up_to_one_that_cannot_be_read() {
        assert_eq!(read(" [1, 2, 3] "), (vec![1, 2, 3], true));
        assert_eq!(read("[]"), (vec![], true));
        assert_eq!(read("[1, \"two\", 3]"), (vec![1], false));
        assert_eq!(read("[1, 2"), (vec![1, 2], false));
        assert_eq!(read("[1] [2]"), (vec![1], false));
        assert_eq!(read("{}"), (vec![], false));
    }
}
