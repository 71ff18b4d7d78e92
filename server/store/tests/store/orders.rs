//! Lists in every order: walked page by page they say each device once, ordered as a plain sort orders what the rows say.

use std::cmp::Ordering;

use sickbay_diagnosis::filter::Filter;
use sickbay_diagnosis::verdict::Severity;
use sickbay_store::{
    CellValue, DeviceChange, DeviceSummary, Field, FindingChange, Order, OrderBy, Page, Scope,
};

use crate::fixture::{Fixture, at, filter, open, summary, unknown};

const ISSUE: &str = "hold";

/// An order, and the field whose values it follows; `None` where two fields say it.
const ORDERS: [(OrderBy, Option<Field>); 18] = [
    (OrderBy::Name, Some(Field::Name)),
    (OrderBy::Domain, Some(Field::Domain)),
    (OrderBy::Ou, Some(Field::Ou)),
    (OrderBy::Site, Some(Field::Site)),
    (OrderBy::Kind, Some(Field::Kind)),
    (OrderBy::Release, Some(Field::Release)),
    (OrderBy::Build, None),
    (OrderBy::Edition, Some(Field::Edition)),
    (OrderBy::Arch, Some(Field::Arch)),
    (OrderBy::Primary, Some(Field::Primary)),
    (OrderBy::Health, None),
    (OrderBy::Open, Some(Field::Open)),
    (OrderBy::Serious, Some(Field::Serious)),
    (OrderBy::Unknown, Some(Field::Unknown)),
    (OrderBy::Enrolled, Some(Field::Id)),
    (OrderBy::Severity, None),
    (OrderBy::Since, Some(Field::FindingSince)),
    (OrderBy::Causes, Some(Field::CauseLabels)),
];

/// A value that compares as lists order it; nothing for what is not known.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Clone)]
enum Key {
    Text(String),
    Number(i64),
}

fn key(value: &CellValue<'_>) -> Option<Key> {
    match value {
        CellValue::Nothing => None,
        CellValue::Text(text) => Some(Key::Text(text.to_ascii_lowercase())),
        CellValue::Texts(texts) => texts
            .first()
            .map(|text| Key::Text(text.to_ascii_lowercase())),
        CellValue::Word(word) => Some(Key::Text((*word).to_owned())),
        CellValue::Number(number) => Some(Key::Number(i64::try_from(*number).unwrap())),
        CellValue::Time(time) => Some(Key::Number(time.millis())),
    }
}

/// Unknown ones last, whichever way it goes.
fn compared(a: Option<&Key>, b: Option<&Key>, descending: bool) -> Ordering {
    match (a, b) {
        (None, None) => Ordering::Equal,
        (None, _) => Ordering::Greater,
        (_, None) => Ordering::Less,
        (Some(a), Some(b)) if descending => b.cmp(a),
        (Some(a), Some(b)) => a.cmp(b),
    }
}

async fn fleet(store: &Fixture) {
    for number in 0..23_u32 {
        let name = format!("PC-{:02}", (number * 7) % 23);
        let device = store.active(&name).await;
        let word = |every: u32, text: &str| {
            if number % every == 0 {
                String::new()
            } else {
                format!("{text} {}", number % every)
            }
        };
        let mut findings = Vec::new();
        if number % 4 != 3 {
            let severity = if number % 3 == 0 {
                Severity::Serious
            } else {
                Severity::Warning
            };
            let cause = format!("k{}", number % 5);
            let mut finding = match number % 6 {
                0 => unknown(ISSUE),
                1 => open(ISSUE, severity, &[]),
                _ => open(ISSUE, severity, &[cause.as_str()]),
            };
            finding.since = at(i64::from((number * 5) % 11) - 3);
            findings.push(FindingChange::Put(finding));
        }
        if number % 2 == 0 {
            findings.push(FindingChange::Put(open("pause", Severity::Warning, &["p"])));
        }
        let change = DeviceChange {
            summary: Some(DeviceSummary {
                domain: word(2, "domain"),
                ou: word(5, "Ou"),
                site: word(7, "site"),
                kind: if number % 3 == 0 { "server" } else { "client" }.to_owned(),
                release: word(4, "Windows"),
                build: (number % 5 != 0).then_some(26_100 + number % 3),
                ubr: (number % 6 != 0).then_some(number),
                edition: word(3, "edition"),
                arch: word(6, "arch"),
                primary_issue: word(3, "issue"),
                ..summary(&name)
            }),
            findings,
            mark: Some(crate::fixture::mark(1)),
            ..store.change(device.key).await
        };
        store.done(change).await;
    }
}

/// Walks a list in pages of three; of each row its name and what it is ordered by.
async fn walked(
    store: &Fixture,
    issue: Option<&str>,
    by: &Filter,
    order: Order,
    fields: &[Field],
) -> Vec<(String, Vec<Option<Key>>)> {
    let mut page = Page {
        after: None,
        limit: 3,
    };
    let mut rows = Vec::new();
    loop {
        let cells = store
            .cells(&Scope::All, issue, by, fields, order, &page)
            .await
            .unwrap();
        for row in 0..cells.rows() {
            let name = key(&cells.value(row, Field::Name));
            let Some(Key::Text(name)) = name else {
                panic!("a device has a name")
            };
            let keys = fields[1..]
                .iter()
                .map(|field| key(&cells.value(row, *field)));
            rows.push((name, keys.collect()));
        }
        match cells.next {
            Some(next) => page.after = Some(next),
            None => return rows,
        }
    }
}

pub(crate) async fn every_order_says_each_device_once_and_follows_its_field(store: Fixture) {
    fleet(&store).await;
    for (order, field) in ORDERS {
        for descending in [false, true] {
            for (issue, by) in [
                (Some(ISSUE), Filter::Everything),
                (None, Filter::Everything),
                (Some(ISSUE), filter("kind:client")),
                (None, filter("issue:pause")),
            ] {
                let fields: Vec<Field> = match (order, field) {
                    (OrderBy::Build, _) => vec![Field::Name, Field::Build, Field::Ubr],
                    (OrderBy::Health, _) => {
                        vec![Field::Name, Field::Serious, Field::Open, Field::Unknown]
                    }
                    (OrderBy::Severity, _) => vec![Field::Name, Field::FindingSeverity],
                    (_, Some(field)) => vec![Field::Name, field],
                    (_, None) => unreachable!("each has a field"),
                };
                if issue.is_none() && fields.iter().any(|field| field.is_of_finding()) {
                    continue;
                }
                let wanted = Order {
                    by: order,
                    descending,
                };
                let met = walked(&store, issue, &by, wanted, &fields).await;
                let mut plain = walked(&store, issue, &by, Order::default(), &fields).await;
                let mut names: Vec<&str> = met.iter().map(|(name, _)| name.as_str()).collect();
                names.sort_unstable();
                let all: Vec<&str> = plain.iter().map(|(name, _)| name.as_str()).collect();
                assert_eq!(names, all, "{wanted:?} {issue:?} {by}");
                plain.sort_by(|(a_name, a), (b_name, b)| match order {
                    OrderBy::Name if descending => b_name.cmp(a_name),
                    // Serious before the others, and those before what was never reported.
                    OrderBy::Health => {
                        let health = |keys: &[Option<Key>]| {
                            let some = |place: usize| keys[place] > Some(Key::Number(0));
                            Some(Key::Number(match (some(0), some(1), some(2)) {
                                (true, ..) => 4,
                                (_, true, _) => 3,
                                (_, _, true) => 2,
                                _ => 1,
                            }))
                        };
                        compared(health(a).as_ref(), health(b).as_ref(), descending)
                    }
                    // A warning is less than what is serious, other than by their letters.
                    OrderBy::Severity => {
                        let severity = |keys: &[Option<Key>]| {
                            keys[0].clone().map(|word| {
                                Key::Number(i64::from(word == Key::Text("serious".to_owned())))
                            })
                        };
                        compared(severity(a).as_ref(), severity(b).as_ref(), descending)
                    }
                    // A build whose revision is not known is the oldest of its kind.
                    OrderBy::Build => {
                        let build = |keys: &[Option<Key>]| {
                            keys[0].clone().map(|build| match (build, &keys[1]) {
                                (Key::Number(build), Some(Key::Number(ubr))) => {
                                    Key::Number(build << 32 | ubr)
                                }
                                (Key::Number(build), _) => Key::Number(build << 32),
                                (other, _) => other,
                            })
                        };
                        compared(build(a).as_ref(), build(b).as_ref(), descending)
                    }
                    _ => compared(a[0].as_ref(), b[0].as_ref(), descending),
                });
                assert_eq!(met, plain, "{wanted:?} {issue:?} {by}");
            }
        }
    }
}

pub(crate) async fn a_list_goes_on_where_it_was_left_though_the_last_word_is_gone(store: Fixture) {
    fleet(&store).await;
    let order = Order {
        by: OrderBy::Ou,
        descending: true,
    };
    let fields = [Field::Name, Field::Ou];
    let page = Page {
        after: None,
        limit: 1,
    };
    let everyone = Filter::Everything;
    let cells = store
        .cells(&Scope::All, None, &everyone, &fields, order, &page)
        .await
        .unwrap();
    // The last one seen is now of a word that sorts elsewhere; those after its old one still come.
    let mut change = store.change(cells.key(0)).await;
    change.summary = Some(DeviceSummary {
        ou: "a".to_owned(),
        ..summary("moved")
    });
    store.done(change).await;
    let page = Page {
        after: cells.next,
        limit: 100,
    };
    let rest = store
        .cells(&Scope::All, None, &everyone, &fields, order, &page)
        .await
        .unwrap();
    assert_eq!(rest.rows(), 23, "22 others, and the one that moved behind");
}
