//! The form of what is wanted of one scope, or of the whole fleet: a field for each wish, empty where nothing is wished.

use askama::Template;

use crate::component;
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
        otherwise: String,
    },
    /// A whole number.
    Number {
        /// As typed.
        value: String,
        /// Its unit.
        unit: String,
        /// What counts where nothing is wished.
        otherwise: String,
    },
    /// `yes`, `no` or empty.
    YesNo {
        /// Which.
        value: String,
        /// What counts where nothing is wished.
        otherwise: String,
    },
    /// A text.
    Text {
        /// As typed.
        value: String,
        /// What counts where nothing is wished.
        otherwise: String,
    },
}

/// A wish's field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name in the form.
    pub name: String,
    /// What it is called.
    pub label: String,
    /// What it does.
    pub hint: String,
    /// How it is filled in.
    pub entry: Entry,
    /// Why it cannot be as typed.
    pub error: Option<String>,
}

/// The name and the filter of a scope; the whole fleet has neither.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScopeFields {
    /// As typed.
    pub name: String,
    /// Why it cannot be.
    pub name_error: Option<String>,
    /// As typed.
    pub filter: String,
    /// Why it cannot be.
    pub filter_error: Option<String>,
}

/// The form.
#[derive(Debug, Clone, Template)]
#[template(path = "pages/expectations_form.html")]
pub struct ExpectationsFormPage {
    /// What surrounds it.
    pub chrome: Chrome,
    /// What the form is for.
    pub heading: String,
    /// Of a scope.
    pub scope: Option<ScopeFields>,
    /// The place of the scope, `new`, or empty for the whole fleet.
    pub place: String,
    /// The wishes.
    pub fields: Vec<Field>,
    /// Tells the version of the expectations that was looked at from another.
    pub mark: String,
    /// What is wrong beside single fields.
    pub error: Option<String>,
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
