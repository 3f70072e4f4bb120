//! `DssGeneralSettings`: general settings of a DSS node.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use kube::ResourceExt;

use crate::{
    crd::{DssGeneralSettings, DssImpersonationRule, DssInstance, dss_general_settings::SecretSetting},
    dataiku::{document::Document, dss::Dss, error::ApiError, permit::WritePermit},
    engine::{
        Common, Error, SecretUse,
        connect::{ConnectionKey, Dependent, Effect},
        object,
        shared::{
            entries::{Entries, Entry, holds_secret, member},
            source::Source,
        },
    },
    kinds::node::NodeLists,
};

/// Key of the document: a node has one.
pub const KEY: &str = "general settings";
/// Lists that belong to another kind.
const RULES: [&str; 2] = ["/impersonation/userRules", "/impersonation/groupRules"];
/// Switches of the ways to log in, and the source type of their users.
const LOGINS: [(&str, &str); 5] = [
    ("/ldapSettings/enabled", "LDAP"),
    ("/ssoSettings/enabled", "LOCAL_NO_AUTH"),
    ("/azureADSettings/enabled", "AZURE_AD"),
    ("/pamSettings/enabled", "PAM"),
    ("/customAuthSettings/enabled", "CUSTOM"),
];

/// The document.
pub struct SettingsDocument;

impl Source for SettingsDocument {
    type Connection = DssInstance;
    type Form = ();

    const NAME: &'static str = KEY;

    fn listed(lists: &NodeLists, key: &str) -> Option<Arc<Document>> {
        lists.documents.get(key)
    }

    fn saw(lists: &NodeLists, key: &str, began: Instant, document: Arc<Document>) {
        lists.documents.saw(key, began, document);
    }

    async fn read(api: &Dss, _: &str) -> Result<(Document, ()), ApiError> {
        Ok((api.general_settings().await?, ()))
    }

    async fn write(api: &Dss, permit: WritePermit, _: &str, (): &(), document: &Document) -> Result<(), ApiError> {
        api.put_general_settings(permit, document).await
    }
}

/// How settings are kept in line with their objects.
pub struct Settings;

impl Entries for Settings {
    type Object = DssGeneralSettings;
    type Source = SettingsDocument;

    const REMOTE: &'static str = "node";
    const ENTRY: &'static str = "setting";
    const NULL_IS_ABSENT: bool = true;
    const HOLDS_SECRETS: bool = true;

    fn common(object: &DssGeneralSettings) -> Common<'_> {
        Common {
            connection: ConnectionKey::referred(&object.spec.instance_ref, object.namespace().as_deref()),
            key: KEY.to_owned(),
            policies: &object.spec.policies,
        }
    }

    fn entries(object: &DssGeneralSettings) -> Vec<Entry> {
        let plain = object.spec.settings.iter().flat_map(Entry::leaves);
        let secret = secrets(object).map(|one| Entry::secret(&one.path, slot(one)));
        plain.chain(secret).collect()
    }

    fn secrets(object: &DssGeneralSettings) -> Vec<SecretUse> {
        let uses = secrets(object).map(|one| {
            let reference = &one.value_secret_ref;
            let key = reference.key.as_deref().unwrap_or_default();
            SecretUse::new(slot(one), &reference.name, key)
        });
        uses.collect()
    }

    fn check(object: &DssGeneralSettings) -> Result<(), Error> {
        let mut places = BTreeSet::new();
        for entry in Self::entries(object) {
            let pointer = &entry.pointer;
            let name = pointer.trim_start_matches('/');
            let is_in = |inner: &str, outer: &str| inner.starts_with(&format!("{outer}/"));
            let touches = |list: &str| pointer == list || is_in(pointer, list) || is_in(list, pointer);
            if RULES.into_iter().any(touches) {
                let message =
                    format!("{name} holds impersonation rules: declare each of them in a DssImpersonationRule");
                return Err(Error::invalid(message));
            }
            let value = entry.value.as_ref();
            if value.is_some_and(|value| holds_secret(&member(pointer), value)) {
                let message = format!("setting {name} looks like a secret: declare it in secretSettings");
                return Err(Error::invalid(message));
            }
            if !places.insert(pointer.clone()) {
                let message = format!("setting {name} is in settings and in secretSettings");
                return Err(Error::invalid(message));
            }
        }
        // An entry sorts right before what is in it, but for names with characters before the slash.
        let inner = places.iter().find(|place| {
            let mut outer = place.match_indices('/').skip(1).map(|(at, _)| &place[..at]);
            outer.any(|outer| places.contains(outer))
        });
        inner.map_or(Ok(()), |place| {
            let name = place.trim_start_matches('/');
            Err(Error::invalid(format!(
                "setting {name} is part of another declared setting"
            )))
        })
    }

    fn effects(before: &Document, after: &Document) -> Vec<Effect> {
        let is_on = |document: &Document, pointer: &str| {
            let value = document.value_at(pointer).ok().flatten();
            value.and_then(|value| value.as_bool()) == Some(true)
        };
        let closed = LOGINS.iter().filter(|(at, _)| is_on(before, at) && !is_on(after, at));
        closed
            .map(|(_, source)| Effect::ClosesLogin((*source).to_owned()))
            .collect()
    }
}

fn secrets(object: &DssGeneralSettings) -> impl Iterator<Item = &SecretSetting> {
    object.spec.secret_settings.iter().flatten()
}

fn slot(one: &SecretSetting) -> String {
    format!("setting {}", one.path)
}

/// Reads the settings, if an object has entries in them: one call, whatever the number of objects.
pub(super) async fn sweep(api: &Dss, lists: &NodeLists, dependents: &[Dependent]) {
    let kinds = [
        object::kind::<DssGeneralSettings>(),
        object::kind::<DssImpersonationRule>(),
    ];
    let wanted = dependents.iter().any(|one| kinds.contains(&one.kind));
    let began = Instant::now();
    let read = if wanted {
        api.general_settings().await.ok()
    } else {
        None
    };
    match read {
        Some(document) => lists.documents.saw(KEY, began, Arc::new(document)),
        None => lists.documents.forget(KEY),
    }
}
