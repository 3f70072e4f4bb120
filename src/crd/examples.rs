//! A minimal object of each kind, which `kubectl explain KIND` prints below the description of the kind.
//!
//! `examples/` has complete ones; these show what to write first.

/// What introduces the example in a description.
const INTRODUCTION: &str = "\n\nFor example:\n\n";

/// The description of a kind with its example below it.
pub(super) fn with_example(kind: &str, description: &str) -> String {
    match of(kind) {
        Some(example) => format!("{description}{INTRODUCTION}{}", example.trim_end()),
        None => description.to_owned(),
    }
}

/// The description of a kind without its example.
pub fn without_example(description: &str) -> &str {
    description
        .split_once(INTRODUCTION)
        .map_or(description, |(above, _)| above)
}

/// The example in the description of a kind, as YAML; `None` where there is none.
pub fn in_description(description: &str) -> Option<&str> {
    description.split_once(INTRODUCTION).map(|(_, example)| example)
}

/// The example of each kind, as YAML without `apiVersion` and `kind`.
const EXAMPLES: [(&str, &str); 20] = [
    // The annotation on the Secret is what beginners miss.
    (
        "DssInstance",
        "\
# The Secret has the key apiKey, and the annotation
# dataiku-operator.io/allowed-hosts: dss.example.com
metadata: {name: design, namespace: dataiku}
spec:
  url: https://dss.example.com
  credentials: {apiKeySecretRef: {name: design-admin}}
  defaultUserProfile: READER
",
    ),
    (
        "DssGroup",
        "\
metadata: {name: analysts, namespace: dataiku}
spec:
  instanceRef: {name: design}
  permissions: {mayCreateProjects: true}
",
    ),
    (
        "DssUser",
        "\
metadata: {name: jane.doe, namespace: dataiku}
spec:
  instanceRef: {name: design}
  sourceType: LOCAL_NO_AUTH
  userProfile: FULL_DESIGNER
  groups: [{name: analysts}]
",
    ),
    (
        "DssGlobalApiKey",
        "\
metadata: {name: ci, namespace: dataiku}
spec:
  instanceRef: {name: design}
  groups: [analysts]
  secretName: ci-dss-key
  rotation: {interval: 720h}
",
    ),
    (
        "DssPersonalApiKey",
        "\
metadata: {name: jane-notebooks, namespace: dataiku}
spec:
  instanceRef: {name: design}
  user: jane.doe
  secretName: jane-dss-key
",
    ),
    (
        "DssInstanceVariables",
        "\
metadata: {name: paths, namespace: dataiku}
spec:
  instanceRef: {name: design}
  variables: {landingZone: s3://landing}
",
    ),
    (
        "DssGeneralSettings",
        "\
metadata: {name: visibility, namespace: dataiku}
spec:
  instanceRef: {name: design}
  settings: {security: {restrictUsersAndGroupsVisibility: true}}
",
    ),
    (
        "DssImpersonationRule",
        "\
metadata: {name: etl, namespace: dataiku}
spec:
  instanceRef: {name: design}
  user: {type: SINGLE_MAPPING, dssUser: svc-etl, targetUnix: etl}
",
    ),
    (
        "DssTask",
        "\
metadata: {name: nightly-resync, namespace: dataiku}
spec:
  instanceRef: {name: design}
  schedule: 0 2 * * *
  resyncUsers: {all: true}
",
    ),
    (
        "GovernInstance",
        "\
# The Secret has the key apiKey, and the annotation
# dataiku-operator.io/allowed-hosts: govern.example.com
metadata: {name: govern, namespace: dataiku}
spec:
  url: https://govern.example.com
  credentials: {apiKeySecretRef: {name: govern-admin}}
",
    ),
    (
        "GovernGroup",
        "\
metadata: {name: project-managers, namespace: dataiku}
spec:
  instanceRef: {name: govern}
",
    ),
    (
        "GovernUser",
        "\
metadata: {name: jane.doe, namespace: dataiku}
spec:
  instanceRef: {name: govern}
  sourceType: LOCAL_NO_AUTH
  userProfile: READER
  groups: [{name: project-managers}]
",
    ),
    (
        "GovernGlobalApiKey",
        "\
metadata: {name: ci, namespace: dataiku}
spec:
  instanceRef: {name: govern}
  groups: [project-managers]
  secretName: ci-govern-key
",
    ),
    (
        "GovernRole",
        "\
metadata: {name: risk-owner, namespace: dataiku}
spec:
  instanceRef: {name: govern}
  identifier: risk_owner
  label: Risk owner
",
    ),
    (
        "GovernRoleAssignment",
        "\
metadata: {name: risk-owners, namespace: dataiku}
spec:
  instanceRef: {name: govern}
  blueprintId: bp.system.business_initiative
  roleRef: {name: risk-owner}
  rules: [{groups: [project-managers]}]
",
    ),
    (
        "GovernBlueprintPermissions",
        "\
metadata: {name: projects, namespace: dataiku}
spec:
  instanceRef: {name: govern}
  blueprintId: bp.system.dataiku_project
  permissions: {ro.risk_owner: {write: true}}
",
    ),
    (
        "GovernDefaultPermissions",
        "\
metadata: {name: defaults, namespace: dataiku}
spec:
  instanceRef: {name: govern}
  permissions: {ro.reader: {read: true}}
",
    ),
    (
        "LaunchpadSpace",
        "\
# The Secret has the keys apiKeyId and apiKeySecret, and the annotation
# dataiku-operator.io/allowed-hosts: api.launchpad-dku.app.dataiku.io
metadata: {name: prod, namespace: dataiku}
spec:
  spaceId: space-0123
  credentials: {secretRef: {name: prod-admin}}
",
    ),
    (
        "LaunchpadGroup",
        "\
metadata: {name: analytics, namespace: dataiku}
spec:
  spaceRef: {name: prod}
  nodes: [{name: design-0}]
  members: [{email: jane@example.com}]
",
    ),
    (
        "LaunchpadUser",
        "\
metadata: {name: jane, namespace: dataiku}
spec:
  spaceRef: {name: prod}
  email: jane@example.com
  profile: {name: designer}
",
    ),
];

/// The example of a kind.
fn of(kind: &str) -> Option<&'static str> {
    let found = EXAMPLES.iter().find(|(name, _)| *name == kind);
    found.map(|(_, example)| *example)
}
