//! Libraries that must not come in at all, not even behind others, or that would make a pure crate impure.

use super::Offence;
use super::tree::Tree;

/// Never part of any build.
const BANNED: [(&str, &str); 4] = [
    (
        "aws-lc-sys",
        "there is one TLS provider, ring: the collector stays small and needs no cmake to build",
    ),
    (
        "aws-lc-rs",
        "there is one TLS provider, ring: the collector stays small and needs no cmake to build",
    ),
    ("openssl-sys", "TLS is rustls, the same on every system"),
    ("native-tls", "TLS is rustls, the same on every system"),
];

/// Never asked for by diagnosis, which has no I/O, no async, no clock and no randomness.
const IMPURE: [&str; 12] = [
    "async-trait",
    "chrono",
    "fastrand",
    "futures",
    "getrandom",
    "hyper",
    "mio",
    "rand",
    "reqwest",
    "smol",
    "tempfile",
    "tokio",
];

/// Finds banned libraries.
pub(super) fn check(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (name, reason) in BANNED {
        if let Some(askers) = tree.askers_of(name) {
            let lines = tree.text("Cargo.lock").unwrap_or_default().lines();
            let wanted = format!("name = \"{name}\"");
            let line = lines
                .into_iter()
                .position(|line| line == wanted)
                .map_or(1, |n| n + 1);
            let why = format!("{name} comes in behind {}: {reason}", askers.join(", "));
            offences.push(Offence::new(
                "Cargo.lock",
                line,
                why,
                "turn off the default features that ask for it, in the workspace's Cargo.toml",
            ));
        }
    }
    for package in tree.packages() {
        let wanted = package
            .dependencies
            .iter()
            .filter(|dependency| !dependency.only_for_tests);
        for dependency in wanted.filter(|_| package.name == "sickbay-diagnosis") {
            if IMPURE.contains(&dependency.name) {
                let line = tree.line_of_dependency(&package.manifest, dependency.name);
                let why = format!("diagnosis is pure and must not know {}", dependency.name);
                offences.push(Offence::new(
                    &package.manifest,
                    line,
                    why,
                    "pass what is needed in as an argument",
                ));
            }
        }
    }
    offences
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_second_tls_provider_is_refused_even_behind_others() {
        let metadata = |name: &str| {
            json!({
                "workspace_root": "/there",
                "packages": [
                    { "name": name, "id": "a", "source": "registry" },
                    { "name": "rustls", "id": "b", "source": "registry" },
                ],
                "resolve": { "nodes": [{ "id": "b", "dependencies": ["a"] }] },
            })
        };
        let files = [("Cargo.lock", "[[package]]\nname = \"aws-lc-sys\"\n")];
        let offences = check(&Tree::with_metadata(&files, metadata("aws-lc-sys")));
        assert_eq!(offences.len(), 1);
        assert_eq!(offences[0].line, 2);
        assert!(
            offences[0].why.contains("comes in behind rustls"),
            "{offences:?}"
        );
        assert_eq!(check(&Tree::with_metadata(&files, metadata("ring"))), []);
    }

    #[test]
    fn diagnosis_may_ask_for_impure_libraries_only_in_its_tests() {
        let tree = |kind| {
            let package = json!({
                "name": "sickbay-diagnosis", "source": null, "manifest_path": "/there/diagnosis/Cargo.toml",
                "dependencies": [{ "name": "rand", "kind": kind }],
            });
            Tree::with_metadata(
                &[],
                json!({ "workspace_root": "/there", "packages": [package] }),
            )
        };
        assert_eq!(check(&tree(None)).len(), 1);
        assert_eq!(check(&tree(Some("dev"))), []);
    }
}
