# Each recipe wraps plain commands; nothing here is needed to work on the code with cargo alone.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/dataiku-operator
# Run from here: `cargo run -p` builds once more, with the features of that package alone.
TARGET := $(or $(CARGO_TARGET_DIR),target)
DENY := $(CACHE)/tools/bin/cargo-deny
DENY_VERSION := 0.20.2
MDBOOK := $(CACHE)/tools/bin/mdbook
MDBOOK_VERSION := 0.5.4

.PHONY: help test test-oldest upgrade-test campaign assumed demo bench lint fmt generate check-generated deny controlplane contract chart-test chart-docs docs docs-check docs-look image cluster-test

help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

test: controlplane ## Everything: unit, property, layers, real control plane, chart, vendor's client; names what it skipped
	export SKIPPED_TESTS=$$(mktemp)
	trap 'rm -f "$$SKIPPED_TESTS"' EXIT
	cargo build --locked --workspace
	# Tests on a control plane wait more than they compute.
	RUST_TEST_THREADS=$${RUST_TEST_THREADS:-6} cargo test --locked --workspace --no-fail-fast
	tests/chart/run
	tests/contract/run --check
	sed 's/^/skipped: /' "$$SKIPPED_TESTS"
	echo 'not part of it: make cluster-test (as root), test-oldest, upgrade-test, docs-check, docs-look, image, bench'

test-oldest: ## What an apiserver decides, on Kubernetes 1.33
	tests/oldest

upgrade-test: controlplane ## The operator of the previous version on these CRDs, this one on its CRDs, and the handover
	tests/upgrade

campaign: ## 1,000 plans of the fault campaign; PLANS and SEED choose others
	CAMPAIGN_PLANS=$(or $(PLANS),1000) CAMPAIGN_SEED=$(or $(SEED),1) cargo test --locked --workspace --test cluster -- campaign

assumed: ## Every answer that is assumed of a node, on every release, under a life of all kinds; ONLY=A14 for some
	DATAIKU_OPERATOR_TEST_RELEASES=all DATAIKU_OPERATOR_TEST_SETTINGS="$(ONLY)" cargo test --locked --workspace --lib -- tests::assumed

demo: controlplane ## Control plane, simulator, operator and examples/; ONCE=1 ends by itself
	cargo build --locked --workspace
	$(TARGET)/debug/demo $(if $(ONCE),--once)

bench: controlplane ## Time, calls, CPU and memory at 1,000 and 10,000 users
	cargo build --locked --release --workspace --bin dataiku-operator --bin bench
	$(TARGET)/release/bench $(BENCH)

lint: check-generated deny ## Format, clippy, generated files, dependencies
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings

fmt: ## Format
	cargo fmt --all

generate: ## Write crds/, deploy/, docs/reference/ and parts of charts/
	cargo run --locked --quiet -- generate

check-generated:
	cargo run --locked --quiet -- generate --check

deny: $(DENY)
	$(DENY) --locked check bans licenses sources

$(DENY):
	cargo install --locked cargo-deny --version $(DENY_VERSION) --root $(CACHE)/tools

controlplane: ## Build etcd, kube-apiserver, kube-controller-manager, kubectl and helm once
	tests/controlplane/build >/dev/null

chart-test: controlplane ## The Helm chart and deploy/ without a cluster: lint, schema, templates, alerts, health checks
	tests/chart/run

chart-docs: controlplane ## Write the chart's README.md from its values
	tests/chart/run --write

contract: ## Drive the simulator with the vendor's own Python client
	tests/contract/run

docs: $(MDBOOK) ## Build the book into target/book
	$(MDBOOK) build docs

docs-check: ## The docs without a cluster: YAML against the CRDs, commands, links, names
	cargo build --locked --workspace --bin simulator
	SIMULATOR_BIN=$(TARGET)/debug/simulator tests/docs/run

docs-look: docs ## Every page of the book in a headless browser, at two widths: axe, search, nothing beyond the edge
	tests/docs/browser/run

$(MDBOOK):
	cargo install --locked mdbook --version $(MDBOOK_VERSION) --root $(CACHE)/tools

image: ## Build target/image.tar: a static binary on nothing, without pulling anything
	hack/image

cluster-test: ## The image on a real one-node cluster, as root: restricted pods, upgrades, crashes, a drain; SCENARIOS=argocd: Argo CD
	cargo build --locked --workspace
	tests/onenode/run $(SCENARIOS)
