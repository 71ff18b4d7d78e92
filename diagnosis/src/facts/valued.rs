//! Values with the reading they came from, and how facts are looked up.

use crate::observation::{EvidenceRef, Found, Lookup};
use crate::reading::Data;

/// A value with the reading it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fact<T> {
    /// What it means.
    pub value: T,
    /// Where it was read.
    pub at: EvidenceRef,
}

impl<T> Fact<T> {
    /// The same reading, understood further.
    pub fn map<U>(self, understand: impl FnOnce(T) -> U) -> Fact<U> {
        Fact {
            value: understand(self.value),
            at: self.at,
        }
    }

    /// The same reading, where it can be understood further.
    pub fn and_then<U>(self, understand: impl FnOnce(T) -> Option<U>) -> Option<Fact<U>> {
        let at = self.at;
        understand(self.value).map(|value| Fact { value, at })
    }
}

/// Typed questions to the readings of one check.
pub(crate) struct Reader<'a>(Lookup<'a>);

impl<'a> Reader<'a> {
    pub(crate) fn new(lookup: Lookup<'a>) -> Self {
        Self(lookup)
    }

    /// The reading of a value in whatever state.
    pub(crate) fn value(&self, path: &str, name: &str) -> Option<Found<'a>> {
        self.0.value(path, name)
    }

    /// The reading of a key in whatever state.
    pub(crate) fn key(&self, path: &str) -> Option<Found<'a>> {
        self.0.key(path)
    }

    /// Every reading.
    pub(crate) fn all(&self) -> impl Iterator<Item = Found<'a>> + '_ {
        self.0.all()
    }

    /// The number in a REG_DWORD or REG_QWORD.
    pub(crate) fn number(&self, path: &str, name: &str) -> Option<Fact<u64>> {
        let found = self.value(path, name)?;
        found.data().number().map(|value| Fact {
            value,
            at: found.at,
        })
    }

    /// The text of a REG_SZ or REG_EXPAND_SZ without spaces at its ends; nothing where that leaves it empty.
    pub(crate) fn text(&self, path: &str, name: &str) -> Option<Fact<String>> {
        let found = self.value(path, name)?;
        let text = found.reading.data.string()?.trim();
        (!text.is_empty()).then(|| Fact {
            value: text.to_owned(),
            at: found.at,
        })
    }

    /// A value that is there but of a type that Windows does not take for a number.
    pub(crate) fn mistyped(&self, path: &str, name: &str) -> Option<EvidenceRef> {
        let found = self.value(path, name)?;
        (found.data().is_present() && found.data().number().is_none()).then_some(found.at)
    }

    /// References to the readings of these values, in whatever state.
    pub(crate) fn refs(&self, path: &str, names: &[&str]) -> Vec<EvidenceRef> {
        names
            .iter()
            .filter_map(|name| self.value(path, name))
            .map(|found| found.at)
            .collect()
    }

    /// References to those of these values that are there or could not be read.
    pub(crate) fn told(&self, path: &str, names: &[&str]) -> Vec<EvidenceRef> {
        names
            .iter()
            .filter_map(|name| self.value(path, name))
            .filter(|found| !matches!(found.data(), Data::Absent | Data::NotRecorded))
            .map(|found| found.at)
            .collect()
    }

    /// Why the first unreadable one of these keys, or of the values directly in them, could not be read.
    pub(crate) fn unreadable(&self, keys: &[&str]) -> Option<Fact<String>> {
        self.all().find_map(|found| match found.data() {
            Data::Unreadable(why)
                if keys
                    .iter()
                    .any(|k| k.eq_ignore_ascii_case(&found.reading.path)) =>
            {
                Some(Fact {
                    value: format!("{} could not be read: {why}", found.reading.path),
                    at: found.at,
                })
            }
            _ => None,
        })
    }
}

/// Names directly under `parent` that readings tell of, each once, in the order of the readings.
pub(crate) fn children<'a>(reader: &Reader<'a>, parent: &str) -> Vec<&'a str> {
    let mut names: Vec<&'a str> = Vec::new();
    for found in reader.all() {
        if let Some(name) = child_of(&found.reading.path, parent)
            && names.last() != Some(&name)
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names
}

/// The name of the key directly under `parent` that `path` is.
fn child_of<'a>(path: &'a str, parent: &str) -> Option<&'a str> {
    let head = path.get(..parent.len())?;
    let name = path.get(parent.len()..)?.strip_prefix('\\')?;
    (head.eq_ignore_ascii_case(parent) && !name.is_empty() && !name.contains('\\')).then_some(name)
}
