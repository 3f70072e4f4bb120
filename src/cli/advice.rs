//! Advice in errors. The operator's errors advise people who run it; a command that failed is run again by hand, and is told where
//! its key is by options.

/// What the operator says, and what a command says in its place.
const WORDS: [(&str, &str); 7] = [
    (
        "; the operator retries, and needs a higher memory limit if it manages more or larger connections than it has memory for",
        ": the command needs more memory than it may use",
    ),
    ("; the operator retries", ": run the command again later"),
    (
        "check the Secret that the connection names",
        "check the key, or the Secret that holds it",
    ),
    ("only with run --allow-address", "only with --allow-address"),
    (
        "unless the operator runs with --allow-address for their network",
        "unless --allow-address names their network",
    ),
    (
        "works only where the operator runs with --allow-insecure-tls",
        "works only with --allow-insecure-tls",
    ),
    (
        "(or http with tls.allowInsecureHttp: true)",
        "(or http, with --allow-insecure-tls; a connection object needs tls.allowInsecureHttp: true, too)",
    ),
];

/// The error with the advice of a command.
pub(super) fn of_command(error: &anyhow::Error) -> anyhow::Error {
    let mut text = format!("{error:#}");
    for (operator, command) in WORDS {
        text = text.replace(operator, command);
    }
    anyhow::Error::msg(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        dataiku::error::{ApiError, ErrorKind},
        engine::Error,
    };

    #[test]
    fn no_error_of_a_call_speaks_of_what_the_operator_will_do() {
        let kinds = [
            ErrorKind::BadAddress,
            ErrorKind::Unauthorized,
            ErrorKind::Forbidden,
            ErrorKind::RateLimited,
            ErrorKind::NotFound,
            ErrorKind::Rejected,
            ErrorKind::Unreachable,
            ErrorKind::CircuitOpen,
            ErrorKind::Timeout,
            ErrorKind::Lost,
            ErrorKind::Unavailable,
            ErrorKind::NotJson,
            ErrorKind::Malformed,
            ErrorKind::TooLarge,
            ErrorKind::NoMemory,
        ];
        for kind in kinds {
            let error = Error::from(ApiError::new("GET /users/", kind, "it failed"));
            let text = of_command(&error.into()).to_string();
            for word in ["the operator", "with run", "the connection names"] {
                assert!(!text.contains(word), "{kind:?}: {text}");
            }
        }
    }
}
