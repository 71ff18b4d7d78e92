//! Tokens, keys and certificates.

use sickbay_store::{DeviceStatus, EnrolOutcome, IssuedCertificate, NewToken, Scope, StoreError};
use uuid::Uuid;

use crate::fixture::{Fixture, at, request, token};

fn device(outcome: EnrolOutcome) -> sickbay_store::DeviceIdentity {
    match outcome {
        EnrolOutcome::Device(identity) => identity,
        other => panic!("not enrolled: {other:?}"),
    }
}

pub(crate) async fn a_key_enrols_once_and_costs_one_use(store: Fixture) {
    let kept = store
        .create_token(NewToken {
            use_limit: Some(1),
            tags: vec!["berlin".to_owned()],
            ..token(b"t")
        })
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
    assert!(store.revoke_token(kept.id, at(200)).await.unwrap());
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
        .create_token(NewToken {
            use_limit: Some(5),
            ..token(b"t")
        })
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
    store.create_token(over).await.unwrap();
    let revoked = store.create_token(token(b"revoked")).await.unwrap();
    assert!(store.revoke_token(revoked.id, at(50)).await.unwrap());
    assert!(!store.revoke_token(Uuid::nil(), at(50)).await.unwrap());
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
        let kept = store.create_token(token).await.unwrap();
        assert_eq!((kept.uses, kept.revoked_at), (0, None));
    }
    let tokens = store.tokens().await.unwrap();
    let names: Vec<&str> = tokens.iter().map(|token| token.name.as_str()).collect();
    assert_eq!(names, ["b", "c", "a"]);
    assert_eq!(tokens[0].expires_at, Some(at(9)));
    assert_eq!(tokens[0].use_limit, Some(4));
    // The same secret twice would let one token's limit hide the other's.
    let twice = store.create_token(token(b"a")).await.unwrap_err();
    assert!(matches!(twice, StoreError::Refused { .. }), "{twice:?}");
}

pub(crate) async fn a_token_is_found_by_its_hash_whatever_became_of_it(store: Fixture) {
    assert!(store.token(b"a").await.unwrap().is_none());
    let kept = store.create_token(token(b"a")).await.unwrap();
    store.create_token(token(b"b")).await.unwrap();
    let found = store.token(b"a").await.unwrap().unwrap();
    assert_eq!((found.id, found.revoked_at), (kept.id, None));
    assert!(store.revoke_token(kept.id, at(5)).await.unwrap());
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
    };
    store
        .record_certificate(certificate(b"s1", b"k1", 900))
        .await
        .unwrap();
    store
        .record_certificate(certificate(b"s2", b"k3", 800))
        .await
        .unwrap();
    assert_eq!(
        store.device_by_key(b"k3").await.unwrap(),
        Some(mine.clone())
    );

    let stolen = store
        .record_certificate(certificate(b"s3", b"k2", 700))
        .await;
    assert!(
        matches!(stolen, Err(StoreError::Refused { .. })),
        "{stolen:?}"
    );
    assert_eq!(store.device_by_key(b"k2").await.unwrap(), Some(other));
    let serial_again = store
        .record_certificate(certificate(b"s1", b"k1", 950))
        .await;
    assert!(
        matches!(serial_again, Err(StoreError::Refused { .. })),
        "{serial_again:?}"
    );

    let detail = store.device(&Scope::All, mine.id).await.unwrap().unwrap();
    assert_eq!(detail.certificate_not_after, Some(at(900)));
}
