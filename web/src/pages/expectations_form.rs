//! The form of what is wanted of one scope, or of the whole fleet: a field for each wish, empty where nothing is wished.

use std::fmt;

use askama::Template;

use super::expectations::{self, Unit, Value};
use crate::component;
use crate::words::expectations as words;
use crate::{Chrome, document, links, text};

/// How a field is filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A source: its public word (empty: not wished), and a server.
    Source {
        /// `windows-update`, `wsus` or empty.
        source: String,
        /// Address of the WSUS server.
        server: String,
        /// What counts where nothing is wished.
        otherwise: Value,
    },
    /// A whole number.
    Number {
        /// As typed.
        value: String,
        /// Its unit.
        unit: Unit,
        /// What counts where nothing is wished.
        otherwise: Value,
    },
    /// `yes`, `no` or empty.
    YesNo {
        /// Which.
        value: String,
        /// What counts where nothing is wished.
        otherwise: Value,
    },
    /// A text.
    Text {
        /// As typed.
        value: String,
        /// What counts where nothing is wished.
        otherwise: Value,
    },
}

/// A wish's field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name in the form.
    pub name: &'static str,
    /// How it is filled in.
    pub entry: Entry,
    /// Why it cannot be as typed.
    pub error: Option<Mistake>,
}

impl Field {
    fn label(&self) -> &'static str {
        expectations::label(self.name)
    }

    fn hint(&self) -> &'static str {
        expectations::hint(self.name)
    }
}

/// What the form is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormOf {
    /// Expectations of the whole fleet.
    Fleet,
    /// A new scope.
    NewScope,
    /// The scope of this name; `None` where it went away meanwhile.
    Scope(Option<String>),
}

impl FormOf {
    fn words(&self) -> String {
        words::form_of(self)
    }
}

/// What of a form cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mistake {
    /// The name is none.
    Name,
    /// The scope is that of every device.
    NoDevices,
    /// A server, and no source.
    ServerWithoutSource,
    /// No whole number of this unit.
    NotWhole(Unit),
    /// Neither yes nor no.
    NotYesOrNo,
    /// A number that cannot be wished.
    Number {
        /// Which.
        value: String,
        /// Why not.
        why: String,
    },
    /// A text that is too short or too long.
    Length,
    /// A source that cannot be wished.
    Source,
    /// A server with another source than WSUS.
    ServerWithoutWsus,
    /// An address that is none.
    Server,
    /// The API would not understand it either; in its words.
    Unreadable(String),
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&words::mistake(self))
    }
}

/// The name and the filter of a scope; the whole fleet has neither.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScopeFields {
    /// As typed.
    pub name: String,
    /// Why it cannot be.
    pub name_error: Option<Mistake>,
    /// As typed.
    pub filter: String,
    /// Why it cannot be.
    pub filter_error: Option<Mistake>,
}

/// The form.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/expectations_form.html")]
pub struct ExpectationsFormPage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// What the form is for.
    pub of: FormOf,
    /// Of a scope.
    pub scope: Option<ScopeFields>,
    /// The place of the scope, `new`, or empty for the whole fleet.
    pub place: String,
    /// The wishes.
    pub fields: Vec<Field>,
    /// Tells the version of the expectations that was looked at from another.
    pub mark: String,
    /// What is wrong beside single fields.
    pub error: Option<Mistake>,
}

impl ExpectationsFormPage {
    /// The whole document.
    pub fn render(&self) -> String {
        document(Template::render(self))
    }

    /// How many fields cannot be as typed.
    fn mistakes(&self) -> u64 {
        let of_fields = self.fields.iter().filter(|field| field.error.is_some());
        let scope = self.scope.as_ref();
        let of_scope = scope.map_or(0, |scope| {
            usize::from(scope.name_error.is_some()) + usize::from(scope.filter_error.is_some())
        });
        (of_fields.count() + of_scope) as u64
    }
}
