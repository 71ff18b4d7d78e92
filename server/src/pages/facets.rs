//! Groups of a list's devices, with the links that narrow the list down to each.

use sickbay_diagnosis::filter::{Filter, Pattern, Test, TextField};
use sickbay_diagnosis::issues;
use sickbay_store::{Group, Survey};
use sickbay_web::facets::{Facet, FacetGroup, Facets, GROUPS_SHOWN};

/// What the list of devices is grouped by.
pub(super) const OF_DEVICES: [TextField; 8] = [
    TextField::Standing,
    TextField::Primary,
    TextField::Kind,
    TextField::Release,
    TextField::Source,
    TextField::Ou,
    TextField::Site,
    TextField::Tag,
];

/// What the devices of an issue are grouped by, besides its causes.
pub(super) const OF_ISSUE: [TextField; 6] = [
    TextField::Kind,
    TextField::Release,
    TextField::Source,
    TextField::Ou,
    TextField::Site,
    TextField::Tag,
];

/// The groups of a survey; `typed` is the filter so far, `list` the address of the list with a filter.
pub(super) fn shown(survey: &Survey, typed: &Filter, list: impl Fn(&str) -> String) -> Facets {
    let facets = survey.facets.iter().map(|facet| {
        let groups = facet.groups.iter().take(GROUPS_SHOWN).map(|group| {
            let narrowed = Filter::Is(Test::Text(facet.field, Pattern::new(&group.value)));
            FacetGroup {
                label: label_of(facet.field, group),
                devices: group.devices,
                href: list(&typed.clone().and(narrowed).to_string()),
            }
        });
        Facet {
            field: facet.field,
            left_out: facet.groups.len().saturating_sub(GROUPS_SHOWN) as u64,
            groups: groups.collect(),
        }
    });
    Facets {
        facets: facets.collect(),
        devices: survey.devices,
    }
}

fn label_of(field: TextField, group: &Group) -> String {
    match field {
        TextField::Primary => issues::get(&group.value)
            .map_or_else(|| group.value.clone(), |issue| issue.title.to_owned()),
        _ => group.value.clone(),
    }
}
