//! Groups of a list's devices.

use sickbay_diagnosis::filter::TextField;
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
        let facet = |field, groups: &[(&str, u64)], left_out| Facet {
            field,
            groups: groups.iter().map(|(text, n)| group(text, *n)).collect(),
            left_out,
        };
        Facets {
            devices: 200,
            facets: vec![
                facet(
                    TextField::Standing,
                    &[("healthy", 120), ("serious", 51), ("warning", 29)],
                    0,
                ),
                facet(
                    TextField::Release,
                    &[("Windows 11 24H2", 140), ("Windows 10 22H2", 58), ("", 2)],
                    0,
                ),
                facet(
                    TextField::Ou,
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
                facet(TextField::Tag, &[("pilot", 12)], 0),
                facet(TextField::Kind, &[("client", 200)], 0),
            ],
        }
    }
}
