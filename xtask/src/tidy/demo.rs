//! The server knows the collector in its demo alone.

use super::Offence;
use super::rust::lines_with;
use super::tree::Tree;

/// Finds other places in the server that name the collector's library.
pub(super) fn check(tree: &Tree) -> Vec<Offence> {
    let mut offences = Vec::new();
    for file in tree.rust_below("server/src") {
        if file.path == "server/src/demo.rs" || file.path.starts_with("server/src/demo/") {
            continue;
        }
        for line in lines_with(&file.code, "sickbay_collector") {
            let why = "only the demo may know the collector: a server must not come to rely on its insides";
            offences.push(Offence::new(
                &file.path,
                line,
                why,
                "use the wire (sickbay_proto) or diagnosis, or move the code into server/src/demo",
            ));
        }
    }
    offences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_demo_names_the_collector() {
        let text = "// sickbay_collector\nuse sickbay_collector::session;\n";
        let good = [
            ("server/src/demo/mod.rs", text),
            ("server/src/demo.rs", text),
            ("tests/tests/a.rs", text),
        ];
        assert_eq!(check(&Tree::of(&good)), []);
        let offences = check(&Tree::of(&[("server/src/fleet.rs", text)]));
        assert_eq!(offences.len(), 1);
        assert_eq!(offences[0].line, 2);
    }
}
