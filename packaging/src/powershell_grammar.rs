//! PowerShell as a real grammar reads it, for tests: no PowerShell runs where these tests do. It knows how
//! things are spelt, not what they mean: a `try` without a `catch` passes.

use tree_sitter::{Node, Parser, Tree};

fn parse(script: &str) -> Tree {
    let mut parser = Parser::new();
    parser
        .set_language(&tree_sitter_powershell::LANGUAGE.into())
        .unwrap();
    parser.parse(script, None).unwrap()
}

fn every<'a>(node: Node<'a>, found: &mut Vec<Node<'a>>) {
    found.push(node);
    for child in node.children(&mut node.walk()) {
        every(child, found);
    }
}

/// Where the grammar stumbles, as line and text; nothing for a script that can be run.
pub(crate) fn mistakes(script: &str) -> Vec<String> {
    let tree = parse(script);
    let mut nodes = Vec::new();
    every(tree.root_node(), &mut nodes);
    nodes.retain(|node| node.is_error() || node.is_missing());
    let said = nodes.into_iter().map(|node| {
        let text = script.get(node.byte_range()).unwrap_or_default();
        format!("line {}: {text:?}", node.start_position().row + 1)
    });
    said.collect()
}

/// Every string in single quotes, in order.
pub(crate) fn strings(script: &str) -> Vec<String> {
    let tree = parse(script);
    let mut nodes = Vec::new();
    every(tree.root_node(), &mut nodes);
    assert_eq!(mistakes(script), [""; 0], "{script}");
    nodes.retain(|node| node.kind() == "verbatim_string_characters");
    let texts = nodes
        .iter()
        .map(|node| script[node.byte_range()].to_owned());
    texts.collect()
}

#[test]
fn a_broken_script_is_noticed() {
    for broken in [
        "if ($a { Get-Item }",
        "function f { param([string] $a",
        "$a = 'never ended\n",
        "foreach ($a in ) { }",
        "Get-Item | | Get-Item",
    ] {
        assert!(!mistakes(broken).is_empty(), "{broken}");
    }
    assert!(mistakes("if ($a) { Get-Item -Path 'b' }\n").is_empty());
}
