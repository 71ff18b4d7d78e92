//! What diagnosis needs besides a device's facts: the owner's wishes, what the fleet knows, and what was accepted.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use sickbay_diagnosis::Time;
use sickbay_diagnosis::context::FleetContext;
use sickbay_diagnosis::expectation::{DeviceScope, Wishes};
use sickbay_diagnosis::filter::Subject;
use sickbay_diagnosis::knowledge::Knowledge;
use sickbay_store::AcceptanceRow;

use crate::knowledge_pack::Origin;

/// The rules as a whole. Replaced as a whole, so that wishes and the majorities of their scopes always belong together.
#[derive(Debug, Clone)]
pub struct Rules {
    /// What is known of Windows.
    pub knowledge: Arc<Knowledge>,
    /// Where that comes from.
    pub knowledge_origin: Origin,
    /// What the owner wants.
    pub wishes: Wishes,
    /// What the fleet says.
    pub fleet: FleetContext,
    /// What is accepted for a time.
    pub acceptances: Acceptances,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            knowledge: Arc::clone(Knowledge::built_in()),
            knowledge_origin: Origin::BuiltIn,
            wishes: Wishes::default(),
            fleet: FleetContext::default(),
            acceptances: Acceptances::default(),
        }
    }
}

impl PartialEq for Rules {
    /// Knowledge is compared by being the same one: its tables are long, and this is asked every few seconds.
    fn eq(&self, other: &Self) -> bool {
        self.has_knowledge_of(other)
            && self.wishes == other.wishes
            && self.fleet == other.fleet
            && self.acceptances == other.acceptances
    }
}

impl Rules {
    /// Whether both rest on the same knowledge.
    pub fn has_knowledge_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.knowledge, &other.knowledge)
            && self.knowledge_origin == other.knowledge_origin
    }
}

/// Acceptances that are not over, by issue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Acceptances(BTreeMap<String, Vec<Accepted>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Accepted {
    scope: DeviceScope,
    until: Time,
}

impl Acceptances {
    /// Those of `rows` that hold at `now`. One whose scope cannot be understood (any more) accepts nothing, and is told.
    pub fn of(rows: &[AcceptanceRow], now: Time) -> Self {
        let mut by_issue: BTreeMap<String, Vec<Accepted>> = BTreeMap::new();
        let hold = |row: &&AcceptanceRow| row.ended_at.is_none() && row.until > now;
        for row in rows.iter().filter(hold) {
            match DeviceScope::parse(&row.scope) {
                Ok(scope) => by_issue
                    .entry(row.issue.clone())
                    .or_default()
                    .push(Accepted {
                        scope,
                        until: row.until,
                    }),
                Err(error) => {
                    tracing::error!(acceptance = %row.id, %error, "an acceptance has a scope that is none; it accepts nothing");
                }
            }
        }
        Self(by_issue)
    }

    /// Until when an issue is accepted on a device; the latest where several acceptances hold.
    pub fn until(&self, issue: &str, device: &dyn Subject, now: Time) -> Option<Time> {
        self.0
            .get(issue)?
            .iter()
            .filter(|accepted| accepted.until > now && accepted.scope.holds(device))
            .map(|accepted| accepted.until)
            .max()
    }

    /// Whether none holds.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The rules in force.
#[derive(Debug, Default)]
pub struct RulesInForce(RwLock<Arc<Rules>>);

impl RulesInForce {
    /// With these.
    pub fn new(rules: Rules) -> Self {
        Self(RwLock::new(Arc::new(rules)))
    }

    /// The present ones.
    pub fn get(&self) -> Arc<Rules> {
        Arc::clone(
            &self
                .0
                .read()
                .expect("never poisoned: nothing panics while it is held"),
        )
    }

    /// Replaces them.
    pub fn set(&self, rules: Rules) {
        *self
            .0
            .write()
            .expect("never poisoned: nothing panics while it is held") = Arc::new(rules);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_knowledge_makes_other_rules_whatever_it_is_called() {
        let rules = Rules::default();
        assert_eq!(rules, rules.clone());
        let again = Knowledge::parse(rules.knowledge.version(), |_| None);
        let other = Rules {
            knowledge: Arc::new(again.expect("the built-in tables are whole")),
            ..rules.clone()
        };
        assert_ne!(rules, other);
    }
}
