//! Generated wire types do not leave `wire.rs`: they are converted at one door on either side, where every limit is checked.
//!
//! The generated clients and servers (`…_client`, `…_server`) are no messages and may be named anywhere in the two ends. Tests, which
//! speak the wire badly on purpose, are left out.

use super::Offence;
use super::rust::{lines_with, used_paths};
use super::tree::{File, Tree};

/// Files that must name messages besides, and why. Nothing else is excepted.
const EXCEPTED: [(&str, &str); 1] = [(
    "server/src/collectors.rs",
    "implements the generated service traits, whose signatures name the messages; each method converts through wire.rs at once",
)];

/// Finds messages outside of `wire.rs`.
pub(super) fn check(tree: &Tree) -> Vec<Offence> {
    let ends = tree
        .rust_below("collector/src")
        .chain(tree.rust_below("server/src"));
    let mut offences = Vec::new();
    for file in ends.filter(|file| !is_door(file)) {
        let used = used_paths(&file.code);
        let lines = used
            .iter()
            .filter(|(_, path)| is_message(path))
            .map(|(line, _)| *line);
        // Outside of a `use`, a path to the module is one to a message: clients and servers are brought in by `use`.
        let in_use: Vec<usize> = used.iter().map(|(line, _)| *line).collect();
        let paths = lines_with(&file.code, "sickbay_proto::v1");
        let mut lines: Vec<usize> = lines
            .chain(paths.into_iter().filter(|line| !in_use.contains(line)))
            .collect();
        lines.sort_unstable();
        lines.dedup();
        for line in lines {
            let why =
                "generated wire types stay in wire.rs, the one door where every limit is checked";
            offences.push(Offence::new(
                &file.path,
                line,
                why,
                "convert in wire.rs and use a type of this crate here",
            ));
        }
    }
    offences
}

fn is_door(file: &File) -> bool {
    let excepted = EXCEPTED.iter().any(|(path, _)| *path == file.path);
    excepted || file.name() == "wire.rs" || file.is_below("wire") || file.name() == "tests.rs"
}

fn is_message(path: &str) -> bool {
    let Some(below) = path.strip_prefix("sickbay_proto::v1") else {
        return path == "sickbay_proto::*" || path == "sickbay_proto";
    };
    let module = below
        .trim_start_matches("::")
        .split("::")
        .next()
        .unwrap_or_default();
    !module.ends_with("_client") && !module.ends_with("_server")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let offences = check(&Tree::of(&[(path, text)]));
        offences.into_iter().map(|offence| offence.line).collect()
    }

    #[test]
    fn messages_outside_of_the_door_are_refused() {
        for bad in [
            "use sickbay_proto::v1::Hello;",
            "use sickbay_proto::{limits, v1};",
            "fn a(b: sickbay_proto::v1::Hello) {}",
            "use sickbay_proto as p;",
        ] {
            assert_eq!(
                lines("server/src/ingest.rs", &format!("\n{bad}\n")),
                [2],
                "{bad}"
            );
        }
    }

    #[test]
    fn the_door_limits_and_clients_are_allowed() {
        let message = "use sickbay_proto::v1::Hello;\n";
        for path in [
            "server/src/wire.rs",
            "collector/src/wire/report.rs",
            "tests/tests/wire.rs",
            EXCEPTED[0].0,
        ] {
            assert!(lines(path, message).is_empty(), "{path}");
        }
        let glue =
            "use sickbay_proto::limits;\nuse sickbay_proto::v1::fleet_client::FleetClient;\n";
        assert!(lines("collector/src/session/mod.rs", glue).is_empty());
    }
}
