//! Which hosts the owner of a Secret lets its values be sent to (`api.md` 9).
//!
//! Whoever may edit a connection chooses its `url`. Without the consent of the Secret, that person could send any value of the
//! namespace to a server of their own.

use url::{Host, Url};

use crate::{
    crd::common::annotation,
    engine::{
        error::{Error, Reason},
        secrets::Consents,
    },
};

/// A credential and where it is sent.
pub(super) struct Destination {
    /// Name of the Secret.
    pub secret: String,
    /// Where its values are sent.
    pub url: Url,
}

/// Whether every Secret allows its destination. A Secret that does not exist is not judged here: nothing of it can be sent.
///
/// # Errors
/// `NotAllowed`: a Secret does not allow the host; the message is the command that would allow it.
pub(super) fn check(namespace: &str, destinations: &[Destination], consents: &Consents) -> Result<(), Error> {
    for Destination { secret, url } in destinations {
        let Some(annotation) = consents.allowed_hosts(secret) else {
            continue;
        };
        if !allows(annotation.unwrap_or_default(), url) {
            return Err(Error::Blocked(
                Reason::NotAllowed,
                refusal(namespace, secret, annotation, url),
            ));
        }
    }
    Ok(())
}

/// One entry of the annotation.
struct Entry {
    host: Host<String>,
    /// Whether the entry stands for the names below `host` instead of `host` itself.
    below: bool,
    /// `None`: every port.
    port: Option<u16>,
}

fn allows(annotation: &str, url: &Url) -> bool {
    let Some(host) = url.host() else { return false };
    let host = bare(&host.to_owned());
    let port = url.port_or_known_default();
    entries(annotation).any(|entry| {
        let same_host = match (&entry.host, &host) {
            (Host::Domain(above), Host::Domain(name)) if entry.below => name
                .strip_suffix(above.as_str())
                .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
            (allowed, host) => !entry.below && allowed == host,
        };
        same_host && (entry.port.is_none() || entry.port == port)
    })
}

/// The entries that can be read; any other allows nothing.
fn entries(annotation: &str) -> impl Iterator<Item = Entry> {
    annotation.split(',').filter_map(|text| entry(text.trim()))
}

fn entry(text: &str) -> Option<Entry> {
    let (host, port) = match text.rsplit_once(':') {
        // The colons of an IPv6 address are inside of its brackets.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse().ok()?)),
        _ => (text, None),
    };
    let (host, below) = match host.strip_prefix("*.") {
        Some(above) => (above, true),
        None => (host, false),
    };
    let host = bare(&Host::parse(host).ok()?);
    let plain = match &host {
        Host::Domain(name) => is_plain(name),
        Host::Ipv4(_) | Host::Ipv6(_) => !below,
    };
    plain.then_some(Entry { host, below, port })
}

/// A name with a final dot is the same host.
fn bare(host: &Host<String>) -> Host<String> {
    match host {
        Host::Domain(name) => Host::Domain(name.strip_suffix('.').unwrap_or(name).to_owned()),
        address => address.clone(),
    }
}

/// Whether a name has only the characters of a DNS name. A URL may have others, and people paste the command of the message
/// into a shell.
fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    !name.is_empty() && name.bytes().all(plain)
}

fn refusal(namespace: &str, secret: &str, annotation: Option<&str>, url: &Url) -> String {
    let host = match url.host().map(|host| bare(&host.to_owned())) {
        Some(Host::Domain(name)) if !is_plain(&name) => {
            return format!("the host in url is no DNS name: Secret {namespace}/{secret} cannot allow it");
        }
        Some(host) => host.to_string(),
        None => String::new(),
    };
    // What is allowed already stays so, without the entries that cannot be read.
    let allowed: Vec<&str> = annotation
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|text| entry(text).is_some())
        .chain([host.as_str()])
        .collect();
    let overwrite = if annotation.is_some() { " --overwrite" } else { "" };
    format!(
        "Secret {namespace}/{secret} does not allow its value to be sent to {host}. To allow it: kubectl annotate secret \
         {secret} --namespace {namespace} '{}={}'{overwrite}",
        annotation::ALLOWED_HOSTS,
        allowed.join(",")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(annotation: &str, url: &str) -> bool {
        allows(annotation, &Url::parse(url).unwrap())
    }

    #[test]
    fn a_host_is_allowed_by_its_name_its_address_or_a_name_above_it() {
        for (annotation, url) in [
            ("dss.example.com", "https://dss.example.com"),
            (
                "other.example.com, DSS.example.com",
                "https://dss.example.com:11200/path",
            ),
            ("dss.example.com", "https://dss.example.com."),
            ("dss.example.com:443", "https://dss.example.com"),
            ("dss.example.com:11200", "https://dss.example.com:11200"),
            ("*.example.com", "https://a.b.example.com"),
            ("*.example.com:8443", "https://a.example.com:8443"),
            ("192.0.2.7", "https://192.0.2.7:1"),
            ("192.0.2.7", "https://0xc0000207"),
            ("[2001:db8::1]", "https://[2001:db8:0::1]:11200"),
            ("[2001:db8::1]:11200", "https://[2001:db8::1]:11200"),
            ("müller.example", "https://xn--mller-kva.example"),
        ] {
            assert!(allowed(annotation, url), "{annotation} does not allow {url}");
        }
    }

    #[test]
    fn any_other_host_or_port_is_refused() {
        for (annotation, url) in [
            ("", "https://dss.example.com"),
            (",", "https://dss.example.com"),
            ("dss.example.com", "https://dss.example.com.attacker.test"),
            ("dss.example.com", "https://a.dss.example.com"),
            ("*.example.com", "https://example.com"),
            ("*.example.com", "https://badexample.com"),
            ("*.example.com", "https://.example.com"),
            ("*", "https://dss.example.com"),
            ("*.", "https://dss.example.com"),
            ("*.*.com", "https://dss.example.com"),
            ("dss.example.com:11200", "https://dss.example.com"),
            ("dss.example.com:", "https://dss.example.com"),
            ("dss.example.com:99999", "https://dss.example.com"),
            ("https://dss.example.com", "https://dss.example.com"),
            ("*.0.2.7", "https://192.0.2.7"),
            ("192.0.2.7", "https://[::ffff:192.0.2.7]"),
            ("dss.example.com@attacker.test", "https://attacker.test"),
        ] {
            assert!(!allowed(annotation, url), "{annotation} allows {url}");
        }
    }

    fn refused(annotation: Option<&str>, url: &str) -> String {
        refusal("dataiku", "design-admin", annotation, &Url::parse(url).unwrap())
    }

    #[test]
    fn the_message_is_the_command_that_would_allow_the_host() {
        let message = refused(None, "https://dss.example.com/prefix");
        assert!(
            message.ends_with(
                "kubectl annotate secret design-admin --namespace dataiku \
                 'dataiku-operator.io/allowed-hosts=dss.example.com'"
            ),
            "{message}"
        );
        let message = refused(
            Some("old.example.com,$(reboot), *.b.example"),
            "https://dss.example.com",
        );
        assert!(
            message.ends_with(
                "'dataiku-operator.io/allowed-hosts=old.example.com,*.b.example,dss.example.com' --overwrite"
            ),
            "{message}"
        );
    }

    #[test]
    fn no_message_brings_a_command_of_the_url_into_a_shell() {
        for url in [
            "https://a;reboot/",
            "https://$(reboot)/",
            "https://a'b/",
            "https://a`b/",
        ] {
            let message = refused(None, url);
            assert!(!message.contains("kubectl") && !message.contains("reboot"), "{message}");
        }
    }
}
