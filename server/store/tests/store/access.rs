//! Sign-in links, sessions, API tokens, settings.

use sickbay_store::{NewApiToken, NewSession, StoreError};
use uuid::Uuid;

use crate::fixture::{Fixture, at};

pub(crate) async fn a_sign_in_link_works_once_and_not_after_its_end(store: Fixture) {
    store.create_sign_in_link(b"one", at(100)).await.unwrap();
    store.create_sign_in_link(b"two", at(100)).await.unwrap();
    assert!(!store.take_sign_in_link(b"none", at(50)).await.unwrap());
    assert!(store.take_sign_in_link(b"one", at(99)).await.unwrap());
    assert!(!store.take_sign_in_link(b"one", at(99)).await.unwrap());
    assert!(!store.take_sign_in_link(b"two", at(100)).await.unwrap());
}

pub(crate) async fn a_session_lives_until_it_ends_or_is_ended(store: Fixture) {
    let session = |hash: &[u8], created, expires| NewSession {
        hash: hash.to_vec(),
        csrf: format!("csrf {expires}"),
        created_at: at(created),
        expires_at: at(expires),
    };
    store.create_session(session(b"a", 0, 100)).await.unwrap();
    store.create_session(session(b"b", 0, 200)).await.unwrap();
    let found = store.session(b"a", at(99)).await.unwrap().unwrap();
    assert_eq!(
        (found.csrf.as_str(), found.expires_at),
        ("csrf 100", at(100))
    );
    assert!(store.session(b"a", at(100)).await.unwrap().is_none());
    store.end_session(b"b").await.unwrap();
    store.end_session(b"b").await.unwrap();
    assert!(store.session(b"b", at(0)).await.unwrap().is_none());

    // Opening one forgets those that are over, so the table does not grow for ever.
    store.create_session(session(b"c", 150, 300)).await.unwrap();
    assert!(store.session(b"a", at(0)).await.unwrap().is_none());
    assert!(store.session(b"c", at(0)).await.unwrap().is_some());
}

pub(crate) async fn an_api_token_is_found_by_its_hash_until_revoked_or_over(store: Fixture) {
    let token = |hash: &[u8], created, expires: Option<i64>| NewApiToken {
        hash: hash.to_vec(),
        name: format!("token {created}"),
        created_at: at(created),
        expires_at: expires.map(at),
    };
    let lasting = store.create_api_token(token(b"a", 1, None)).await.unwrap();
    let ending = store
        .create_api_token(token(b"b", 2, Some(100)))
        .await
        .unwrap();
    assert_eq!(
        store.api_token(b"a", at(9_999)).await.unwrap().unwrap().id,
        lasting.id
    );
    assert_eq!(
        store.api_token(b"b", at(99)).await.unwrap().unwrap().id,
        ending.id
    );
    assert!(store.api_token(b"b", at(100)).await.unwrap().is_none());
    assert!(store.api_token(b"c", at(0)).await.unwrap().is_none());

    assert!(store.revoke_api_token(lasting.id, at(50)).await.unwrap());
    assert!(store.revoke_api_token(lasting.id, at(60)).await.unwrap());
    assert!(!store.revoke_api_token(Uuid::nil(), at(60)).await.unwrap());
    assert!(store.api_token(b"a", at(40)).await.unwrap().is_none());
    let all = store.api_tokens().await.unwrap();
    let seen: Vec<_> = all
        .iter()
        .map(|row| (row.name.as_str(), row.revoked_at))
        .collect();
    assert_eq!(seen, [("token 2", None), ("token 1", Some(at(50)))]);
    let twice = store
        .create_api_token(token(b"a", 3, None))
        .await
        .unwrap_err();
    assert!(matches!(twice, StoreError::Refused { .. }), "{twice:?}");
}

pub(crate) async fn settings_keep_the_last_value(store: Fixture) {
    assert_eq!(store.setting("expectations").await.unwrap(), None);
    for json in [r#"{"a":1}"#, r#"{"a":2}"#] {
        store
            .put_setting("expectations", json, at(1))
            .await
            .unwrap();
        assert_eq!(
            store.setting("expectations").await.unwrap().as_deref(),
            Some(json)
        );
    }
}

pub(crate) async fn the_database_says_that_it_can_be_written(store: Fixture) {
    store.check_writable(at(1)).await.unwrap();
    store.check_writable(at(2)).await.unwrap();
}
