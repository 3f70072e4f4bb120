//! A hash that outlives the process and the release that made it, as that of the standard library's maps does not.

/// Hash of texts in their order (FNV-1a, each part after its length, so that moving a character between two parts changes it).
pub fn stable_hash<'a>(parts: impl IntoIterator<Item = &'a str>) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for part in parts {
        for byte in (part.len() as u64).to_be_bytes().iter().chain(part.as_bytes()) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_depends_on_every_part_and_on_where_one_ends() {
        assert_eq!(stable_hash(["a", "bc"]), stable_hash(["a", "bc"]));
        assert_ne!(stable_hash(["a", "bc"]), stable_hash(["ab", "c"]));
        assert_ne!(stable_hash(["a"]), stable_hash(["a", ""]));
    }
}
