//! Whether a machine is let in, and whose place it takes: decided without a database.
//!
//! A token can stand in a group policy that every user of the domain reads, for years. So what a machine says of itself is never enough to
//! take the place of a device that lives, and where the imported list lets machines in, only a machine that a list names and whose
//! firmware is the one known there comes in by itself. Nothing of what the former device was trusted with goes over to the new one.

use crate::{Approval, DeviceStatus};

/// A device that holds the place (host name and domain) of a machine that asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holder {
    /// Inside key.
    pub(crate) key: i64,
    /// Its public id.
    pub(crate) id: String,
    /// Of its firmware; empty where unknown.
    pub(crate) fingerprint: String,
    /// Whether it was heard of a moment ago.
    pub(crate) live: bool,
}

/// Who speaks for the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sponsor {
    /// A token that lets machines in so.
    Token(Approval),
    /// A person who approves it now.
    Person,
    /// The owner's PKI, which vouches for the machine's name.
    Pki,
}

/// What is decided.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Admission {
    /// Active or pending.
    pub(crate) status: DeviceStatus,
    /// In whose places it stands from now on.
    pub(crate) replaces: Vec<Holder>,
    /// Why, for the record.
    pub(crate) why: &'static str,
}

/// Decides for a machine of this fingerprint, whose place these devices hold.
pub(crate) fn decide(
    sponsor: Sponsor,
    listed: bool,
    fingerprint: &str,
    holders: Vec<Holder>,
) -> Admission {
    let live = holders.iter().any(|holder| holder.live);
    let another_machine = holders
        .iter()
        .any(|holder| !same_machine(&holder.fingerprint, fingerprint));
    let pending = |why| Admission {
        status: DeviceStatus::Pending,
        replaces: Vec::new(),
        why,
    };
    let active = |why, replaces| Admission {
        status: DeviceStatus::Active,
        replaces,
        why,
    };
    // A device that lives stays beside the newcomer, so that neither is shadowed and a person sees both.
    let silent = || holders.into_iter().filter(|holder| !holder.live);
    let the_same = |holder: &Holder| same_machine(&holder.fingerprint, fingerprint);
    match sponsor {
        Sponsor::Token(Approval::Person) => pending("its token asks for a person's approval"),
        Sponsor::Token(Approval::Nobody) => active(
            "its token needs no approval",
            silent().filter(the_same).collect(),
        ),
        Sponsor::Token(Approval::List) => {
            if !listed {
                pending("it does not stand in the imported list of machines")
            } else if live {
                pending("a device that lives holds its place")
            } else if another_machine {
                pending("its firmware is not that of the device that held its place")
            } else {
                active(
                    "it stands in the imported list, and no live device holds its place",
                    silent().collect(),
                )
            }
        }
        Sponsor::Person => active("a person approved it", silent().filter(the_same).collect()),
        Sponsor::Pki => active(
            "a certificate of the owner's PKI names it",
            silent().collect(),
        ),
    }
}

/// Whether two fingerprints may be of one machine; an unknown one may be of any.
fn same_machine(a: &str, b: &str) -> bool {
    a.is_empty() || b.is_empty() || a.eq_ignore_ascii_case(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "4C4C4544-0042";

    fn holder(fingerprint: &str, live: bool) -> Holder {
        Holder {
            key: 1,
            id: "1".to_owned(),
            fingerprint: fingerprint.to_owned(),
            live,
        }
    }

    fn by_list(listed: bool, holders: Vec<Holder>) -> (DeviceStatus, usize) {
        let sponsor = Sponsor::Token(Approval::List);
        let admission = decide(sponsor, listed, OURS, holders);
        (admission.status, admission.replaces.len())
    }

    #[test]
    fn the_list_lets_in_whom_it_names_and_nobody_into_a_place_that_is_held() {
        use DeviceStatus::{Active, Pending};
        assert_eq!(by_list(true, vec![]), (Active, 0));
        assert_eq!(by_list(false, vec![]), (Pending, 0));
        assert_eq!(by_list(true, vec![holder(OURS, false)]), (Active, 1));
        assert_eq!(by_list(true, vec![holder(OURS, true)]), (Pending, 0));
        assert_eq!(by_list(true, vec![holder("", false)]), (Active, 1));
        // Somebody else's machine under a name that is free for the moment.
        assert_eq!(by_list(true, vec![holder("another", false)]), (Pending, 0));
        let both = vec![holder(OURS, false), holder(OURS, true)];
        assert_eq!(by_list(true, both), (Pending, 0));
    }

    #[test]
    fn a_token_alone_lets_nobody_in() {
        let sponsor = Sponsor::Token(Approval::Person);
        let admission = decide(sponsor, true, OURS, vec![holder(OURS, false)]);
        assert_eq!(
            (admission.status, admission.replaces),
            (DeviceStatus::Pending, vec![])
        );
    }

    #[test]
    fn whoever_is_approved_takes_the_place_of_its_own_silent_past_alone() {
        let holders = || {
            vec![
                holder(OURS, false),
                holder("another", false),
                holder(OURS, true),
            ]
        };
        for (sponsor, replaced) in [
            (Sponsor::Person, vec![OURS]),
            (Sponsor::Token(Approval::Nobody), vec![OURS]),
            // The owner's PKI knows whose the name is.
            (Sponsor::Pki, vec![OURS, "another"]),
        ] {
            let admission = decide(sponsor, false, OURS, holders());
            assert_eq!(admission.status, DeviceStatus::Active);
            let taken: Vec<&str> = admission
                .replaces
                .iter()
                .map(|holder| holder.fingerprint.as_str())
                .collect();
            assert_eq!(taken, replaced, "{sponsor:?}");
        }
    }
}
