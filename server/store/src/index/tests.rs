//! Answers of the index where a fleet is larger than what is asked at once, beside answers that are found one by one.

use std::borrow::Cow;
use std::collections::BTreeMap;

use sickbay_diagnosis::filter::{Filter, FindingView, NumberField, Subject, TextField};
use sickbay_diagnosis::verdict::{Cause, Kept};
use uuid::Uuid;

use super::{ACTIVE, Among, DeviceWords, FindingWords, Fleet, Sought, WORD_KINDS, word_of};
use crate::{Order, OrderBy, Scope, codes};

/// More than two blocks, the last one not full.
const DEVICES: i64 = 70_001;
/// Filters that hold for many, few and none, of every kind of question.
const FILTERS: &[&str] = &[
    "",
    "ou:*5* -kind:server",
    "name:*-1",
    "name:pc-7*",
    "name:*9-*1*",
    "name:nowhere",
    "77 or build>=26100",
    "(issue:alpha or ou:OU=1) -(issue:beta standing:serious)",
    "cause:b* or state:unknown",
];

/// Numbers that look like chance and are the same every time.
fn mixed(number: i64) -> i64 {
    (number.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed()) >> 40) & 0xFF_FFFF
}

fn device(key: i64) -> DeviceWords {
    let chance = mixed(key);
    let finding = |issue: &str, state: Kept, cause: &str| FindingWords {
        issue: issue.to_owned(),
        state: codes::kept_code(state),
        severity: (chance % 3 == 0).then_some(super::SERIOUS),
        causes: serde_json::to_string(&[Cause::new(cause, cause)]).expect("causes are JSON"),
        since: chance * 1000,
        changed_at: chance,
    };
    let mut findings = Vec::new();
    if chance % 4 == 0 {
        findings.push(finding(
            "alpha",
            Kept::Open,
            ["a", "b"][(chance % 8 / 4) as usize],
        ));
    }
    if chance % 5 == 0 {
        let state = if chance % 10 == 0 {
            Kept::Open
        } else {
            Kept::Unknown
        };
        findings.push(finding("beta", state, "c"));
    }
    let words = WORD_KINDS.map(|word| match word {
        super::Word::Ou => format!("OU={}", chance % 57),
        super::Word::Kind => ["client", "server", ""][(chance % 3) as usize].to_owned(),
        _ => String::new(),
    });
    DeviceWords {
        key,
        id: Uuid::from_u128(key as u128).to_string(),
        status: if chance % 11 == 0 {
            super::PENDING
        } else {
            ACTIVE
        },
        health: chance % 5,
        name_lower: format!("pc-{}-{}", chance % 1000, key % 7),
        words,
        tags: "[]".to_owned(),
        reported_tags: "[]".to_owned(),
        build: (chance % 13 != 0).then_some(19_045 + chance % 4 * 3000),
        ubr: Some(chance % 9000),
        findings,
    }
}

/// A device, for the filter language's own answer.
struct Plain<'a> {
    row: &'a DeviceWords,
    causes: Vec<Vec<Cause>>,
}

impl<'a> Plain<'a> {
    fn of(row: &'a DeviceWords) -> Self {
        let causes = row.findings.iter();
        let causes = causes.map(|f| codes::causes(&f.causes).expect("causes are JSON"));
        Self {
            row,
            causes: causes.collect(),
        }
    }
}

impl Subject for Plain<'_> {
    fn texts(&self, field: TextField) -> Vec<Cow<'_, str>> {
        let text = match field {
            TextField::Name => &self.row.name_lower,
            TextField::Id => &self.row.id,
            TextField::Standing => super::matching::standing_word(self.row.health),
            field => match word_of(field) {
                Some(word) => &self.row.words[word as usize],
                None => return Vec::new(),
            },
        };
        vec![text.into()]
    }

    fn number(&self, field: NumberField) -> Option<u64> {
        let number = match field {
            NumberField::Build => self.row.build,
            NumberField::Ubr => self.row.ubr,
        };
        number.map(i64::cast_unsigned)
    }

    fn findings(&self) -> Vec<FindingView<'_>> {
        let findings = self.row.findings.iter().zip(&self.causes);
        let views = findings.map(|(finding, causes)| FindingView {
            issue: &finding.issue,
            state: codes::kept(finding.state).expect("a state"),
            causes,
        });
        views.collect()
    }
}

fn large_fleet() -> (Fleet, Vec<DeviceWords>) {
    let mut fleet = Fleet::default();
    fleet
        .add_all((1..=DEVICES).map(device).collect())
        .expect("they are read");
    fleet.arrange();
    let mut rows: Vec<DeviceWords> = (1..=DEVICES).map(device).collect();
    rows.sort_by(|a, b| (&a.name_lower, a.key).cmp(&(&b.name_lower, b.key)));
    (fleet, rows)
}

/// All pages of a list.
fn all_pages(fleet: &Fleet, filter: &Filter, order: Order) -> Vec<i64> {
    let among = Among::Status(ACTIVE);
    let (mut keys, mut after) = (Vec::new(), None);
    loop {
        let page = fleet.page(among, &Scope::All, filter, order, after.as_ref(), 9_000);
        let Some(last) = page.last() else {
            return keys;
        };
        after = fleet.cursor(*last, None, order);
        keys.extend(page);
    }
}

#[test]
fn a_large_fleet_answers_as_if_each_device_were_asked_by_itself() {
    let (fleet, rows) = large_fleet();
    let order = |by, descending| Order { by, descending };
    for text in FILTERS {
        let filter = Filter::parse(text).expect("a filter");
        let held: Vec<&DeviceWords> = rows
            .iter()
            .filter(|row| row.status == ACTIVE && filter.matches(&Plain::of(row)))
            .collect();
        let among = Among::Status(ACTIVE);
        let fields = [TextField::Ou, TextField::Standing];
        let survey = fleet.survey(among, &Scope::All, &filter, &fields);
        assert_eq!(survey.devices, held.len() as u64, "{text}");
        let mut groups: BTreeMap<&str, u64> = BTreeMap::new();
        for row in &held {
            *groups
                .entry(&row.words[super::Word::Ou as usize])
                .or_default() += 1;
        }
        let told = survey.facets[0].groups.iter();
        let told: BTreeMap<&str, u64> = told.map(|g| (&*g.value, g.devices)).collect();
        assert_eq!(told, groups, "{text}");

        let mut expected: Vec<i64> = held.iter().map(|row| row.key).collect();
        let by_name = all_pages(&fleet, &filter, order(OrderBy::Name, false));
        // Not printed: thousands of keys.
        assert!(by_name == expected, "{text}");
        let mut backwards = all_pages(&fleet, &filter, order(OrderBy::Name, true));
        backwards.reverse();
        assert!(backwards == expected, "{text}");
        let mut by_build = held.clone();
        // What is not known comes last.
        by_build.sort_by_key(|row| {
            row.build
                .map_or((1, 0, 0), |b| (0, b, row.ubr.unwrap_or(0)))
        });
        let by_build: Vec<i64> = by_build.iter().map(|row| row.key).collect();
        let told = all_pages(&fleet, &filter, order(OrderBy::Build, false));
        assert!(told == by_build, "{text}");
        expected.sort_unstable();
        let enrolled = all_pages(&fleet, &filter, order(OrderBy::Enrolled, false));
        assert!(enrolled == expected, "{text}");
    }
}

#[test]
fn counts_and_a_search_of_a_large_fleet_miss_nobody() {
    let (fleet, rows) = large_fleet();
    let active = || rows.iter().filter(|row| row.status == ACTIVE);
    let counts = fleet.fleet_counts(&Scope::All);
    assert_eq!(counts.active(), active().count() as u64);
    assert_eq!(counts.pending, rows.len() as u64 - counts.active());
    let issues = fleet.issue_counts(&Scope::All);
    let open = active().flat_map(|row| &row.findings);
    let open = open.filter(|f| f.issue == "beta" && f.state == codes::kept_code(Kept::Open));
    assert_eq!(issues[1].open, open.count() as u64);
    let revisions = fleet.revision_counts(&Scope::All).into_iter();
    let with_build = active().filter(|row| row.build.is_some() && !row.words[3].is_empty());
    assert_eq!(
        revisions.map(|r| r.devices).sum::<u64>(),
        with_build.count() as u64
    );

    let sought = Sought {
        name: "-99".to_owned(),
        words: vec!["ou=5".to_owned()],
        limit: 4,
        ..Sought::default()
    };
    let found = fleet.search(&Scope::All, &sought);
    let named: Vec<i64> = active()
        .filter(|row| row.name_lower.contains("-99"))
        .map(|row| row.key)
        .collect();
    assert_eq!(found.counted.active, named.len() as u64);
    assert_eq!(found.active, named[..4]);
    let in_unit = active().filter(|row| row.words[1] == "OU=5").count() as u64;
    let of_unit = found.counted.groups.iter().find(|(_, g)| g.value == "OU=5");
    assert_eq!(of_unit.map(|(_, group)| group.devices), Some(in_unit));
}

/// Devices come, go and are renamed, a few at a time and many at once: the order stays that of names.
#[test]
fn the_order_holds_whatever_comes_and_goes() {
    let mut fleet = Fleet::default();
    let mut expected: BTreeMap<i64, String> = BTreeMap::new();
    for step in 0..200_i64 {
        // Every tenth step is a large one.
        let len = if step % 10 == 0 {
            400
        } else {
            1 + mixed(step) % 9
        };
        let mut keys: Vec<i64> = (0..len).map(|n| mixed(step * 1000 + n) % 1500).collect();
        keys.sort_unstable();
        keys.dedup();
        let mut rows = Vec::new();
        for key in &keys {
            let chance = mixed(step * 31 + key);
            if chance % 4 == 0 {
                expected.remove(key);
                continue;
            }
            // The name of before, or another one.
            let name = format!("pc-{}", mixed(key * 7 + chance % 3) % 900);
            expected.insert(*key, name.clone());
            rows.push(DeviceWords {
                name_lower: name,
                status: ACTIVE,
                ..device(*key)
            });
        }
        fleet.put(&keys, rows).expect("they are read");
        let mut sorted: Vec<(&String, i64)> = expected.iter().map(|(k, n)| (n, *k)).collect();
        sorted.sort_unstable();
        let sorted: Vec<i64> = sorted.into_iter().map(|(_, key)| key).collect();
        let told = all_pages(&fleet, &Filter::Everything, Order::default());
        // Not printed: a thousand keys.
        assert!(told == sorted, "after step {step}");
    }
}
