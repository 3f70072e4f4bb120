//! Email addresses as identities: their case does not count (contract sheet A49), everything else does.

/// The address as it is compared. Every letter for itself, since the lower case of a whole word may depend on its
/// place in it; nothing is trimmed.
#[must_use]
pub fn folded(email: &str) -> String {
    letters(email).collect()
}

fn letters(email: &str) -> impl Iterator<Item = char> {
    email.chars().flat_map(char::to_lowercase)
}

/// Whether both are the same address.
#[must_use]
pub fn same_email(one: &str, other: &str) -> bool {
    letters(one).eq(letters(other))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{folded, same_email};

    #[test]
    fn letters_of_every_script_count_the_same_in_both_cases_and_white_space_counts() {
        for (one, other, same) in [
            ("Jane@Example.com", "jane@example.COM", true),
            ("JOSÉ@x.org", "josé@x.org", true),
            ("ΟΔΟΣ@x.gr", "οδοσ@x.gr", true),
            ("", "", true),
            ("jane@x.org", "jane@x.org ", false),
            ("jose@x.org", "josé@x.org", false),
            ("strasse@x.org", "straße@x.org", false),
        ] {
            assert_eq!(same_email(one, other), same, "{one} {other}");
        }
    }

    proptest! {
        #[test]
        fn folding_is_final_and_decides_sameness(one in "[a-cA-CéÉßΣ@ ]{0,4}", other in "[a-cA-CéÉßΣ@ ]{0,4}") {
            prop_assert_eq!(folded(&folded(&one)), folded(&one));
            prop_assert_eq!(same_email(&one, &other), folded(&one) == folded(&other));
        }
    }
}
