//! The README shows what a machine's inspection prints. It is what is printed.

use std::path::Path;
use std::process::Command;

/// Stands in the README for lines that are left out.
const LEFT_OUT: &str = "  ...";

#[test]
fn the_inspection_in_the_readme_is_what_the_program_prints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the collector lies in the repository");
    let readme = std::fs::read_to_string(root.join("README.md")).expect("there is a README");
    let (_, shown) = readme
        .split_once("```console\n$ sickbay-collector ")
        .expect("the README shows a command");
    let (shown, _) = shown.split_once("\n```").expect("the block ends");
    let (command, shown) = shown
        .split_once(".reg\n")
        .expect("the command ends with a recording");
    let arguments = format!("{command}.reg").replace("\\\n", " ");
    let output = Command::new(env!("CARGO_BIN_EXE_sickbay-collector"))
        .args(arguments.split_whitespace())
        .current_dir(root)
        .output()
        .expect("the program can be run");
    assert_eq!(output.status.code(), Some(1), "something is open");
    let printed = String::from_utf8(output.stdout).expect("it prints text");

    let mut rest = printed.lines();
    for line in shown.lines().filter(|line| *line != LEFT_OUT) {
        assert!(
            rest.any(|printed| printed == line),
            "the README has a line that is not printed, or not there: {line}\n\n{printed}"
        );
    }
    assert_eq!(rest.next(), None, "the README stops before the end");
}
