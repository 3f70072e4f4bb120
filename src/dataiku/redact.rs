//! Makes the remote side's words fit for a status: secrets replaced, one line, at most 1 KiB.

use secrecy::{ExposeSecret, SecretString};

const LIMIT: usize = 1024;
const REPLACEMENT: &str = "[redacted]";

/// `text` without any of the `secrets`, in the forms in which a server may give them back.
pub(super) fn presentable(text: &str, secrets: &[SecretString]) -> String {
    let mut forms: Vec<String> = secrets
        .iter()
        .flat_map(|secret| forms(secret.expose_secret()))
        .collect();
    // The longest first: a secret may be part of another one.
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    let text = forms
        .iter()
        .fold(text.to_owned(), |text, form| text.replace(form.as_str(), REPLACEMENT));
    cut(&one_line(&text))
}

/// Interim: see the transport branch.
pub fn quotable(text: &str, secrets: &[SecretString]) -> String {
    presentable(text, secrets)
}

/// As it is, as JSON text and as form or query text. The trimmed form counts too: servers trim.
fn forms(secret: &str) -> Vec<String> {
    let trimmed = secret.trim();
    if trimmed.is_empty() {
        return Vec::new();
    }
    let json = serde_json::Value::from(trimmed).to_string();
    let json = json[1..json.len() - 1].to_owned();
    let query = url::form_urlencoded::byte_serialize(trimmed.as_bytes()).collect();
    let mut forms = vec![secret.to_owned(), trimmed.to_owned(), json, query];
    forms.dedup();
    forms
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|w| !w.is_empty())
        .collect();
    words.join(" ")
}

fn cut(text: &str) -> String {
    if text.len() <= LIMIT {
        return text.to_owned();
    }
    let ellipsis = '…';
    let end = text.floor_char_boundary(LIMIT - ellipsis.len_utf8());
    format!("{}{ellipsis}", &text[..end])
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::{LIMIT, presentable};

    fn secrets(values: &[&str]) -> Vec<SecretString> {
        values.iter().map(|value| SecretString::from(*value)).collect()
    }

    #[test]
    fn a_secret_is_replaced_as_it_is_as_json_and_as_query_text() {
        let text = r#"pw is a"b c, sent as a\"b c and a%22b+c"#;
        assert_eq!(
            presentable(text, &secrets(&["a\"b c\n"])),
            "pw is [redacted], sent as [redacted] and [redacted]"
        );
    }

    #[test]
    fn a_secret_inside_another_one_does_not_leave_its_rest_behind() {
        assert_eq!(
            presentable("abcdef abc", &secrets(&["abc", "abcdef"])),
            "[redacted] [redacted]"
        );
    }

    #[test]
    fn an_empty_secret_replaces_nothing() {
        assert_eq!(presentable("as it is", &secrets(&["", " \n"])), "as it is");
    }

    #[test]
    fn text_becomes_one_line_without_control_characters() {
        assert_eq!(presentable(" a\r\n\tb\u{1b}[31m c\u{0} ", &[]), "a b [31m c");
    }

    #[test]
    fn text_is_cut_between_characters() {
        let long = presentable(&"é".repeat(LIMIT), &[]);
        assert!(long.len() <= LIMIT && long.ends_with('…'), "{}", long.len());
    }

    #[test]
    fn a_secret_across_the_cut_is_replaced_before_the_cut() {
        let text = format!("{}{}", "x".repeat(LIMIT - 4), "hunter2");
        assert!(!presentable(&text, &secrets(&["hunter2"])).contains("hun"));
    }
}
