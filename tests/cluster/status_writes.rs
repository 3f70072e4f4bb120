//! Status writes that the apiserver refuses.

use std::time::Duration;

use serde_json::{Value, json};
use testbed::Namespace;

use crate::bed::{Bed, Findings, PATIENCE, user};

/// Denies status writes of the objects with these names, and nothing else.
struct Denial<'a> {
    namespace: &'a Namespace,
    name: String,
}

impl<'a> Denial<'a> {
    async fn of(namespace: &'a Namespace, objects: &[&str]) -> Self {
        let name = format!("deny-{}", namespace.name());
        let api = "admissionregistration.k8s.io/v1";
        let metadata = json!({ "name": &name });
        let here = json!({ "matchLabels": { "kubernetes.io/metadata.name": namespace.name() } });
        let policy = json!({
            "apiVersion": api, "kind": "ValidatingAdmissionPolicy", "metadata": &metadata,
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {
                    "namespaceSelector": here,
                    "resourceRules": [{
                        "apiGroups": ["dataiku-operator.io"], "apiVersions": ["*"], "operations": ["UPDATE"],
                        "resources": ["dssusers/status"],
                    }],
                },
                "validations": [{ "expression": format!("!(object.metadata.name in {})", json!(objects)) }],
            },
        });
        let binding = json!({
            "apiVersion": api, "kind": "ValidatingAdmissionPolicyBinding", "metadata": &metadata,
            "spec": { "policyName": &name, "validationActions": ["Deny"] },
        });
        for object in [policy, binding] {
            namespace.apply_object(&object).await.unwrap();
        }
        let denial = Self { namespace, name };
        denial.until(objects[0], false).await;
        denial
    }

    async fn lift(self, object: &str) {
        for kind in ["ValidatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy"] {
            self.namespace.delete(kind, &self.name).await.unwrap();
        }
        self.until(object, true).await;
    }

    /// The apiserver takes a moment to learn of a policy.
    async fn until(&self, object: &str, accepted: bool) {
        let began = tokio::time::Instant::now();
        let patch = json!({ "status": { "lastHandledReconcileAt": "probe" } }).to_string();
        let arguments = [
            "patch",
            "dssuser",
            object,
            "--subresource=status",
            "--type=merge",
            "--dry-run=server",
            "-p",
            &patch,
        ];
        while self.namespace.kubectl(&arguments).await.is_ok() != accepted {
            assert!(began.elapsed() < PATIENCE, "the policy has no effect");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

/// Status writes of the kind that the apiserver refused, as the operator counts them.
async fn failures(bed: &Bed) -> f64 {
    let metrics = bed.operator.metrics().await.unwrap();
    let failures = metrics.lines().filter(|line| {
        line.starts_with("dataiku_operator_status_write_failures_total{") && line.contains("\"DssUser\"")
    });
    failures
        .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        .sum()
}

fn warned(bed: &Bed, name: &str) -> bool {
    let logs = bed.operator.logs();
    let quoted = format!("\"{name}\"");
    logs.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .any(|line| {
            ["WARN", "ERROR"].contains(&line["level"].as_str().unwrap_or_default())
                && line.to_string().contains(&quoted)
        })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_status_write_is_reported_backs_off_and_holds_up_no_remote_work() {
    let bed = Bed::ready("denied").await;
    for name in ["worker", "wizard", "calm"] {
        bed.apply(&user(name, json!({ "email": "a@example.com" }))).await;
        bed.wait("DssUser", name, "Ready=True/InSync").await;
    }
    let denial = Denial::of(&bed.namespace, &["worker", "wizard"]).await;
    bed.apply(&user("worker", json!({ "email": "b@example.com" }))).await;
    bed.apply(&user(
        "wizard",
        json!({ "email": "a@example.com", "userProfile": "WIZARD" }),
    ))
    .await;
    let mut findings = Findings::default();
    bed.until("the edit, whatever becomes of the status", || {
        bed.user("worker").unwrap()["email"] == "b@example.com"
    })
    .await;
    tokio::time::sleep(Duration::from_secs(15)).await;
    let first = failures(&bed).await;
    findings.check(first >= 1.0, "no metric counts the refused writes");
    findings.check(
        warned(&bed, "worker") && warned(&bed, "wizard"),
        "nothing at WARN names the objects",
    );
    let reconciles = bed.reconciles("DssUser").await;
    tokio::time::sleep(Duration::from_secs(15)).await;
    let more = failures(&bed).await - first;
    findings.check(more <= 6.0, &format!("{more} tries of two objects in 15 s"));
    let reconciles = bed.reconciles("DssUser").await - reconciles;
    findings.check(reconciles <= 10, &format!("{reconciles} reconciles in 15 s"));
    let warnings = bed.events("wizard", "Warning").await;
    let told: i32 = warnings.iter().map(|event| event.count).sum();
    findings.check(told <= 1, &format!("told {told} times: {warnings:?}"));
    let writes = bed.remote.requests().log;
    let edits = writes
        .iter()
        .filter(|call| call.path.ends_with("/worker") && call.method == "PUT");
    findings.check(
        edits.count() == 1,
        &format!("the edit was made more than once: {:?}", bed.remote.requests().counts),
    );

    denial.lift("worker").await;
    bed.wait("DssUser", "worker", "Ready=True/InSync").await;
    bed.wait("DssUser", "wizard", "Ready=False/Invalid").await;
    findings.none();
}
