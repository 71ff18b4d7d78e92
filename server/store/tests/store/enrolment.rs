//! Tokens, keys and certificates.

use sickbay_store::{
    Approval, AuditQuery, DeviceIdentity, DeviceStatus, Ended, EnrolOutcome, EnrolRequest,
    Introduction, IssuedCertificate, NewAudit, NewToken, Scope, StoreError, action,
};
use uuid::Uuid;

use crate::fixture::{Fixture, at, filter, machine, request, token};

fn device(outcome: EnrolOutcome) -> sickbay_store::DeviceIdentity {
    match outcome {
        EnrolOutcome::Device(identity) => identity,
        other => panic!("not enrolled: {other:?}"),
    }
}

pub(crate) async fn a_key_enrols_once_and_costs_one_use(store: Fixture) {
    let kept = store
        .create_token(
            NewToken {
                use_limit: Some(1),
                tags: vec!["berlin".to_owned()],
                ..token(b"t")
            },
            "test",
        )
        .await
        .unwrap();
    let first = device(store.enrol(request(b"t", b"k1", "PC-1")).await.unwrap());
    assert_eq!(first.status, DeviceStatus::Pending);
    let again = device(store.enrol(request(b"t", b"k1", "PC-1")).await.unwrap());
    assert_eq!(first, again);
    assert_eq!(store.tokens().await.unwrap()[0].uses, 1);
    assert_eq!(
        store.enrol(request(b"t", b"k2", "PC-2")).await.unwrap(),
        EnrolOutcome::TokenUsedUp
    );

    // A device that waits for approval still finds itself after its token has ended.
    assert!(store.revoke_token(kept.id, "test", at(200)).await.unwrap());
    assert_eq!(
        device(store.enrol(request(b"t", b"k1", "PC-1")).await.unwrap()),
        first
    );
    assert_eq!(
        store.device_by_key(b"k1").await.unwrap(),
        Some(first.clone())
    );
    assert_eq!(store.device_by_key(b"k2").await.unwrap(), None);
    let detail = store.device(&Scope::All, first.id).await.unwrap().unwrap();
    assert_eq!(detail.row.summary.name, "PC-1");
    assert_eq!(detail.row.summary.domain, "corp.example.org");
    assert_eq!(detail.row.tags, ["berlin"]);
    assert_eq!(detail.collector_version, "0.1.0");
    assert_eq!(detail.row.enrolled_at, at(100));
}

pub(crate) async fn a_use_limit_is_exact_when_many_come_at_once(store: Fixture) {
    store
        .create_token(
            NewToken {
                use_limit: Some(5),
                ..token(b"t")
            },
            "test",
        )
        .await
        .unwrap();
    let mut tasks = Vec::new();
    for number in 0..20_u8 {
        let store = store.store();
        tasks.push(tokio::spawn(async move {
            store
                .enrol(request(b"t", &[number; 32], "PC"))
                .await
                .unwrap()
        }));
    }
    let mut enrolled = 0;
    for task in tasks {
        match task.await.unwrap() {
            EnrolOutcome::Device(_) => enrolled += 1,
            other => assert_eq!(other, EnrolOutcome::TokenUsedUp),
        }
    }
    assert_eq!(enrolled, 5);
    assert_eq!(store.tokens().await.unwrap()[0].uses, 5);
    assert_eq!(store.fleet_counts(&Scope::All).await.unwrap().pending, 5);
}

pub(crate) async fn each_refusal_of_a_token_has_its_reason(store: Fixture) {
    let over = NewToken {
        expires_at: Some(at(100)),
        ..token(b"over")
    };
    store.create_token(over, "test").await.unwrap();
    let revoked = store.create_token(token(b"revoked"), "test").await.unwrap();
    assert!(
        store
            .revoke_token(revoked.id, "test", at(50))
            .await
            .unwrap()
    );
    assert!(
        !store
            .revoke_token(Uuid::nil(), "test", at(50))
            .await
            .unwrap()
    );
    for (hash, outcome) in [
        (b"none".as_slice(), EnrolOutcome::TokenUnknown),
        (b"over", EnrolOutcome::TokenExpired),
        (b"revoked", EnrolOutcome::TokenRevoked),
    ] {
        assert_eq!(
            store.enrol(request(hash, b"k", "PC")).await.unwrap(),
            outcome
        );
    }
    assert_eq!(store.device_by_key(b"k").await.unwrap(), None);
    assert_eq!(store.fleet_counts(&Scope::All).await.unwrap().pending, 0);
}

pub(crate) async fn tokens_are_listed_newest_first(store: Fixture) {
    for (hash, made) in [(b"a", 1), (b"b", 3), (b"c", 2)] {
        let token = NewToken {
            name: String::from_utf8_lossy(hash).into_owned(),
            created_at: at(made),
            expires_at: Some(at(9)),
            use_limit: Some(4),
            ..token(hash)
        };
        let kept = store.create_token(token, "test").await.unwrap();
        assert_eq!((kept.uses, kept.revoked_at), (0, None));
    }
    let tokens = store.tokens().await.unwrap();
    let names: Vec<&str> = tokens.iter().map(|token| token.name.as_str()).collect();
    assert_eq!(names, ["b", "c", "a"]);
    assert_eq!(tokens[0].expires_at, Some(at(9)));
    assert_eq!(tokens[0].use_limit, Some(4));
    // The same secret twice would let one token's limit hide the other's.
    let twice = store.create_token(token(b"a"), "test").await.unwrap_err();
    assert!(matches!(twice, StoreError::Refused { .. }), "{twice:?}");
}

pub(crate) async fn a_token_is_found_by_its_hash_whatever_became_of_it(store: Fixture) {
    assert!(store.token(b"a").await.unwrap().is_none());
    let kept = store.create_token(token(b"a"), "test").await.unwrap();
    store.create_token(token(b"b"), "test").await.unwrap();
    let found = store.token(b"a").await.unwrap().unwrap();
    assert_eq!((found.id, found.revoked_at), (kept.id, None));
    assert!(store.revoke_token(kept.id, "test", at(5)).await.unwrap());
    let revoked = store.token(b"a").await.unwrap().unwrap();
    assert_eq!((revoked.id, revoked.revoked_at), (kept.id, Some(at(5))));
}

pub(crate) async fn an_approving_token_makes_active_devices(store: Fixture) {
    let identity = store.active("PC").await;
    assert_eq!(identity.status, DeviceStatus::Active);
    let counts = store.fleet_counts(&Scope::All).await.unwrap();
    assert_eq!(
        (counts.active(), counts.never_reported, counts.pending),
        (1, 1, 0)
    );
}

pub(crate) async fn a_renewed_key_joins_its_device_and_a_foreign_one_never_moves(store: Fixture) {
    let token = store.approving_token(&[]).await;
    let mine = device(store.enrol(request(&token, b"k1", "PC-1")).await.unwrap());
    let other = device(store.enrol(request(&token, b"k2", "PC-2")).await.unwrap());
    let certificate = |serial: &[u8], key: &[u8], not_after| IssuedCertificate {
        device_key: mine.key,
        serial: serial.to_vec(),
        key_sha256: key.to_vec(),
        issued_at: at(100),
        not_after: at(not_after),
        ca: 1,
        line: None,
    };
    let recorded = store
        .record_certificates(vec![
            certificate(b"s1", b"k1", 900),
            certificate(b"s2", b"k3", 800),
        ])
        .await
        .unwrap();
    assert_eq!(recorded, [true, true]);
    assert_eq!(
        store.device_by_key(b"k3").await.unwrap(),
        Some(mine.clone())
    );

    // A key of another device, a serial number that is taken, and one that harms nobody beside them.
    let recorded = store
        .record_certificates(vec![
            certificate(b"s3", b"k2", 700),
            certificate(b"s1", b"k1", 950),
            certificate(b"s4", b"k1", 890),
        ])
        .await
        .unwrap();
    assert_eq!(recorded, [false, false, true]);
    assert_eq!(store.device_by_key(b"k2").await.unwrap(), Some(other));

    let detail = store.device(&Scope::All, mine.id).await.unwrap().unwrap();
    assert_eq!(detail.certificate_not_after, Some(at(900)));
}

pub(crate) async fn who_left_the_fleet_meanwhile_gets_no_certificate_and_no_line(store: Fixture) {
    let gone = store.active("PC-1").await;
    let stays = store.active("PC-2").await;
    store.put_status(&gone, DeviceStatus::Revoked).await;
    let certificate = |of: &DeviceIdentity, serial: &[u8]| IssuedCertificate {
        device_key: of.key,
        serial: serial.to_vec(),
        key_sha256: [b"key of ", serial].concat(),
        issued_at: at(100),
        not_after: at(900),
        ca: 1,
        line: Some(NewAudit {
            device: Some(of.id),
            ..NewAudit::new(at(100), "the device", action::RECOVERED, "its certificate")
        }),
    };
    let recorded = store
        .record_certificates(vec![certificate(&gone, b"s1"), certificate(&stays, b"s2")])
        .await
        .unwrap();
    assert_eq!(recorded, [false, true]);
    let newest = async |id| {
        let lines = store.audit(&AuditQuery::of(id, 1)).await.unwrap();
        lines[0].action.clone()
    };
    assert_eq!(newest(gone.id).await, action::REVOKED);
    assert_eq!(newest(stays.id).await, action::RECOVERED);
}

/// A token by which the imported list lets machines in.
async fn list_token(store: &Fixture, hash: &[u8]) {
    let token = NewToken {
        approval: Approval::List,
        ..token(hash)
    };
    store.create_token(token, "test").await.unwrap();
}

const HOUR: i64 = 3_600_000;

fn asks(key: &[u8], name: &str, fingerprint: &str, now: i64) -> EnrolRequest {
    EnrolRequest {
        fingerprint: fingerprint.to_owned(),
        live_since: at(now - HOUR),
        now: at(now),
        ..request(b"list", key, name)
    }
}

pub(crate) async fn the_list_lets_in_whom_it_names_and_nobody_into_a_held_place(store: Fixture) {
    list_token(&store, b"list").await;
    store
        .import_machines(
            vec![
                machine("PC-1", "corp.example.org", ""),
                machine("PC-2", "", ""),
            ],
            "test",
            at(1),
        )
        .await
        .unwrap();
    let status = async |request| device(store.enrol(request).await.unwrap()).status;
    let (active, pending) = (DeviceStatus::Active, DeviceStatus::Pending);
    assert_eq!(status(asks(b"1", "pc-1", "f1", 10)).await, active);
    assert_eq!(status(asks(b"2", "PC-2", "f2", 10)).await, active);
    assert_eq!(
        status(asks(b"3", "PC-3", "f3", 10)).await,
        pending,
        "not listed"
    );
    let elsewhere = EnrolRequest {
        domain: "evil.example.org".to_owned(),
        ..asks(b"4", "PC-1", "f1", 10)
    };
    assert_eq!(status(elsewhere).await, pending, "another domain");
    assert_eq!(
        status(asks(b"5", "PC-1", "f1", 20)).await,
        pending,
        "it lives"
    );
    // Hours later the device that held the place has been silent, and the list still names the machine.
    let later = 3 * HOUR;
    assert_eq!(
        status(asks(b"6", "PC-1", "f9", later)).await,
        pending,
        "other firmware"
    );
    let newcomer = device(store.enrol(asks(b"7", "PC-1", "f1", later)).await.unwrap());
    assert_eq!(newcomer.status, active);
    let former = store.device_by_key(b"1").await.unwrap().unwrap();
    assert_eq!(former.status, DeviceStatus::Replaced);
    let detail = store.device(&Scope::All, former.id).await.unwrap().unwrap();
    assert_eq!(detail.life.ended, Some(Ended::Reimaged));
    assert_eq!(detail.life.successor.unwrap().device, newcomer);
    let detail = store
        .device(&Scope::All, newcomer.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(detail.life.predecessors[0].device, former);
    assert_eq!(detail.life.token.as_deref(), Some("GPO"));
    // Whoever comes back with the key of before is not let in again by it.
    assert_eq!(
        device(store.enrol(asks(b"1", "PC-1", "f1", later)).await.unwrap()).status,
        DeviceStatus::Replaced
    );
    let said = store.audit(&AuditQuery::of(former.id, 10)).await.unwrap();
    let words: Vec<&str> = said.iter().map(|line| line.action.as_str()).collect();
    assert_eq!(words, [action::REPLACED, action::ENROLLED]);
    assert!(said[0].detail.contains(&newcomer.id.to_string()));
}

pub(crate) async fn who_waits_for_the_list_comes_in_once_nothing_stands_in_the_way(store: Fixture) {
    list_token(&store, b"list").await;
    let waits = device(store.enrol(asks(b"1", "PC-1", "f", 10)).await.unwrap());
    assert_eq!(waits.status, DeviceStatus::Pending);
    store
        .import_machines(
            vec![machine("PC-1", "corp.example.org", "")],
            "test",
            at(20),
        )
        .await
        .unwrap();
    let again = device(store.enrol(asks(b"1", "PC-1", "f", 30)).await.unwrap());
    assert_eq!((again.id, again.status), (waits.id, DeviceStatus::Active));
    let counts = store.fleet_counts(&Scope::All).await.unwrap();
    assert_eq!((counts.active(), counts.pending), (1, 0));
    assert_eq!(store.tokens().await.unwrap()[0].uses, 1);

    // A token that was revoked meanwhile lets nobody in any more.
    let other = device(store.enrol(asks(b"2", "PC-2", "f", 40)).await.unwrap());
    let token = store.tokens().await.unwrap().remove(0);
    assert!(store.revoke_token(token.id, "test", at(50)).await.unwrap());
    store
        .import_machines(
            vec![machine("PC-2", "corp.example.org", "")],
            "test",
            at(60),
        )
        .await
        .unwrap();
    let again = device(store.enrol(asks(b"2", "PC-2", "f", 70)).await.unwrap());
    assert_eq!((again.id, again.status), (other.id, DeviceStatus::Pending));
}

pub(crate) async fn a_token_is_for_its_scope_and_its_rate(store: Fixture) {
    let token = NewToken {
        scope: filter("domain:corp.example.org name:PC-*"),
        per_hour: Some(2),
        ..token(b"list")
    };
    store.create_token(token, "test").await.unwrap();
    let ask = async |key: &[u8], name, now| store.enrol(asks(key, name, "f", now)).await.unwrap();
    assert_eq!(ask(b"0", "SRV-1", 5).await, EnrolOutcome::TokenElsewhere);
    device(ask(b"1", "PC-1", 10).await);
    device(ask(b"2", "PC-2", 20).await);
    assert_eq!(
        ask(b"3", "PC-3", 1_000).await,
        EnrolOutcome::TokenBusy {
            retry_after_ms: 3_600_000 - 1_000
        }
    );
    device(ask(b"3", "PC-3", HOUR).await);
    assert_eq!(store.tokens().await.unwrap()[0].uses, 3);
    assert_eq!(
        store.tokens().await.unwrap()[0].scope,
        "domain:corp.example.org PC-*"
    );
}

pub(crate) async fn many_enrol_in_one_transaction_as_if_one_after_the_other(store: Fixture) {
    let token = NewToken {
        use_limit: Some(3),
        tags: vec!["berlin".to_owned()],
        ..token(b"list")
    };
    store.create_token(token, "test").await.unwrap();
    let requests = vec![
        asks(b"1", "PC-1", "f", 10),
        asks(b"2", "PC-2", "f", 10),
        asks(b"1", "PC-1", "f", 10),
        asks(b"3", "PC-3", "f", 10),
        asks(b"4", "PC-4", "f", 10),
        EnrolRequest {
            by: Introduction::Token(b"none".to_vec()),
            ..asks(b"5", "PC-5", "f", 10)
        },
    ];
    let outcomes = store.enrol_all(requests).await.unwrap();
    assert_eq!(outcomes[0], outcomes[2]);
    assert_eq!(
        outcomes[4..],
        [EnrolOutcome::TokenUsedUp, EnrolOutcome::TokenUnknown]
    );
    assert_eq!(store.tokens().await.unwrap()[0].uses, 3);
    assert_eq!(store.fleet_counts(&Scope::All).await.unwrap().pending, 3);
}

pub(crate) async fn certificates_that_ended_go_with_the_next_one_and_the_newest_stays(
    store: Fixture,
) {
    let (mine, other) = (store.active("a").await, store.active("b").await);
    let certificate = |of: &DeviceIdentity, serial: i64, issued_at, not_after| IssuedCertificate {
        device_key: of.key,
        serial: serial.to_be_bytes().to_vec(),
        key_sha256: format!("key of {}", of.id).into_bytes(),
        issued_at: at(issued_at),
        not_after: at(not_after),
        ca: 1,
        line: None,
    };
    let kept = async || -> usize {
        let tables = sickbay_store::dump(&store.url).await.unwrap();
        let of = tables.iter().find(|(table, _)| table == "certificate");
        of.unwrap().1.len()
    };
    for (all, kept_then) in [
        (vec![certificate(&other, 9, 0, 10)], 1),
        (vec![certificate(&mine, 1, 0, 30)], 2),
        (vec![certificate(&mine, 2, 15, 45)], 3),
        // The first one ends now.
        (vec![certificate(&mine, 3, 30, 60)], 3),
        // Long away: all of them have ended, and the other device's is its own.
        (vec![certificate(&mine, 4, 500, 530)], 2),
    ] {
        assert_eq!(store.record_certificates(all).await.unwrap(), [true]);
        assert_eq!(kept().await, kept_then);
    }
    let found = store.device(&Scope::All, mine.id).await.unwrap().unwrap();
    assert_eq!(found.certificate_not_after, Some(at(530)));
    let found = store.device(&Scope::All, other.id).await.unwrap().unwrap();
    assert_eq!(found.certificate_not_after, Some(at(10)));
}
