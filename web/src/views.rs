//! Saved views of a list: those that there are, and the form that saves it as it is.

use askama::Template;
use askama::filters::HtmlSafe;

use crate::links::{self, List};
use crate::{component, text};

/// A saved view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where it leads.
    pub href: String,
    /// Whose it is, where it is somebody else's.
    pub by: Option<String>,
    /// Whether everybody is offered it.
    pub shared: bool,
    /// Whether the viewer may remove it.
    pub removable: bool,
}

/// Views of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Template)]
#[template(path = "components/views.html")]
pub struct Views {
    /// Those that there are.
    pub views: Vec<View>,
    /// The list as it is shown.
    pub list: List,
    /// Proves that a form comes from this session.
    pub csrf: String,
}

// Its template escapes what it shows.
impl HtmlSafe for Views {}
