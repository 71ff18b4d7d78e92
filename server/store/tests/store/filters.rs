//! A filter means the same in SQL as in its own evaluation.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Deref;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use sickbay_diagnosis::filter::{
    Compare, Filter, FindingView, NumberField, Pattern, Subject, Test, TextField,
};
use sickbay_diagnosis::verdict::{Kept, Severity};
use sickbay_store::{DeviceChange, DeviceDetail, DeviceSummary, FindingChange, Scope};
use tokio::runtime::Handle;

use crate::fixture::{Fixture, accepted, bare_change, filter, first, mark, open, unknown};

/// Texts that differ in case, hold SQL's wildcards, quotes and escapes, or letters whose case only Unicode folds.
const TEXTS: [&str; 14] = [
    "",
    "a",
    "A",
    "ab",
    "aab",
    "a%",
    "a_b",
    "a\\",
    "\\%",
    "'",
    "x' OR 1=1 --",
    "Ä",
    "ä",
    "OU=Berlin,DC=x",
];
const PATTERNS: [&str; 26] = [
    "",
    "*",
    "**",
    "a",
    "A*",
    "*b",
    "a*b",
    "a**b",
    "*a*",
    "%",
    "_",
    "a%",
    "a%*",
    "*\\*",
    "\\%",
    "*'*",
    "Ä",
    "ä*",
    "*berlin*",
    "x' or*",
    "?",
    "*\u{fffd}*",
    "serious",
    "*n*",
    "Healthy",
    "never*",
];
const ISSUES: [&str; 3] = ["hold", "Pause", "re%boot"];
const NUMBERS: [Option<u32>; 4] = [None, Some(0), Some(26_100), Some(u32::MAX)];

/// A device with the tags that the server gave it, which alone count for who may see it.
struct Member {
    detail: DeviceDetail,
    given: Vec<String>,
}

impl Deref for Member {
    type Target = DeviceDetail;
    fn deref(&self) -> &DeviceDetail {
        &self.detail
    }
}

struct Sample<'a> {
    device: &'a DeviceDetail,
    tags: &'a [String],
    issue: Option<&'a str>,
}

impl Subject for Sample<'_> {
    fn texts(&self, field: TextField) -> Vec<Cow<'_, str>> {
        let summary = &self.device.row.summary;
        let text = match field {
            TextField::Standing => return vec![standing(self.device).into()],
            TextField::Tag => {
                return self.tags.iter().map(|tag| tag.as_str().into()).collect();
            }
            TextField::Id => return vec![self.device.row.identity.id.to_string().into()],
            TextField::Name => &summary.name,
            TextField::Domain => &summary.domain,
            TextField::Ou => &summary.ou,
            TextField::Site => &summary.site,
            TextField::Kind => &summary.kind,
            TextField::Release => &summary.release,
            TextField::Edition => &summary.edition,
            TextField::Arch => &summary.arch,
            TextField::Primary => &summary.primary_issue,
        };
        vec![text.as_str().into()]
    }

    fn number(&self, field: NumberField) -> Option<u64> {
        let summary = &self.device.row.summary;
        match field {
            NumberField::Build => summary.build,
            NumberField::Ubr => summary.ubr,
        }
        .map(u64::from)
    }

    fn findings(&self) -> Vec<FindingView<'_>> {
        self.device
            .findings
            .iter()
            .map(|finding| FindingView {
                issue: &finding.issue,
                state: finding.kept(),
                causes: &finding.causes,
            })
            .collect()
    }

    fn issue_in_question(&self) -> Option<&str> {
        self.issue
    }
}

fn standing(device: &DeviceDetail) -> &'static str {
    let row = &device.row;
    if device.mark.epoch.is_empty() {
        "never-reported"
    } else if row.serious > 0 {
        "serious"
    } else if row.open > 0 {
        "warning"
    } else if row.unknown > 0 {
        "unknown"
    } else {
        "healthy"
    }
}

fn text() -> impl Strategy<Value = String> {
    select(&TEXTS[..]).prop_map(str::to_owned)
}

fn devices() -> impl Strategy<Value = (DeviceSummary, Vec<String>, Vec<FindingChange>)> {
    let names = (text(), text(), text(), text(), (text(), text()));
    let tags = proptest::collection::vec(text(), 0..3);
    let more = (
        text(),
        text(),
        text(),
        select(&NUMBERS[..]),
        select(&NUMBERS[..]),
    );
    let summary = (names, more, tags).prop_map(
        |(
            (name, domain, ou, site, (kind, primary_issue)),
            (release, edition, arch, build, ubr),
            reported_tags,
        )| {
            DeviceSummary {
                reported_tags,
                name,
                domain,
                ou,
                site,
                kind,
                release,
                build,
                ubr,
                edition,
                arch,
                primary_issue,
                ..DeviceSummary::default()
            }
        },
    );
    let finding = (
        select(&ISSUES[..]),
        select(&[Severity::Warning, Severity::Serious][..]),
        proptest::option::of(proptest::collection::vec(select(&TEXTS[..]), 1..3)),
    )
        .prop_map(|(issue, severity, causes)| {
            FindingChange::Put(match causes {
                Some(causes) if causes.len() > 1 && severity == Severity::Serious => {
                    accepted(issue, severity, &causes)
                }
                Some(causes) => open(issue, severity, &causes),
                None => unknown(issue),
            })
        });
    (
        summary,
        proptest::collection::vec(text(), 0..3),
        proptest::collection::vec(finding, 0..3),
    )
}

fn filters() -> impl Strategy<Value = Filter> {
    let pattern = || select(&PATTERNS[..]).prop_map(Pattern::new);
    let compare = select(vec![
        Compare::Equal,
        Compare::Less,
        Compare::AtMost,
        Compare::Greater,
        Compare::AtLeast,
    ]);
    let number = select(vec![
        0,
        1,
        26_100,
        u64::from(u32::MAX),
        u64::from(u32::MAX) + 1,
        u64::MAX,
    ]);
    let test = prop_oneof![
        6 => (select(&TextField::ALL[..]), pattern()).prop_map(|(field, pattern)| Test::Text(field, pattern)),
        2 => (select(&NumberField::ALL[..]), compare, number)
            .prop_map(|(field, compare, number)| Test::Number(field, compare, number)),
        1 => select(&["hold", "PAUSE", "re%*", "*", "r*_*"][..]).prop_map(|text| Test::Issue(Pattern::new(text))),
        2 => pattern().prop_map(Test::Cause),
        2 => select(Kept::ALL.to_vec()).prop_map(Test::State),
    ]
    .prop_map(Filter::Is);
    let leaf = prop_oneof![8 => test, 1 => Just(Filter::Everything)];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Filter::All),
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Filter::Any),
            inner.prop_map(|inner| Filter::Not(Box::new(inner))),
        ]
    })
}

async fn fleet(store: &Fixture) -> Vec<Member> {
    let mut runner = TestRunner::deterministic();
    let mut fleet = Vec::new();
    for number in 0..60 {
        let (summary, tags, findings) = devices().new_tree(&mut runner).unwrap().current();
        let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
        let device = store.tagged_device("pc", &tags).await;
        let read = async || store.device(&Scope::All, device.id).await.unwrap().unwrap();
        let given = read().await.row.tags;
        store
            .done(DeviceChange {
                // Some were diagnosed and never reported.
                mark: (number % 8 > 0).then(|| mark(1)),
                summary: Some(summary),
                findings,
                ..bare_change(device.key)
            })
            .await;
        let detail = read().await;
        fleet.push(Member { detail, given });
    }
    fleet
}

pub(crate) async fn sql_and_evaluation_agree(store: Fixture) {
    let fleet = fleet(&store).await;
    assert!(
        fleet.iter().any(|device| device.findings.len() == 2),
        "the sample is too plain"
    );
    let handle = Handle::current();
    let mut runner = TestRunner::new(Config {
        cases: 400,
        failure_persistence: None,
        ..Config::default()
    });
    tokio::task::block_in_place(|| {
        runner.run(&(filters(), filters()), |(filter, scope)| {
            handle.block_on(agree(&store, &fleet, &filter, &scope))
        })
    })
    .unwrap();
}

async fn agree(
    store: &Fixture,
    fleet: &[Member],
    filter: &Filter,
    scope: &Filter,
) -> Result<(), TestCaseError> {
    let in_scope = |device: &Member| {
        scope.matches(&Sample {
            device,
            tags: &device.given,
            issue: None,
        })
    };
    for (within, visible) in [
        (Scope::All, None),
        (Scope::Matching(scope.clone()), Some(())),
    ] {
        let seen = |device: &Member| visible.is_none() || in_scope(device);
        let expected: BTreeSet<i64> = fleet
            .iter()
            .filter(|device| {
                seen(device)
                    && filter.matches(&Sample {
                        device,
                        tags: &device.row.tags,
                        issue: None,
                    })
            })
            .map(|device| device.row.identity.key)
            .collect();
        let listed = store.devices(&within, filter, &first(1_000)).await.unwrap();
        let listed: BTreeSet<i64> = listed.iter().map(|row| row.identity.key).collect();
        prop_assert_eq!(&listed, &expected);
        let count = store.count_devices(&within, filter).await.unwrap();
        prop_assert_eq!(count, expected.len() as u64);

        for issue in ISSUES {
            let question = |device: &Member| {
                filter.matches(&Sample {
                    device,
                    tags: &device.row.tags,
                    issue: Some(issue),
                })
            };
            let expected: BTreeSet<i64> = fleet
                .iter()
                .filter(|device| device.findings.iter().any(|finding| finding.issue == issue))
                .filter(|device| seen(device) && question(device))
                .map(|device| device.row.identity.key)
                .collect();
            let listed = store
                .issue_devices(&within, issue, filter, &first(1_000))
                .await
                .unwrap();
            let listed: BTreeSet<i64> = listed.iter().map(|row| row.device.identity.key).collect();
            prop_assert_eq!(&listed, &expected);
            let count = store
                .count_issue_devices(&within, issue, filter)
                .await
                .unwrap();
            prop_assert_eq!(count, expected.len() as u64);
        }
    }
    Ok(())
}

pub(crate) async fn texts_of_devices_cannot_break_out_of_sql(store: Fixture) {
    let hostile = "x'); DELETE FROM device; --";
    let device = store.tagged_device(hostile, &[hostile]).await;
    store
        .report(
            device.key,
            vec![open(hostile, Severity::Warning, &[hostile])],
        )
        .await;
    for field in ["name", "tag", "issue", "cause"] {
        let filter = filter(&format!("{field}:\"{hostile}\""));
        assert_eq!(
            store.count_devices(&Scope::All, &filter).await.unwrap(),
            1,
            "{field}"
        );
    }
    let long = filter(&"pc ".repeat(600));
    assert_eq!(store.count_devices(&Scope::All, &long).await.unwrap(), 0);
    let deep = (0..32).fold(filter("pc"), |inner, _| Filter::Not(Box::new(inner)));
    assert_eq!(store.count_devices(&Scope::All, &deep).await.unwrap(), 0);
}
