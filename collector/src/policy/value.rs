//! Reading one value at a time: which key wins, and what cannot be used.

use std::fmt::Display;
use std::str::FromStr;

use sickbay_diagnosis::reading::Data;

use super::{ALL, Kind, Origin};
use crate::host::Host;

/// Most entries of a list, and bytes of an entry, that are used.
const ENTRIES: usize = 32;
const ENTRY_BYTES: usize = 512;

/// What was found so far.
pub(super) struct Found<'a> {
    host: &'a dyn Host,
    origins: Vec<(&'static str, Origin)>,
    problems: Vec<String>,
}

impl<'a> Found<'a> {
    pub(super) fn new(host: &'a dyn Host) -> Self {
        Self {
            host,
            origins: Vec::new(),
            problems: Vec::new(),
        }
    }

    pub(super) fn finish(self) -> (Vec<(&'static str, Origin)>, Vec<String>) {
        (self.origins, self.problems)
    }

    /// The entries of a list; none where it is not set.
    pub(super) fn list(&mut self, name: &'static str) -> Vec<String> {
        let take = |data: &Data| {
            let entries: Vec<String> = match data {
                Data::MultiText(lines) => lines.iter().flat_map(|line| split(line)).collect(),
                Data::Text(text) | Data::ExpandText(text) => split(text).collect(),
                _ => return Err("it must be REG_MULTI_SZ, or REG_SZ".to_owned()),
            };
            let long = entries.iter().any(|entry| entry.len() > ENTRY_BYTES);
            if entries.len() > ENTRIES || long {
                return Err(format!(
                    "a list has at most {ENTRIES} entries of {ENTRY_BYTES} bytes"
                ));
            }
            Ok(Some(entries).filter(|entries| !entries.is_empty()))
        };
        self.take(name, take)
            .map(|(entries, _)| entries)
            .unwrap_or_default()
    }

    /// The entries of a list that can be read as `T`; each of the others is a problem.
    pub(super) fn parsed_list<T: FromStr<Err: Display>>(&mut self, name: &'static str) -> Vec<T> {
        let entries = self.list(name);
        let read = |entry: &String| entry.parse().map_err(|error: T::Err| error.to_string());
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for entry in entries.iter().map(read) {
            match entry {
                Ok(entry) => good.push(entry),
                Err(why) => bad.push(why),
            }
        }
        for why in bad {
            self.problem(name, &why);
        }
        good
    }

    /// A text; nothing where it is not set or empty.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        self.take(name, |data| match data {
            Data::Text(text) | Data::ExpandText(text) if text.len() <= ENTRY_BYTES => {
                Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
            }
            Data::Text(_) | Data::ExpandText(_) => {
                Err(format!("it is longer than {ENTRY_BYTES} bytes"))
            }
            _ => Err("it must be REG_SZ".to_owned()),
        })
        .map(|(text, _)| text)
    }

    /// A text that can be read as `T`.
    pub(super) fn parsed<T: FromStr<Err: Display>>(&mut self, name: &'static str) -> Option<T> {
        match self.text(name)?.parse() {
            Ok(parsed) => Some(parsed),
            Err(error) => {
                self.problem(name, &error);
                None
            }
        }
    }

    /// A text of the closed list in [`ALL`].
    pub(super) fn choice(&mut self, name: &'static str) -> Option<String> {
        let Kind::Choice(choices) = kind_of(name) else {
            return None;
        };
        let chosen = self.text(name)?.to_ascii_lowercase();
        if choices.contains(&chosen.as_str()) {
            return Some(chosen);
        }
        self.problem(name, &format!("it must be one of {}", choices.join(", ")));
        None
    }

    /// A number, within the limits in [`ALL`].
    pub(super) fn number(&mut self, name: &'static str) -> Option<u32> {
        let Kind::Number { least, most } = kind_of(name) else {
            return None;
        };
        let (number, _) = self.take(name, |data| match data {
            Data::Dword(number) => Ok(Some(*number)),
            _ => Err("it must be REG_DWORD".to_owned()),
        })?;
        let used = number.clamp(least, most);
        if used != number {
            let why = format!("{number} is not between {least} and {most}, so that {used} counts");
            self.problem(name, &why);
        }
        Some(used)
    }

    /// A switch, or its default.
    pub(super) fn switch(&mut self, name: &'static str) -> bool {
        let Kind::Switch { default } = kind_of(name) else {
            return false;
        };
        let set = self.take(name, |data| match data {
            Data::Dword(0) => Ok(Some(false)),
            Data::Dword(1) => Ok(Some(true)),
            _ => Err("it must be REG_DWORD 0 or 1; what it would allow stays forbidden".to_owned()),
        });
        match set {
            Some((set, _)) => set,
            // A permission that somebody tried to set is not given by mistake.
            None => {
                default
                    && !self
                        .problems
                        .iter()
                        .any(|problem| problem.starts_with(name))
            }
        }
    }

    /// The value under the policy, else under the local key. One of the policy that cannot be used hides the local one: the policy
    /// was meant to win.
    fn take<T>(
        &mut self,
        name: &'static str,
        read: impl Fn(&Data) -> Result<Option<T>, String>,
    ) -> Option<(T, Origin)> {
        for origin in [Origin::Policy, Origin::Local] {
            match self.host.registry_value(origin.key(), name) {
                Data::Absent | Data::NotRecorded => {}
                Data::Unreadable(why) => {
                    self.problem_in(name, origin, &why);
                    return None;
                }
                data => match read(&data) {
                    Ok(Some(value)) => {
                        self.origins.push((name, origin));
                        return Some((value, origin));
                    }
                    Ok(None) => {}
                    Err(why) => {
                        self.problem_in(name, origin, &why);
                        return None;
                    }
                },
            }
        }
        None
    }

    fn problem(&mut self, name: &'static str, why: &dyn Display) {
        let set = self.origins.iter().find(|(set, _)| *set == name);
        let origin = set.map_or(Origin::Policy, |(_, origin)| *origin);
        self.problem_in(name, origin, why);
    }

    fn problem_in(&mut self, name: &str, origin: Origin, why: &dyn Display) {
        let key = origin.key();
        self.problems.push(format!("{name} in {key}: {why}"));
    }
}

fn kind_of(name: &str) -> Kind {
    let found = ALL.iter().find(|definition| definition.name == name);
    found.map_or(Kind::Text, |definition| definition.kind)
}

fn split(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';'))
        .filter(|entry| !entry.is_empty())
        .map(str::to_owned)
}
