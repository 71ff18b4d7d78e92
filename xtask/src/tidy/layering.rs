//! Who may depend on whom, and which crate alone may know a library.
//!
//! Only what a manifest asks for itself counts; what comes in behind a library is that library's affair.

use super::Offence;
use super::tree::{Package, Tree};

/// What each of the project's packages may ask for among the others. Tests may ask for everything.
const MAY_DEPEND: [(&str, &[&str]); 11] = [
    ("sickbay-proto", &[]),
    ("sickbay-diagnosis", &[]),
    ("sickbay-service", &[]),
    ("sickbay-packaging", &[]),
    ("sickbay-test-postgres", &[]),
    (
        "sickbay-store",
        // The last one in its tests alone.
        &["sickbay-diagnosis", "sickbay-test-postgres"],
    ),
    ("sickbay-web", &["sickbay-diagnosis"]),
    (
        "sickbay-collector",
        &["sickbay-diagnosis", "sickbay-proto", "sickbay-service"],
    ),
    (
        "sickbay-server",
        &[
            // For its demo alone: see the rule `demo`.
            "sickbay-collector",
            "sickbay-diagnosis",
            "sickbay-packaging",
            "sickbay-proto",
            "sickbay-service",
            "sickbay-store",
            // In its tests alone.
            "sickbay-test-postgres",
            "sickbay-web",
        ],
    ),
    (
        "sickbay-tests",
        &[
            "sickbay-collector",
            "sickbay-diagnosis",
            "sickbay-packaging",
            "sickbay-proto",
            "sickbay-server",
            "sickbay-service",
            "sickbay-store",
            "sickbay-test-postgres",
            "sickbay-web",
        ],
    ),
    // For the kit that it hands out.
    ("xtask", &["sickbay-packaging"]),
];

/// Libraries (a `-` or `_` may follow) that only some packages may know, and why.
const KNOWN_ONLY_TO: [(&str, &[&str], &str); 8] = [
    (
        "sqlx",
        &["sickbay-store"],
        "SQL stands in the store alone, so that both databases stay one body",
    ),
    (
        "rusqlite",
        &["sickbay-store", "sickbay-tests"],
        "SQL stands in the store alone, so that both databases stay one body",
    ),
    (
        "libsqlite3",
        &["sickbay-store"],
        "SQL stands in the store alone, so that both databases stay one body",
    ),
    (
        "tonic",
        &[
            "sickbay-proto",
            "sickbay-collector",
            "sickbay-server",
            "sickbay-tests",
        ],
        "gRPC is spoken at the two ends alone",
    ),
    (
        "prost",
        &[
            "sickbay-proto",
            "sickbay-collector",
            "sickbay-server",
            "sickbay-tests",
        ],
        "gRPC is spoken at the two ends alone",
    ),
    (
        "askama",
        &["sickbay-web"],
        "templates stand in the web crate alone",
    ),
    (
        "windows",
        &["sickbay-collector", "sickbay-service"],
        "Windows is touched in two places alone, so that the suite on Linux covers all logic",
    ),
    (
        "winapi",
        &["sickbay-collector", "sickbay-service"],
        "Windows is touched in two places alone, so that the suite on Linux covers all logic",
    ),
];

/// Finds dependencies that point the wrong way.
pub(super) fn check(tree: &Tree) -> Vec<Offence> {
    let packages = tree.packages();
    packages
        .iter()
        .flat_map(|package| of_package(tree, package))
        .collect()
}

fn of_package(tree: &Tree, package: &Package<'_>) -> Vec<Offence> {
    let name = package.name;
    let offence = |dependency: &str, why: String, instead| {
        let line = tree.line_of_dependency(&package.manifest, dependency);
        Offence::new(&package.manifest, line, why, instead)
    };
    let Some((_, may)) = MAY_DEPEND.iter().find(|(package, _)| *package == name) else {
        let why = format!("nobody has said what the package {name} may depend on");
        let instead =
            "add it to MAY_DEPEND in xtask/src/tidy/layering.rs and to docs/ARCHITECTURE.md";
        return vec![offence(name, why, instead)];
    };
    let mut offences = Vec::new();
    for dependency in &package.dependencies {
        let wanted = dependency.name;
        let ours = MAY_DEPEND.iter().any(|(package, _)| *package == wanted);
        if ours && wanted != name && !may.contains(&wanted) {
            let why = format!("{name} must not depend on {wanted}: dependencies point one way");
            offences.push(offence(
                wanted,
                why,
                "move what is needed to where both may see it, or pass it in as an argument",
            ));
        }
        for (library, only, reason) in KNOWN_ONLY_TO {
            if is_of(wanted, library) && !only.contains(&name) {
                let why = format!(
                    "{name} must not know {wanted}, which belongs to {}: {reason}",
                    only.join(", ")
                );
                offences.push(offence(wanted, why, "put the code that needs it there, behind a function or trait that does not show it"));
            }
        }
    }
    offences
}

/// Whether a package is a library itself or one of its companions, such as `tonic-prost` of `tonic`.
fn is_of(package: &str, library: &str) -> bool {
    let rest = package.strip_prefix(library);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn tree(package: &str, dependencies: &[&str], manifest: &str) -> Tree {
        let dependencies: Vec<Value> = dependencies
            .iter()
            .map(|name| json!({ "name": name, "kind": null }))
            .collect();
        let package = json!({
            "name": package, "source": null, "manifest_path": "/there/server/Cargo.toml", "dependencies": dependencies,
        });
        let metadata = json!({ "workspace_root": "/there", "packages": [package] });
        Tree::with_metadata(&[("server/Cargo.toml", manifest)], metadata)
    }

    #[test]
    fn sqlx_in_the_server_is_refused_where_it_stands() {
        let bad = tree(
            "sickbay-server",
            &["sqlx"],
            "[package]\n[dependencies]\nsqlx.workspace = true\n",
        );
        let offences = check(&bad);
        assert_eq!(offences.len(), 1, "{offences:?}");
        assert_eq!(
            (offences[0].file.as_str(), offences[0].line),
            ("server/Cargo.toml", 3)
        );
        assert!(
            offences[0]
                .why
                .contains("must not know sqlx, which belongs to sickbay-store"),
            "{offences:?}"
        );
        assert_eq!(
            check(&tree("sickbay-store", &["sqlx", "sickbay-diagnosis"], "")),
            []
        );
    }

    #[test]
    fn dependencies_point_one_way() {
        assert_eq!(
            check(&tree(
                "sickbay-server",
                &["sickbay-web", "tonic-prost", "tokio"],
                ""
            )),
            []
        );
        for (package, wanted) in [
            ("sickbay-store", "sickbay-web"),
            ("sickbay-diagnosis", "sickbay-proto"),
            ("sickbay-web", "tonic"),
            ("sickbay-server", "askama_web"),
            ("sickbay-server", "windows-sys"),
            ("sickbay-new", "anyhow"),
        ] {
            assert_eq!(
                check(&tree(package, &[wanted], "")).len(),
                1,
                "{package} -> {wanted}"
            );
        }
    }
}
