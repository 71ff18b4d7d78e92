//! The imported list of machines that should have a collector: what it wants of the database, decided without one.
//!
//! A machine is the same as another where the names are, letter case aside, and the domains do not contradict each other. What the
//! list says of it is a claim of whoever wrote the list: a collector that comes later knows better, and its device replaces the entry.

use std::cmp::Ordering;
use std::sync::Arc;

use sickbay_diagnosis::Time;
use sickbay_diagnosis::issues::never_enrolled;
use sickbay_diagnosis::knowledge::DeviceKind;
use uuid::Uuid;

use crate::Finding;
use crate::codes::text;

/// A machine of the list. Half a million of them have few domains, OUs and systems, so these may be shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedMachine {
    /// Host name, without the domain.
    pub name: String,
    /// DNS domain; empty where unknown.
    pub domain: Arc<str>,
    /// Distinguished name of the OU; empty where unknown.
    pub ou: Arc<str>,
    /// What the directory calls its system, such as `Windows 11 Enterprise`; empty where unknown.
    pub operating_system: Arc<str>,
}

/// What became of an imported list. Every machine of it is counted in exactly one of the first, third and fifth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Imported {
    /// Machines that now stand in the list: no collector ever spoke for them.
    pub listed: u64,
    /// Of these, machines that stood there before, just so.
    pub unchanged: u64,
    /// Machines that a device stands for.
    pub spoken_for: u64,
    /// Machines that stood in the list before and do not any more.
    pub removed: u64,
    /// Machines that the list named again.
    pub repeated: u64,
}

/// What the import does about a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is put into the list.
    New,
    /// It stands there, otherwise described: this id, since this time.
    Changed(Uuid, i64),
    /// It stands there just so.
    Unchanged,
    /// A device stands for it.
    SpokenFor,
}

/// The list in order, each machine once.
#[derive(Debug)]
pub(crate) struct MachineList {
    machines: Vec<ListedMachine>,
    fates: Vec<Fate>,
    repeated: u64,
}

impl MachineList {
    /// Puts the machines in order. Of several descriptions of one, the first stays, and one that knows the domain before one that does not.
    pub(crate) fn of(mut machines: Vec<ListedMachine>) -> Self {
        for machine in &mut machines {
            // As columns hold them, so that the stored list compares equal.
            machine.name = text(&machine.name);
            for said in [
                &mut machine.domain,
                &mut machine.ou,
                &mut machine.operating_system,
            ] {
                if said.contains('\0') {
                    *said = text(said).into();
                }
            }
        }
        machines.sort_by(|a, b| order(&a.name, &a.domain, &b.name, &b.domain));
        let all = machines.len();
        machines.dedup_by(|later, kept| {
            let same = without_case(&later.name, &kept.name) == Ordering::Equal;
            if same && kept.domain.is_empty() && !later.domain.is_empty() {
                std::mem::swap(later, kept);
                return true;
            }
            same && without_case(&later.domain, &kept.domain) == Ordering::Equal
        });
        machines.shrink_to_fit();
        Self {
            fates: vec![Fate::New; machines.len()],
            repeated: (all - machines.len()) as u64,
            machines,
        }
    }

    /// How many machines there are.
    pub(crate) const fn len(&self) -> usize {
        self.machines.len()
    }

    /// The machines of these places.
    pub(crate) fn part(&self, places: std::ops::Range<usize>) -> &[ListedMachine] {
        &self.machines[places]
    }

    /// A device of this name and domain exists.
    pub(crate) fn spoken_for(&mut self, name_lower: &str, domain: &str) {
        let first = self
            .machines
            .partition_point(|machine| without_case(&machine.name, name_lower) == Ordering::Less);
        for (machine, fate) in self.machines[first..]
            .iter()
            .zip(&mut self.fates[first..])
            .take_while(|(machine, _)| without_case(&machine.name, name_lower) == Ordering::Equal)
        {
            if same_domain(&machine.domain, domain) {
                *fate = Fate::SpokenFor;
            }
        }
    }

    /// What becomes of an entry of the stored list: whether it stays. One that is otherwise described goes and comes again.
    pub(crate) fn meets(&mut self, stored: &StoredMachine) -> bool {
        let found = self.machines.binary_search_by(|machine| {
            order(&machine.name, &machine.domain, &stored.name, &stored.domain)
        });
        let Ok(place) = found else { return false };
        if self.fates[place] != Fate::New {
            return false;
        }
        let machine = &self.machines[place];
        let same = machine.name == stored.name
            && *machine.domain == *stored.domain
            && *machine.ou == *stored.ou
            && *machine.operating_system == *stored.release;
        self.fates[place] = if same {
            Fate::Unchanged
        } else {
            Fate::Changed(stored.id, stored.since)
        };
        same
    }

    /// The machines that have to be written, each with its id and since when it is known.
    pub(crate) fn to_write(&self, now: Time) -> impl Iterator<Item = NewEntry<'_>> {
        self.machines
            .iter()
            .zip(&self.fates)
            .filter_map(move |(machine, fate)| {
                let (id, since) = match fate {
                    Fate::New => (Uuid::now_v7(), now.millis()),
                    Fate::Changed(id, since) => (*id, *since),
                    Fate::Unchanged | Fate::SpokenFor => return None,
                };
                Some(NewEntry {
                    id: id.to_string(),
                    machine,
                    since,
                    now,
                })
            })
    }

    /// What became of it all.
    pub(crate) fn imported(&self, stored_before: u64) -> Imported {
        let count = |wanted: fn(&Fate) -> bool| {
            self.fates.iter().filter(|fate| wanted(fate)).count() as u64
        };
        let spoken_for = count(|fate| *fate == Fate::SpokenFor);
        let stayed = count(|fate| matches!(fate, Fate::Unchanged | Fate::Changed(..)));
        Imported {
            listed: self.machines.len() as u64 - spoken_for,
            unchanged: count(|fate| *fate == Fate::Unchanged),
            spoken_for,
            removed: stored_before - stayed,
            repeated: self.repeated,
        }
    }
}

/// An entry of the list as it is stored.
#[derive(Debug)]
pub(crate) struct StoredMachine {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) domain: String,
    pub(crate) ou: String,
    pub(crate) release: String,
    pub(crate) since: i64,
}

/// An entry of the list to be stored.
#[derive(Debug)]
pub(crate) struct NewEntry<'a> {
    pub(crate) id: String,
    pub(crate) machine: &'a ListedMachine,
    pub(crate) since: i64,
    now: Time,
}

impl NewEntry<'_> {
    /// Its one finding.
    pub(crate) fn finding(&self) -> Finding {
        let verdict = never_enrolled::of_listed(&self.machine.ou);
        Finding {
            issue: never_enrolled::ID.to_owned(),
            state: verdict.state(),
            severity: verdict.severity(),
            summary: verdict.summary.clone().into_owned(),
            causes: verdict.causes().to_vec(),
            since: Time::from_millis(self.since),
            changed_at: self.now,
            accepted_until: None,
        }
    }

    /// `client`, `server` or empty, as far as the name of the system tells.
    pub(crate) fn kind(&self) -> &'static str {
        let system = self.machine.operating_system.to_ascii_lowercase();
        if !system.contains("windows") {
            ""
        } else if system.contains("server") {
            DeviceKind::Server.name()
        } else {
            DeviceKind::Client.name()
        }
    }
}

/// Whether two domains may be one: equal, one of them not known, or one the short name with which the other begins.
pub(crate) fn same_domain(a: &str, b: &str) -> bool {
    let short_of = |short: &str, long: &str| {
        !short.contains('.')
            && long
                .split('.')
                .next()
                .is_some_and(|first| first.eq_ignore_ascii_case(short))
    };
    a.is_empty() || b.is_empty() || a.eq_ignore_ascii_case(b) || short_of(a, b) || short_of(b, a)
}

/// By name, then domain, letter case aside; a machine of unknown domain comes first.
fn order(name: &str, domain: &str, other_name: &str, other_domain: &str) -> Ordering {
    without_case(name, other_name).then_with(|| without_case(domain, other_domain))
}

/// Compares without regard to the case of ASCII letters, as the database does.
fn without_case(a: &str, b: &str) -> Ordering {
    let a = a.bytes().map(|byte| byte.to_ascii_lowercase());
    a.cmp(b.bytes().map(|byte| byte.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(name: &str, domain: &str) -> ListedMachine {
        ListedMachine {
            name: name.to_owned(),
            domain: domain.into(),
            ou: "OU=a".into(),
            operating_system: "".into(),
        }
    }

    fn names(list: &MachineList) -> Vec<(&str, &str)> {
        let all = list.part(0..list.len()).iter();
        all.map(|machine| (machine.name.as_str(), &*machine.domain))
            .collect()
    }

    #[test]
    fn a_machine_that_is_named_twice_counts_once() {
        let list = MachineList::of(vec![
            machine("PC-2", "b.example"),
            machine("PC-1", ""),
            machine("pc-1", "A.example"),
            machine("pc-1", ""),
            machine("PC-1", "a.example"),
            machine("pc-1", "b.example"),
        ]);
        assert_eq!(
            names(&list),
            [
                ("pc-1", "A.example"),
                ("pc-1", "b.example"),
                ("PC-2", "b.example")
            ]
        );
        assert_eq!(list.imported(0).repeated, 3);
    }

    #[test]
    fn a_device_stands_for_its_name_where_the_domains_do_not_contradict() {
        for (listed, of_device, expected) in [
            ("", "a.example", true),
            ("a.example", "", true),
            ("a.example", "A.EXAMPLE", true),
            ("a.example", "A", true),
            ("a.example", "b.example", false),
            ("a.example", "example", false),
        ] {
            let mut list = MachineList::of(vec![machine("PC", listed), machine("PC-2", listed)]);
            list.spoken_for("pc", of_device);
            assert_eq!(
                list.imported(0).spoken_for,
                u64::from(expected),
                "{listed} {of_device}"
            );
        }
    }

    #[test]
    fn what_the_directory_calls_a_system_tells_servers_from_clients() {
        for (system, expected) in [
            ("Windows Server 2022 Standard", "server"),
            ("Windows 11 Enterprise", "client"),
            ("Debian GNU/Linux", ""),
            ("", ""),
        ] {
            let machine = ListedMachine {
                operating_system: system.into(),
                ..machine("a", "")
            };
            let list = MachineList::of(vec![machine]);
            let entry = list.to_write(Time::from_millis(0)).next();
            assert_eq!(entry.map(|entry| entry.kind()), Some(expected), "{system}");
        }
    }
}
