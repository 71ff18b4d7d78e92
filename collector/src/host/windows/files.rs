//! Files and folders: whether they are there and since when. Nothing is opened for its content.
//!
//! Only paths on a drive are looked for. A path on another machine would make this one sign in there, on the word of a registry
//! value; so it is [`Data::Unreadable`].

use std::io;

use sickbay_diagnosis::reading::Data;

use super::time_of;

/// Whether `path` is there, its variables such as `%windir%` expanded by this process's environment; with its time of creation.
pub(super) fn file(path: &str) -> Data {
    let expanded = expanded(path);
    if !is_on_a_drive(&expanded) {
        return Data::Unreadable(format!("{expanded} is no path on a drive of this machine"));
    }
    match std::fs::symlink_metadata(&expanded) {
        Ok(metadata) => Data::Key(metadata.created().ok().map(time_of)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Data::Absent,
        Err(error) => Data::Unreadable(error.to_string()),
    }
}

/// The path with its variables replaced; one that is not set stays as it is.
fn expanded(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let Some((name, behind)) = after.split_once('%') else {
            out.push('%');
            rest = after;
            break;
        };
        match std::env::var(name) {
            Ok(value) => out.push_str(&value),
            Err(_) => out.extend(["%", name, "%"]),
        }
        rest = behind;
    }
    out + rest
}

fn is_on_a_drive(path: &str) -> bool {
    matches!(path.as_bytes(), [letter, b':', b'\\', ..] if letter.is_ascii_alphabetic())
}
