//! Every issue with each of its verdicts, and what holds for all of them.

mod boundaries;
mod endpoint;
mod four_answers;
mod pauses;
mod primary;
mod properties;
mod restart_and_services;
mod secure_boot;
mod sources;
mod states;
mod traps;
mod upgrades;

use std::collections::BTreeSet;

use super::ALL;

#[test]
fn every_issue_tells_what_it_means_and_the_way_out() {
    for issue in ALL {
        assert!(
            !issue.title.is_empty() && !issue.groups_by.is_empty(),
            "{}",
            issue.id
        );
        assert!(
            issue.meaning.len() > 80,
            "{}: the meaning is a paragraph",
            issue.id
        );
        assert!(
            issue.fix.iter().any(|step| step.command.is_some()),
            "{}: no exact command",
            issue.id
        );
        assert!(
            issue.meaning.ends_with('.') && !issue.title.ends_with('.'),
            "{}: a title is no sentence, a meaning is several",
            issue.id
        );
        assert!(
            issue
                .fix
                .iter()
                .all(|step| step.text.ends_with(['.', ':', '?'])
                    && step
                        .command
                        .is_none_or(|command| !command.trim().is_empty())),
            "{}: a step is a sentence",
            issue.id
        );
        assert!(!issue.links.is_empty(), "{}", issue.id);
        for link in issue.links {
            assert!(
                link.url.starts_with("https://learn.microsoft.com/"),
                "{}",
                link.url
            );
        }
    }
}

#[test]
fn what_is_a_consequence_is_explained_by_something() {
    for id in [
        "scan-stale",
        "download-failing",
        "install-failing",
        "servicing-stack-outdated",
        "end-of-service",
        "behind-on-quality-updates",
    ] {
        let causes: Vec<&str> = ALL
            .iter()
            .filter(|issue| issue.explains.contains(&id))
            .map(|issue| issue.id)
            .collect();
        assert!(!causes.is_empty(), "nothing explains {id}");
    }
}

#[test]
fn ids_are_unique_and_what_explains_what_has_no_circle() {
    let ids: BTreeSet<&str> = ALL.iter().map(|i| i.id).collect();
    assert_eq!(ids.len(), ALL.len());
    for issue in ALL {
        let mut reached: BTreeSet<&str> = issue.explains.iter().copied().collect();
        assert!(reached.iter().all(|id| ids.contains(id)), "{}", issue.id);
        for _ in ALL {
            let further: Vec<&str> = reached
                .iter()
                .filter_map(|id| super::get(id))
                .flat_map(|i| i.explains.iter().copied())
                .collect();
            reached.extend(further);
        }
        assert!(!reached.contains(issue.id), "{} explains itself", issue.id);
    }
}
