//! Texts that many devices share, each kept once and named by a number.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// Texts by number. None is ever forgotten: a fleet has few of them, and they come back.
#[derive(Debug, Default)]
pub(super) struct Words {
    numbers: HashMap<Arc<str>, u32>,
    texts: Vec<Arc<str>>,
}

impl Words {
    /// The number of a text; a new one where it was never seen.
    pub(super) fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = u32::try_from(self.texts.len()).expect("fewer texts than devices have words");
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, number);
        number
    }

    /// The number of a text, where it was seen.
    pub(super) fn known(&self, text: &str) -> Option<u32> {
        self.numbers.get(text).copied()
    }

    /// The text of a number.
    pub(super) fn text(&self, number: u32) -> &str {
        &self.texts[number as usize]
    }

    /// Every text, in the order of their numbers.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(|text| &**text)
    }

    /// For each number, whether its text is one of these.
    pub(super) fn marked(&self, is_one: impl Fn(&str) -> bool) -> Vec<bool> {
        self.texts.iter().map(|text| is_one(text)).collect()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }
}

/// Values that many devices share, each kept once and named by a number.
#[derive(Debug)]
pub(super) struct Shared<T> {
    numbers: HashMap<T, u32>,
    values: Vec<T>,
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self {
            numbers: HashMap::new(),
            values: Vec::new(),
        }
    }
}

impl<T: Copy + Eq + Hash> Shared<T> {
    /// The number of a value; a new one where it was never seen.
    pub(super) fn number(&mut self, value: T) -> u32 {
        *self.numbers.entry(value).or_insert_with(|| {
            self.values.push(value);
            u32::try_from(self.values.len() - 1).expect("fewer values than devices have any")
        })
    }

    /// Every value, in the order of their numbers.
    pub(super) fn values(&self) -> &[T] {
        &self.values
    }
}

/// Values made of a text, each made once: lists in JSON.
#[derive(Debug)]
pub(super) struct Made<T> {
    words: Words,
    values: Vec<T>,
}

impl<T> Default for Made<T> {
    fn default() -> Self {
        Self {
            words: Words::default(),
            values: Vec::new(),
        }
    }
}

impl<T> Made<T> {
    /// The number of what a text is made into.
    pub(super) fn number<E>(
        &mut self,
        text: &str,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<u32, E> {
        if let Some(number) = self.words.known(text) {
            return Ok(number);
        }
        let value = make()?;
        let number = self.words.number(text);
        self.values.push(value);
        Ok(number)
    }

    /// What has this number.
    pub(super) fn value(&self, number: u32) -> &T {
        &self.values[number as usize]
    }

    /// Every value, in the order of their numbers.
    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.values.iter()
    }

    /// For each number, whether what it names is one of these.
    pub(super) fn marked(&self, is_one: impl Fn(&T) -> bool) -> Vec<bool> {
        self.values.iter().map(is_one).collect()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }
}
