//! An in-memory registry: what a recording holds of a device's registry.
//!
//! Names of keys and values are matched without regard to ASCII case and keep their first spelling, as Windows does. Paths begin with
//! a hive in its short or long name (`HKLM\...`, `HKEY_LOCAL_MACHINE\...`); empty path components are ignored. A line break in the
//! name of a key, which no export can hold, is kept as U+FFFD.
//!
//! Left out: security descriptors, class names, symbolic links (but see [`Registry::adopt_current_control_set`]) and Unicode case
//! folding beyond ASCII.

use std::collections::BTreeMap;

use sickbay_diagnosis::Time;
use sickbay_diagnosis::reading::Data;

const SYSTEM: &str = r"HKLM\SYSTEM";
const CURRENT_CONTROL_SET: &str = "CurrentControlSet";

/// A registry tree. An empty one holds no hive at all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Registry {
    root: Key,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Key {
    name: String,
    last_write: Option<Time>,
    values: BTreeMap<String, (String, Data)>,
    subkeys: BTreeMap<String, Self>,
}

/// A key as a writer sees it.
pub(super) struct RecordedKey<'a> {
    /// From the hive's short name.
    pub(super) path: String,
    /// Names and data of its values.
    pub(super) values: Vec<(&'a str, &'a Data)>,
    /// Whether nothing is below it.
    pub(super) is_leaf: bool,
}

impl Registry {
    /// Without any key.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets value `name` (empty: the default value) of `key`, which is created where missing. [`Data::Absent`] removes the value.
    /// [`Data::Unreadable`] stands for a value that the reader may not see; an export cannot hold it.
    pub fn set_value(&mut self, key: &str, name: &str, data: Data) {
        let key = self.root.create(key);
        if data == Data::Absent {
            key.values.remove(&fold(name));
            return;
        }
        key.values
            .entry(fold(name))
            .or_insert_with(|| (name.to_owned(), Data::Absent))
            .1 = data;
    }

    /// Removes a value. Returns whether it was there.
    pub fn delete_value(&mut self, key: &str, name: &str) -> bool {
        self.root
            .find_mut(key)
            .is_some_and(|key| key.values.remove(&fold(name)).is_some())
    }

    /// Creates a key and those above it; nothing happens where it exists.
    pub fn create_key(&mut self, key: &str) {
        self.root.create(key);
    }

    /// Removes a key with all that is below it. Returns whether it was there.
    pub fn delete_key(&mut self, key: &str) -> bool {
        let mut path: Vec<String> = components(key).collect();
        let Some(last) = path.pop() else { return false };
        let mut at = &mut self.root;
        for name in path {
            match at.subkeys.get_mut(&fold(&name)) {
                Some(next) => at = next,
                None => return false,
            }
        }
        at.subkeys.remove(&fold(&last)).is_some()
    }

    /// Says when a key was last written; the key is created where missing.
    pub fn set_last_write(&mut self, key: &str, at: Time) {
        self.root.create(key).last_write = Some(at);
    }

    /// When a key was last written, where the recording tells; `None` also for a key that is not there.
    pub fn last_write(&self, key: &str) -> Option<Time> {
        self.root.find(key)?.last_write
    }

    /// Whether a key exists.
    pub fn has_key(&self, key: &str) -> bool {
        self.root.find(key).is_some()
    }

    /// Value `name` of `key`; `None` where either is not there.
    pub fn value(&self, key: &str, name: &str) -> Option<&Data> {
        self.root
            .find(key)?
            .values
            .get(&fold(name))
            .map(|(_, data)| data)
    }

    /// Names of the direct subkeys; `None` where the key is not there.
    pub fn subkeys(&self, key: &str) -> Option<impl Iterator<Item = &str>> {
        Some(self.root.find(key)?.subkeys.values().map(|key| &*key.name))
    }

    /// Names and data of the values of a key; `None` where it is not there.
    pub fn values(&self, key: &str) -> Option<impl Iterator<Item = (&str, &Data)>> {
        let values = self.root.find(key)?.values.values();
        Some(values.map(|(name, data)| (&**name, data)))
    }

    /// Whether anything of the hive in which `key` lies (its first two path components, such as `HKLM\SOFTWARE`) is recorded.
    pub fn records_hive_of(&self, key: &str) -> bool {
        let hive: Vec<String> = components(key).take(2).collect();
        self.has_key(&hive.join("\\"))
    }

    /// Number of keys, those that only lead to others included.
    pub fn key_count(&self) -> usize {
        self.root.count() - 1
    }

    /// Reads the control set in use as `CurrentControlSet`, to which it is a link on a running machine and which an offline hive
    /// does not have: the one that `SYSTEM\Select` names, else the only one there is. Where an export holds both, values under
    /// `CurrentControlSet` win. With several sets and no `Select` nothing is guessed.
    pub fn adopt_current_control_set(&mut self) {
        let Some(name) = self.control_set_in_use() else {
            return;
        };
        let system = self.root.create(SYSTEM);
        let Some(mut set) = system.subkeys.remove(&fold(&name)) else {
            return;
        };
        CURRENT_CONTROL_SET.clone_into(&mut set.name);
        if let Some(newer) = system.subkeys.remove(&fold(CURRENT_CONTROL_SET)) {
            set.overlay(newer);
        }
        system.subkeys.insert(fold(CURRENT_CONTROL_SET), set);
    }

    fn control_set_in_use(&self) -> Option<String> {
        let sets: Vec<String> = self
            .subkeys(SYSTEM)?
            .filter(|name| is_numbered_control_set(name))
            .map(str::to_owned)
            .collect();
        match self.value(r"HKLM\SYSTEM\Select", "Current") {
            Some(Data::Dword(number)) => {
                let wanted = format!("ControlSet{number:03}");
                sets.into_iter().find(|s| s.eq_ignore_ascii_case(&wanted))
            }
            _ if sets.len() == 1 => sets.into_iter().next(),
            _ => None,
        }
    }

    /// Every key, parents first, siblings in the order of their folded names.
    pub(super) fn keys(&self) -> Vec<RecordedKey<'_>> {
        let mut keys = Vec::new();
        self.root.collect("", &mut keys);
        keys
    }
}

impl Key {
    fn find(&self, path: &str) -> Option<&Self> {
        components(path).try_fold(self, |key, name| key.subkeys.get(&fold(&name)))
    }

    fn find_mut(&mut self, path: &str) -> Option<&mut Self> {
        components(path).try_fold(self, |key, name| key.subkeys.get_mut(&fold(&name)))
    }

    fn create(&mut self, path: &str) -> &mut Self {
        components(path).fold(self, |key, name| {
            key.subkeys.entry(fold(&name)).or_insert_with(|| Self {
                name,
                ..Self::default()
            })
        })
    }

    fn overlay(&mut self, newer: Self) {
        self.last_write = newer.last_write.or(self.last_write);
        self.values.extend(newer.values);
        for (folded, subkey) in newer.subkeys {
            match self.subkeys.get_mut(&folded) {
                Some(mine) => mine.overlay(subkey),
                None => {
                    self.subkeys.insert(folded, subkey);
                }
            }
        }
    }

    fn count(&self) -> usize {
        1 + self.subkeys.values().map(Self::count).sum::<usize>()
    }

    fn collect<'a>(&'a self, path: &str, keys: &mut Vec<RecordedKey<'a>>) {
        for key in self.subkeys.values() {
            let path = if path.is_empty() {
                key.name.clone()
            } else {
                format!(r"{path}\{}", key.name)
            };
            keys.push(RecordedKey {
                path: path.clone(),
                values: key.values.values().map(|(n, d)| (&**n, d)).collect(),
                is_leaf: key.subkeys.is_empty(),
            });
            key.collect(&path, keys);
        }
    }
}

/// Long and short names of the hives' roots.
pub(super) const ROOTS: [(&str, &str); 5] = [
    ("HKEY_LOCAL_MACHINE", "HKLM"),
    ("HKEY_CURRENT_USER", "HKCU"),
    ("HKEY_CLASSES_ROOT", "HKCR"),
    ("HKEY_USERS", "HKU"),
    ("HKEY_CURRENT_CONFIG", "HKCC"),
];

/// The short name of a root, given either of its names; `None` for anything else.
pub(super) fn short_root(name: &str) -> Option<&'static str> {
    ROOTS
        .iter()
        .find(|(long, short)| name.eq_ignore_ascii_case(long) || name.eq_ignore_ascii_case(short))
        .map(|(_, short)| *short)
}

/// The names along a path, the root in its short form.
fn components(path: &str) -> impl Iterator<Item = String> {
    path.split('\\')
        .filter(|name| !name.is_empty())
        .enumerate()
        .map(|(place, name)| match short_root(name) {
            Some(short) if place == 0 => short.to_owned(),
            _ => name.replace(['\r', '\n'], "\u{fffd}"),
        })
}

fn is_numbered_control_set(name: &str) -> bool {
    name.len() == "ControlSet001".len()
        && name
            .get(.."ControlSet".len())
            .is_some_and(|start| start.eq_ignore_ascii_case("ControlSet"))
        && name["ControlSet".len()..]
            .bytes()
            .all(|b| b.is_ascii_digit())
}

fn fold(name: &str) -> String {
    name.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_without_case_and_keep_their_first_spelling() {
        let mut registry = Registry::new();
        registry.set_value(r"HKEY_LOCAL_MACHINE\Software\X", "Start", Data::Dword(2));
        registry.set_value(r"hklm\SOFTWARE\x", "START", Data::Dword(4));
        assert_eq!(
            registry.value(r"HKLM\SOFTWARE\X", "start"),
            Some(&Data::Dword(4))
        );
        let subkeys: Vec<&str> = registry.subkeys("HKLM").expect("a key").collect();
        assert_eq!(subkeys, ["Software"]);
        let values: Vec<&str> = registry
            .values(r"HKLM\Software\X")
            .expect("a key")
            .map(|(name, _)| name)
            .collect();
        assert_eq!(values, ["Start"]);
    }

    #[test]
    fn a_value_and_a_subkey_of_the_same_name_are_two_things() {
        let mut registry = Registry::new();
        registry.create_key(r"HKLM\SOFTWARE\AU\NoAutoUpdate");
        assert_eq!(registry.value(r"HKLM\SOFTWARE\AU", "NoAutoUpdate"), None);
        registry.set_value(r"HKLM\SOFTWARE\AU", "NoAutoUpdate", Data::Dword(0));
        assert!(registry.delete_value(r"HKLM\SOFTWARE\AU", "noautoupdate"));
        assert!(registry.has_key(r"HKLM\SOFTWARE\AU\NoAutoUpdate"));
        assert!(registry.delete_key(r"HKLM\SOFTWARE\AU"));
        assert!(!registry.has_key(r"HKLM\SOFTWARE\AU\NoAutoUpdate"));
        assert!(!registry.delete_key(r"HKLM\SOFTWARE\AU"));
    }

    #[test]
    fn the_control_set_that_select_names_is_the_current_one() {
        let mut registry = Registry::new();
        registry.set_value(r"HKLM\SYSTEM\ControlSet001\A", "v", Data::Dword(1));
        registry.set_value(r"HKLM\SYSTEM\ControlSet002\A", "v", Data::Dword(2));
        let before = registry.clone();
        registry.adopt_current_control_set();
        assert_eq!(
            registry, before,
            "two sets and no Select: nothing is guessed"
        );
        registry.set_value(r"HKLM\SYSTEM\Select", "Current", Data::Dword(2));
        registry.adopt_current_control_set();
        assert_eq!(
            registry.value(r"HKLM\SYSTEM\CurrentControlSet\A", "v"),
            Some(&Data::Dword(2))
        );
    }

    #[test]
    fn the_only_control_set_is_the_current_one_and_what_stands_there_already_wins() {
        let mut registry = Registry::new();
        registry.set_value(r"HKLM\SYSTEM\ControlSet001\A", "v", Data::Dword(1));
        registry.set_value(r"HKLM\SYSTEM\ControlSet001\A", "w", Data::Dword(1));
        registry.set_value(r"HKLM\SYSTEM\CurrentControlSet\A", "v", Data::Dword(7));
        registry.adopt_current_control_set();
        let key = r"HKLM\SYSTEM\CurrentControlSet\A";
        assert_eq!(registry.value(key, "v"), Some(&Data::Dword(7)));
        assert_eq!(registry.value(key, "w"), Some(&Data::Dword(1)));
    }

    #[test]
    fn a_hive_is_recorded_only_where_something_of_it_is() {
        let mut registry = Registry::new();
        registry.create_key(r"HKLM\SOFTWARE\Microsoft");
        assert!(registry.records_hive_of(r"HKLM\software\Policies\X"));
        assert!(!registry.records_hive_of(r"HKLM\SYSTEM\CurrentControlSet"));
        assert!(!registry.records_hive_of(r"HKU\S-1-5-18"));
    }
}
