//! The record: chained, sealed, cut by age; whatever is done to it behind the store's back is found.

use sickbay_store::{AuditQuery, Fault, NewAudit, Verified, action};

use crate::fixture::{Fixture, at};

fn line(n: i64) -> NewAudit {
    NewAudit {
        at: at(n * 1_000),
        actor: "Ann".to_owned(),
        action: if n % 2 == 0 {
            action::APPROVED
        } else {
            action::REVOKED
        },
        device: None,
        subject: format!("PC-{n}"),
        detail: "said so".to_owned(),
    }
}

async fn with_lines(store: &Fixture, lines: i64) {
    for n in 1..=lines {
        store.record(vec![line(n)]).await.unwrap();
    }
}

async fn fault(store: &Fixture) -> Fault {
    match store.verify_audit().await.unwrap() {
        Verified::Broken(fault) => fault,
        sound @ Verified::Sound { .. } => panic!("{sound:?}"),
    }
}

async fn sound(store: &Fixture) -> (u64, i64, Option<i64>) {
    match store.verify_audit().await.unwrap() {
        Verified::Sound { lines, last, since } => (lines, last, since.map(|since| since.last)),
        broken @ Verified::Broken(_) => panic!("{broken:?}"),
    }
}

pub(crate) async fn a_record_that_nobody_touched_is_sound(store: Fixture) {
    assert_eq!(sound(&store).await, (0, 0, None));
    with_lines(&store, 5).await;
    store.record((6..=9).map(line).collect()).await.unwrap();
    store.record(Vec::new()).await.unwrap();
    assert_eq!(sound(&store).await, (9, 9, None));
}

/// What can be done to lines, and what is found.
const TAMPERING: &[(&[&str], Fault)] = &[
    (
        &["UPDATE audit SET actor = 'Bob' WHERE id = 7"],
        Fault::Line { line: 7 },
    ),
    (
        &["UPDATE audit SET detail = '' WHERE id = 7"],
        Fault::Line { line: 7 },
    ),
    (
        &["UPDATE audit SET at = at + 1 WHERE id = 7"],
        Fault::Line { line: 7 },
    ),
    (
        &["UPDATE audit SET hash = X'00' WHERE id = 7"],
        Fault::Line { line: 7 },
    ),
    (&["DELETE FROM audit WHERE id = 7"], Fault::Line { line: 8 }),
    (&["DELETE FROM audit WHERE id < 7"], Fault::Line { line: 7 }),
    (
        &["DELETE FROM audit WHERE id = 10"],
        Fault::End {
            ends: 9,
            sealed: 10,
        },
    ),
    (
        &[
            "DELETE FROM audit WHERE id = 10",
            "UPDATE audit_head SET last = 9, hash = (SELECT hash FROM audit WHERE id = 9)",
        ],
        Fault::HeadSeal { last: 9 },
    ),
    (
        &[
            "UPDATE audit SET id = 99 WHERE id = 7",
            "UPDATE audit SET id = 7 WHERE id = 8",
            "UPDATE audit SET id = 8 WHERE id = 99",
        ],
        Fault::Line { line: 7 },
    ),
    (
        &[
            "INSERT INTO audit SELECT 11, at, actor, action, device_id, subject, detail, hash FROM audit WHERE id = 10",
        ],
        Fault::Line { line: 11 },
    ),
    (&["DELETE FROM audit_head"], Fault::NoHead),
    (
        &["DELETE FROM audit", "DELETE FROM audit_head"],
        Fault::NoHead,
    ),
    (
        &[
            "INSERT INTO audit SELECT -1, at, actor, action, device_id, subject, detail, hash FROM audit WHERE id = 10",
        ],
        Fault::Line { line: -1 },
    ),
    // Made to look old, so that it is removed by age.
    (
        &["UPDATE audit SET at = 0, actor = 'Bob' WHERE id <= 3"],
        Fault::Line { line: 1 },
    ),
    (
        &["UPDATE audit_head SET seal = X'00'"],
        Fault::HeadSeal { last: 10 },
    ),
];

pub(crate) async fn whatever_is_done_to_the_record_is_found_and_stays_found(store: Fixture) {
    with_lines(&store, 10).await;
    for (statements, expected) in TAMPERING {
        store
            .behind_its_back(&[
                "CREATE TABLE kept_lines AS SELECT * FROM audit",
                "CREATE TABLE kept_head AS SELECT * FROM audit_head",
            ])
            .await;
        store.behind_its_back(statements).await;
        assert_eq!(&fault(&store).await, expected, "{statements:?}");
        // Life goes on, and heals nothing: neither by another line nor by removing old ones.
        store.record(vec![line(11)]).await.unwrap();
        assert!(
            matches!(store.verify_audit().await.unwrap(), Verified::Broken(_)),
            "{statements:?}"
        );
        store.cut_audit(at(5_000), 100, at(20_000)).await.unwrap();
        assert!(
            matches!(store.verify_audit().await.unwrap(), Verified::Broken(_)),
            "cut: {statements:?}"
        );
        store
            .behind_its_back(&[
                "DELETE FROM audit",
                "DELETE FROM audit_head",
                "DELETE FROM audit_checkpoint",
                "INSERT INTO audit SELECT * FROM kept_lines",
                "INSERT INTO audit_head SELECT * FROM kept_head",
                "DROP TABLE kept_lines",
                "DROP TABLE kept_head",
            ])
            .await;
        assert_eq!(sound(&store).await, (10, 10, None));
    }
}

pub(crate) async fn old_lines_go_in_steps_and_what_is_left_is_still_proven(store: Fixture) {
    with_lines(&store, 10).await;
    // Up to the first line since then, two at a time.
    for (removed, since) in [(2, Some(2)), (2, Some(4)), (1, Some(5)), (0, Some(5))] {
        let went = store.cut_audit(at(6_000), 2, at(20_000)).await.unwrap();
        assert_eq!(went, removed);
        let (lines, last, begins) = sound(&store).await;
        assert_eq!((last, begins), (10, since));
        assert_eq!(i64::try_from(lines).unwrap(), 10 - since.unwrap());
    }
    for (statements, expected) in [
        (
            &["UPDATE audit SET subject = 'x' WHERE id = 6"][..],
            Fault::Line { line: 6 },
        ),
        (&["DELETE FROM audit WHERE id = 6"], Fault::Line { line: 7 }),
        (&["DELETE FROM audit_checkpoint"], Fault::Line { line: 6 }),
        (
            &[
                "DELETE FROM audit WHERE id = 6",
                "UPDATE audit_checkpoint SET last = 6",
            ],
            Fault::CheckpointSeal { last: 6 },
        ),
    ] {
        store
            .behind_its_back(&[
                "CREATE TABLE kept_lines AS SELECT * FROM audit",
                "CREATE TABLE kept_point AS SELECT * FROM audit_checkpoint",
            ])
            .await;
        store.behind_its_back(statements).await;
        assert_eq!(fault(&store).await, expected, "{statements:?}");
        store
            .behind_its_back(&[
                "DELETE FROM audit",
                "DELETE FROM audit_checkpoint",
                "INSERT INTO audit SELECT * FROM kept_lines",
                "INSERT INTO audit_checkpoint SELECT * FROM kept_point",
                "DROP TABLE kept_lines",
                "DROP TABLE kept_point",
            ])
            .await;
    }
    // The newest line stays, however old it is.
    while store
        .cut_audit(at(1_000_000), 100, at(30_000))
        .await
        .unwrap()
        > 0
    {}
    assert_eq!(sound(&store).await, (1, 10, Some(9)));
    with_lines(&store, 3).await;
    assert_eq!(sound(&store).await, (4, 13, Some(9)));
}

pub(crate) async fn what_lost_its_seal_is_not_chained_again_by_another_migration(store: Fixture) {
    with_lines(&store, 3).await;
    store
        .behind_its_back(&[
            "UPDATE audit SET actor = 'Bob', hash = X''",
            "DELETE FROM audit_head",
        ])
        .await;
    sickbay_store::migrate(&store.url, std::sync::Arc::new(crate::fixture::TestSeal))
        .await
        .unwrap();
    assert!(matches!(
        store.verify_audit().await.unwrap(),
        Verified::Broken(_)
    ));
}

pub(crate) async fn a_record_is_sealed_anew_only_by_an_order_that_stands_in_it(store: Fixture) {
    with_lines(&store, 3).await;
    store
        .behind_its_back(&["UPDATE audit_head SET seal = X'00'"])
        .await;
    assert_eq!(fault(&store).await, Fault::HeadSeal { last: 3 });
    store.seal_audit_anew(line(4)).await.unwrap();
    assert_eq!(sound(&store).await, (4, 4, None));
    let newest = store.audit(&AuditQuery::newest(1)).await.unwrap();
    assert_eq!(newest[0].subject, "PC-4");
}

pub(crate) async fn the_record_is_searched_by_who_what_and_when(store: Fixture) {
    with_lines(&store, 10).await;
    let mut other = line(11);
    "50%_bob".clone_into(&mut other.actor);
    store.record(vec![other]).await.unwrap();
    let found = async |query: AuditQuery| -> Vec<i64> {
        let lines = store.audit(&query).await.unwrap();
        lines.iter().map(|line| line.id).collect()
    };
    let all = AuditQuery::newest(100);
    assert_eq!(found(all.clone()).await.len(), 11);
    for (query, ids) in [
        (
            AuditQuery {
                action: action::APPROVED.to_owned(),
                ..all.clone()
            },
            vec![10, 8, 6, 4, 2],
        ),
        (
            AuditQuery {
                actor: "%_B".to_owned(),
                ..all.clone()
            },
            vec![11],
        ),
        (
            AuditQuery {
                actor: "nn".to_owned(),
                limit: 2,
                ..all.clone()
            },
            vec![10, 9],
        ),
        (
            AuditQuery {
                text: "pc-1".to_owned(),
                ..all.clone()
            },
            vec![11, 10, 1],
        ),
        (
            AuditQuery {
                text: "SAID".to_owned(),
                before: Some(3),
                ..all.clone()
            },
            vec![2, 1],
        ),
        (
            AuditQuery {
                since: Some(at(4_000)),
                until: Some(at(6_000)),
                ..all.clone()
            },
            vec![5, 4],
        ),
    ] {
        assert_eq!(found(query.clone()).await, ids, "{query:?}");
    }
}
