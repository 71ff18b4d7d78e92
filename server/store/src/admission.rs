//! Whether a machine is let in, and whose place it takes: decided without a database.
//!
//! A token can stand in a group policy that every user of the domain reads, for years. So what a machine says of itself is never enough to
//! take the place of a device that lives, and where the imported list lets machines in, only a machine that a list names and whose
//! firmware is the one known there comes in by itself. Nothing of what the former device was trusted with goes over to the new one.

use crate::{Approval, DeviceStatus};

/// A device that holds, or held, the place (host name and domain) of a machine that asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holder {
    /// Inside key.
    pub(crate) key: i64,
    /// Its public id.
    pub(crate) id: String,
    /// Active, revoked or retired.
    pub(crate) status: DeviceStatus,
    /// Of its firmware; empty where unknown.
    pub(crate) fingerprint: String,
    /// Whether it was heard of a moment ago.
    pub(crate) heard: bool,
}

impl Holder {
    fn lives(&self) -> bool {
        self.status == DeviceStatus::Active && self.heard
    }

    fn is_silent(&self) -> bool {
        self.status == DeviceStatus::Active && !self.heard
    }
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

/// Decides for a machine of this fingerprint, whose place these devices hold or held.
pub(crate) fn decide(
    sponsor: Sponsor,
    listed: bool,
    fingerprint: &str,
    holders: Vec<Holder>,
) -> Admission {
    let fits = |holder: &Holder| is_of(&holder.fingerprint, fingerprint);
    let admit = |why, replaces| Admission {
        status: DeviceStatus::Active,
        replaces,
        why,
    };
    let by_itself = match sponsor {
        Sponsor::Token(Approval::Person) => {
            return pending("its token asks for a person's approval");
        }
        // A device that lives stays beside the newcomer, so that neither is shadowed and a person sees both.
        Sponsor::Token(Approval::Nobody) | Sponsor::Person => {
            let why = if sponsor == Sponsor::Person {
                "a person approved it"
            } else {
                "its token needs no approval"
            };
            let former = holders.into_iter().filter(|h| h.is_silent() && fits(h));
            return admit(why, former.collect());
        }
        Sponsor::Token(Approval::List) if !listed => {
            return pending("it does not stand in the imported list of machines");
        }
        Sponsor::Token(Approval::List) => {
            "it stands in the imported list, and no live device holds its place"
        }
        Sponsor::Pki => "a certificate of the owner's PKI names it",
    };
    // Nobody looks: the place has to be free beyond doubt.
    if holders.iter().any(Holder::lives) {
        return pending("a device that lives holds its place");
    }
    let is_revoked = |holder: &Holder| holder.status == DeviceStatus::Revoked;
    if holders.iter().any(is_revoked) {
        return pending("the device that held its place was revoked");
    }
    // The PKI knows whose the name is, whatever machine bears it now.
    if sponsor != Sponsor::Pki && !holders.iter().all(fits) {
        return pending("its firmware is not that of the device that held its place");
    }
    admit(
        by_itself,
        holders.into_iter().filter(Holder::is_silent).collect(),
    )
}

const fn pending(why: &'static str) -> Admission {
    Admission {
        status: DeviceStatus::Pending,
        replaces: Vec::new(),
        why,
    }
}

/// Whether a machine may be the one that is known so. One that keeps its firmware to itself is no machine whose firmware is known.
fn is_of(known: &str, asked: &str) -> bool {
    known.is_empty() || known.eq_ignore_ascii_case(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "4C4C4544-0042";

    fn holder(fingerprint: &str, heard: bool) -> Holder {
        Holder {
            key: 1,
            id: "1".to_owned(),
            status: DeviceStatus::Active,
            fingerprint: fingerprint.to_owned(),
            heard,
        }
    }

    fn former(status: DeviceStatus, fingerprint: &str) -> Holder {
        Holder {
            status,
            ..holder(fingerprint, true)
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
    fn who_keeps_its_firmware_to_itself_is_no_machine_whose_firmware_is_known() {
        for sponsor in [
            Sponsor::Token(Approval::List),
            Sponsor::Token(Approval::Nobody),
            Sponsor::Person,
        ] {
            let admission = decide(sponsor, true, "", vec![holder(OURS, false)]);
            assert_eq!(admission.replaces, [], "{sponsor:?}");
        }
        let by_list = decide(
            Sponsor::Token(Approval::List),
            true,
            "",
            vec![holder(OURS, false)],
        );
        assert_eq!(by_list.status, DeviceStatus::Pending);
    }

    #[test]
    fn the_place_of_who_was_thrown_out_is_not_free() {
        for sponsor in [Sponsor::Token(Approval::List), Sponsor::Pki] {
            let revoked = vec![former(DeviceStatus::Revoked, OURS)];
            let admission = decide(sponsor, true, OURS, revoked);
            assert_eq!(admission.status, DeviceStatus::Pending, "{sponsor:?}");
        }
        // One that left by itself, or was taken out, may come back; another machine under its name waits.
        let retired = |fingerprint| vec![former(DeviceStatus::Retired, fingerprint)];
        assert_eq!(by_list(true, retired(OURS)), (DeviceStatus::Active, 0));
        assert_eq!(
            by_list(true, retired("another")),
            (DeviceStatus::Pending, 0)
        );
        // The owner's PKI makes no second device beside one that lives.
        let beside = decide(Sponsor::Pki, false, OURS, vec![holder(OURS, true)]);
        assert_eq!(beside.status, DeviceStatus::Pending);
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
        let silent = || vec![holder(OURS, false), holder("another", false)];
        for (sponsor, holders, replaced) in [
            (Sponsor::Person, holders(), vec![OURS]),
            (Sponsor::Token(Approval::Nobody), holders(), vec![OURS]),
            // The owner's PKI knows whose the name is.
            (Sponsor::Pki, silent(), vec![OURS, "another"]),
        ] {
            let admission = decide(sponsor, false, OURS, holders);
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
