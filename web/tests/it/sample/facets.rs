//! Groups of a list's devices.

use sickbay_web::facets::{Facet, FacetGroup, Facets};
use sickbay_web::links;

use super::Sample;

impl Sample<'_> {
    pub(crate) fn facets(&self) -> Facets {
        let group = |label: &str, devices| {
            // What is not known stays so, whatever devices say.
            let label = if label.is_empty() {
                String::new()
            } else {
                self.say(label)
            };
            FacetGroup {
                href: links::devices(&label),
                label,
                devices,
            }
        };
        let facet = |label, groups: &[(&str, u64)], left_out| Facet {
            label,
            groups: groups.iter().map(|(text, n)| group(text, *n)).collect(),
            left_out,
        };
        Facets {
            devices: 200,
            facets: vec![
                facet(
                    "Health",
                    &[("healthy", 120), ("serious", 51), ("warning", 29)],
                    0,
                ),
                facet(
                    "Release",
                    &[("Windows 11 24H2", 140), ("Windows 10 22H2", 58), ("", 2)],
                    0,
                ),
                facet(
                    "OU",
                    &[
                        (
                            "OU=Laptops,OU=Hamburg,DC=corp,DC=northharbour,DC=example",
                            80,
                        ),
                        (
                            "OU=Workstations,OU=Hamburg,DC=corp,DC=northharbour,DC=example",
                            31,
                        ),
                    ],
                    24,
                ),
                facet("Tag", &[("pilot", 12)], 0),
                facet("Kind", &[("client", 200)], 0),
            ],
        }
    }
}
