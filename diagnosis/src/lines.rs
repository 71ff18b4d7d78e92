//! Several named values in one reading: the lines of a list, `name=value` each. An event and an entry of the update history are such.
//!
//! Limits: [`MOST`] lines, [`VALUE_CHARS`] characters a value. A line break or another control character in a value becomes a space,
//! because it would otherwise read as a line of its own.

use crate::reading::Data;

/// Most lines of one reading.
pub const MOST: usize = 48;
/// Longest value, in characters.
pub const VALUE_CHARS: usize = 512;

/// The reading of these values, in their order.
pub fn data<'a>(values: impl IntoIterator<Item = (&'a str, String)>) -> Data {
    let line = |(name, value): (&str, String)| format!("{}={}", plain(name), plain(&value));
    Data::MultiText(values.into_iter().take(MOST).map(line).collect())
}

/// The value of that name, the first where there are several; names are matched without regard to case.
pub fn get<'a>(data: &'a Data, name: &str) -> Option<&'a str> {
    all(data)
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// Every name and value.
pub fn all(data: &Data) -> impl Iterator<Item = (&str, &str)> {
    let lines = match data {
        Data::MultiText(lines) => lines.as_slice(),
        _ => &[],
    };
    lines.iter().filter_map(|line| line.split_once('='))
}

fn plain(text: &str) -> String {
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(VALUE_CHARS).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_by_name_and_none_can_pose_as_another() {
        let written = data([
            ("id", "20".to_owned()),
            ("updateTitle", "a=b\nid=19".to_owned()),
        ]);
        assert_eq!(get(&written, "ID"), Some("20"));
        assert_eq!(get(&written, "updateTitle"), Some("a=b id=19"));
        assert_eq!(get(&written, "at"), None);
        assert_eq!(all(&Data::Absent).count(), 0);
    }

    #[test]
    fn a_reading_does_not_grow_with_what_is_put_in() {
        let many = (0..1000).map(|_| ("name", "x".repeat(10_000)));
        let Data::MultiText(lines) = data(many) else {
            panic!("lines are a list");
        };
        assert_eq!(lines.len(), MOST);
        assert!(lines.iter().all(|l| l.len() <= VALUE_CHARS + "name=".len()));
    }
}
