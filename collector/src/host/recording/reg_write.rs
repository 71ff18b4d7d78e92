//! Writing a registry as a .reg file, version 5, UTF-16LE with a byte order mark and CRLF, as regedit does.
//!
//! What it writes, [`super::reg_file`] reads back to an equal registry, except for what no export can hold: readings that stand for
//! "unreadable", times of last write, and texts with a NUL inside. Lines are not wrapped.

use std::fmt::Write as _;

use sickbay_diagnosis::reading::Data;

use super::reg_data;
use super::registry::{ROOTS, Registry};

/// The bytes of a .reg file that holds `registry`.
pub fn write_reg(registry: &Registry) -> Vec<u8> {
    let mut text = String::from("Windows Registry Editor Version 5.00\r\n");
    for key in registry.keys() {
        // A key that only leads to others is created by theirs.
        if !key.is_leaf && key.values.is_empty() {
            continue;
        }
        let _ = write!(text, "\r\n[{}]\r\n", long_path(&key.path));
        for (name, data) in key.values {
            write_value(&mut text, name, data);
        }
    }
    let units = text.encode_utf16().flat_map(u16::to_le_bytes);
    [0xff, 0xfe].into_iter().chain(units).collect()
}

fn long_path(path: &str) -> String {
    let (root, rest) = path.split_once('\\').unwrap_or((path, ""));
    let long = ROOTS
        .iter()
        .find(|(_, short)| *short == root)
        .map_or(root, |(long, _)| long);
    if rest.is_empty() {
        long.to_owned()
    } else {
        format!(r"{long}\{rest}")
    }
}

fn write_value(text: &mut String, name: &str, data: &Data) {
    let name = if name.is_empty() {
        "@".to_owned()
    } else {
        quoted(name)
    };
    match data {
        Data::Dword(number) => {
            let _ = write!(text, "{name}=dword:{number:08x}\r\n");
        }
        // Line breaks are legal inside the quotes, but an editor or a mail on the way may change them.
        Data::Text(value) if !value.contains(char::is_control) => {
            let _ = write!(text, "{name}={}\r\n", quoted(value));
        }
        _ => {
            let Some((kind, bytes)) = reg_data::to_bytes(data) else {
                return;
            };
            let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let form = if kind == reg_data::BINARY {
                "hex".to_owned()
            } else {
                format!("hex({kind:x})")
            };
            let _ = write!(text, "{name}={form}:{}\r\n", bytes.join(","));
        }
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', r#"\""#))
}
