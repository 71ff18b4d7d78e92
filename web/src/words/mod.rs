//! English words of pages that no template holds: labels, headings, words for states, sentences made of numbers and names.
//!
//! What a page says by itself stands in two places: sentences with their markup in `web/templates`, everything else here, a file for each page
//! or subject. The server says nothing in words: it hands over a value of a page's module, such as `account::Done`, and the words for it are
//! here. Words of rules stand beside their rule in the crate `diagnosis`.
//!
//! Another language is a second folder of templates and a second module beside this one with the same functions, chosen where the program is
//! built, or by a trait where one server should speak several. The compiler then names whatever was forgotten: there are no keys, and nothing is
//! looked up while a page is made.

pub(crate) mod account;
pub(crate) mod ca;
pub(crate) mod chrome;
pub(crate) mod columns;
pub(crate) mod device;
pub(crate) mod enrolment;
pub(crate) mod expectations;
pub(crate) mod exports;
pub(crate) mod life;
pub(crate) mod lists;
pub(crate) mod message;
pub(crate) mod overview;
pub(crate) mod people;
pub(crate) mod search;
pub(crate) mod settings;
pub(crate) mod sign_in;
pub(crate) mod states;
pub(crate) mod time;
pub(crate) mod updates;

/// The language of these words and of the templates, as HTML names it.
pub(crate) const LANGUAGE: &str = "en";
/// What the button beside a command does.
pub(crate) const COPY: &str = "Copy";
