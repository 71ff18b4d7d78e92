//! How the devices of a list fall into groups, each a link that narrows the list down to it.

use askama::Template;
use askama::filters::HtmlSafe;
use sickbay_diagnosis::filter::TextField;

use crate::component::Bar;
use crate::words::lists as words;
use crate::{component, text};

/// Groups that are shown of each kind; what is left out is told as a number.
pub const GROUPS_SHOWN: usize = 6;

/// Devices that have something in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacetGroup {
    /// What they have in common; empty where they have none, or it is not known.
    pub label: String,
    /// How many of the devices that match.
    pub devices: u64,
    /// The list, narrowed down to them.
    pub href: String,
}

/// Groups of one kind, the largest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facet {
    /// What they are grouped by.
    pub field: TextField,
    /// At most [`GROUPS_SHOWN`].
    pub groups: Vec<FacetGroup>,
    /// Groups that are left out.
    pub left_out: u64,
}

/// All of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Template)]
#[template(path = "components/facets.html")]
pub struct Facets {
    /// Each kind.
    pub facets: Vec<Facet>,
    /// Devices of the list.
    pub devices: u64,
}

// Its template escapes what it shows.
impl HtmlSafe for Facets {}

impl Facets {
    /// Those that say something: of more than one group, or of one that is not all of the list.
    fn telling(&self) -> impl Iterator<Item = &Facet> + Clone {
        self.facets.iter().filter(|facet| match &*facet.groups {
            [] => false,
            [only] => only.devices < self.devices,
            _ => true,
        })
    }

    fn names(&self) -> String {
        let names: Vec<String> = self.telling().map(Facet::name).collect();
        names.join(", ")
    }
}

impl Facet {
    fn label(&self) -> &'static str {
        words::field(self.field)
    }

    /// Its label in the midst of a sentence.
    fn name(&self) -> String {
        words::field_within(self.field)
    }

    /// What a group is called; empty where it is not known what its devices have in common.
    fn shown<'a>(&self, group: &'a FacetGroup) -> &'a str {
        if group.label.is_empty() && self.field == TextField::Primary {
            return words::NO_CAUSE;
        }
        &group.label
    }

    fn share(&self, group: &FacetGroup) -> Bar {
        let largest = self.groups.iter().map(|g| g.devices).max().unwrap_or(0);
        Bar::new(largest, &[("accent", group.devices)])
    }
}
