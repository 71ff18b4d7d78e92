//! Sign-in links, sessions, API tokens, settings.

use sickbay_store::{
    Access, AccountMade, AccountRow, AccountSource, AuditQuery, NewApiToken, NewAudit, NewSession,
    Role, Scope, StoreError, action,
};
use uuid::Uuid;

use crate::fixture::{Fixture, at, filter};

/// A line of the record that a test does not look at.
fn line() -> NewAudit {
    NewAudit::new(at(1), "test", action::SIGNED_IN, "by test")
}

async fn link(store: &Fixture, hash: &[u8], account: Option<Uuid>) {
    store
        .create_sign_in_link(hash, account, at(100), line())
        .await
        .unwrap();
}

async fn account(store: &Fixture, name: &str, access: &Access) -> AccountRow {
    match store
        .create_account(name, access, "test", at(1))
        .await
        .unwrap()
    {
        AccountMade::Made(account) => account,
        AccountMade::NameTaken => panic!("{name} is taken"),
    }
}

fn scoped(role: Role, text: &str) -> Access {
    Access {
        role,
        scope: Scope::Matching(filter(text)),
    }
}

pub(crate) async fn a_sign_in_link_works_once_and_not_after_its_end(store: Fixture) {
    link(&store, b"one", None).await;
    link(&store, b"two", None).await;
    let of = Uuid::now_v7();
    link(&store, b"three", Some(of)).await;
    let take = async |hash: &[u8], now| {
        let taken = store.take_sign_in_link(hash, at(now)).await.unwrap();
        taken.map(|taken| taken.account)
    };
    assert_eq!(take(b"none", 50).await, None);
    assert_eq!(take(b"one", 99).await, Some(None));
    assert_eq!(take(b"one", 99).await, None);
    assert_eq!(take(b"three", 99).await, Some(Some(of)));
    assert_eq!(take(b"two", 100).await, None);
}

fn session(hash: &[u8], account: Option<Uuid>, created: i64, expires: i64) -> NewSession {
    NewSession {
        id: Uuid::now_v7(),
        hash: hash.to_vec(),
        csrf: format!("csrf {expires}"),
        account,
        address: "192.0.2.1".to_owned(),
        agent: "a browser".to_owned(),
        grant_sealed: Vec::new(),
        created_at: at(created),
        expires_at: at(expires),
    }
}

pub(crate) async fn a_session_lives_until_it_ends_or_is_ended(store: Fixture) {
    let open = async |session: NewSession| {
        let id = session.id;
        store.create_session(session, line()).await.unwrap();
        id
    };
    open(session(b"a", None, 0, 100)).await;
    let b = open(session(b"b", None, 0, 200)).await;
    let found = store.session(b"a", at(99)).await.unwrap().unwrap();
    assert_eq!(
        (found.csrf.as_str(), found.expires_at, found.account),
        ("csrf 100", at(100), None)
    );
    assert!(store.session(b"a", at(100)).await.unwrap().is_none());
    assert!(store.end_session(b, line()).await.unwrap());
    assert!(!store.end_session(b, line()).await.unwrap());
    assert!(store.session(b"b", at(0)).await.unwrap().is_none());

    // Opening one forgets those that are over, so the table does not grow for ever.
    let c = open(session(b"c", None, 150, 300)).await;
    assert!(store.session(b"a", at(0)).await.unwrap().is_none());
    store.session_seen(c, at(160)).await.unwrap();
    store.session_seen(c, at(155)).await.unwrap();
    store.session_checked(c, vec![7], at(170)).await.unwrap();
    let all = store.sessions(at(0)).await.unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!(
        (
            all[0].id,
            all[0].seen_at,
            all[0].checked_at,
            &*all[0].grant_sealed
        ),
        (c, at(160), at(170), &[7][..])
    );
    assert_eq!(
        (&*all[0].address, &*all[0].agent),
        ("192.0.2.1", "a browser")
    );
}

pub(crate) async fn what_an_account_may_do_counts_at_once_in_its_sessions(store: Fixture) {
    let ann = account(&store, "Ann", &Access::ALL).await;
    assert_eq!(
        store
            .create_account("ANN", &Access::ALL, "test", at(1))
            .await
            .unwrap(),
        AccountMade::NameTaken
    );
    let found = store.account_of(AccountSource::Local, "ann").await.unwrap();
    assert_eq!(found.as_ref(), Some(&ann));
    store
        .create_session(session(b"a", Some(ann.id), 5, 100), line())
        .await
        .unwrap();
    let of_session = async || {
        let session = store.session(b"a", at(50)).await.unwrap();
        session.map(|session| session.account.unwrap())
    };
    let seen = of_session().await.unwrap();
    assert_eq!(seen.may(), Some(&Access::ALL));
    assert_eq!(seen.signed_in_at, Some(at(5)));
    let less = scoped(Role::Viewer, "tag:berlin");
    assert!(
        store
            .set_access(ann.id, &less, "test", at(6))
            .await
            .unwrap()
    );
    assert_eq!(of_session().await.unwrap().may(), Some(&less));
    assert!(
        !store
            .set_access(Uuid::nil(), &less, "test", at(6))
            .await
            .unwrap()
    );
    // Who is shut out has no session, and no link that still works.
    link(&store, b"link", Some(ann.id)).await;
    assert!(
        store
            .set_disabled(ann.id, true, "test", at(7))
            .await
            .unwrap()
    );
    assert!(of_session().await.is_none());
    assert_eq!(store.take_sign_in_link(b"link", at(8)).await.unwrap(), None);
    let shut = store
        .account_of(AccountSource::Local, "ann")
        .await
        .unwrap()
        .unwrap();
    assert_eq!((shut.may(), shut.disabled_at), (None, Some(at(7))));
    assert!(
        store
            .set_disabled(ann.id, false, "test", at(9))
            .await
            .unwrap()
    );
    let again = store
        .account_of(AccountSource::Local, "ann")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(again.may(), Some(&less));
    let told: Vec<String> = store
        .audit(&AuditQuery::newest(100))
        .await
        .unwrap()
        .into_iter()
        .filter(|line| line.subject.contains("Ann"))
        .map(|line| line.action)
        .collect();
    assert_eq!(
        told,
        [
            "account-enabled",
            "account-disabled",
            "access-changed",
            "account-created"
        ]
    );
}

pub(crate) async fn another_password_ends_every_other_session_and_link(store: Fixture) {
    let ann = account(&store, "Ann", &Access::ALL).await;
    let bob = account(&store, "Bob", &Access::ALL).await;
    let mut kept = Uuid::nil();
    for (hash, of) in [(b"a", ann.id), (b"b", ann.id), (b"c", bob.id)] {
        let session = session(hash, Some(of), 5, 100);
        kept = if hash == b"b" { session.id } else { kept };
        store.create_session(session, line()).await.unwrap();
    }
    link(&store, b"link", Some(ann.id)).await;
    let done = store
        .set_password(ann.id, "hash", Some(kept), "test", at(6))
        .await;
    assert!(done.unwrap());
    for (hash, there) in [(b"a", false), (b"b", true), (b"c", true)] {
        let found = store.session(hash, at(50)).await.unwrap();
        assert_eq!(found.is_some(), there, "{hash:?}");
    }
    assert_eq!(store.take_sign_in_link(b"link", at(8)).await.unwrap(), None);
    let now = store
        .account_of(AccountSource::Local, "ann")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(now.password, "hash");
}

pub(crate) async fn a_directory_says_what_its_people_may_do_and_changes_are_recorded(
    store: Fixture,
) {
    let viewer = scoped(Role::Viewer, "tag:berlin");
    let learn = async |subject: &str, name: &str, access: Option<&Access>| {
        let learned = store.learn_account(AccountSource::Ldap, subject, name, access, at(9));
        learned.await.unwrap()
    };
    let first = learn("uuid-1", "Ann", Some(&viewer)).await;
    let same = learn("uuid-1", "Ann", Some(&viewer)).await;
    assert_eq!(first, same);
    let married = learn("uuid-1", "Ann B", Some(&Access::ALL)).await;
    assert_eq!(married.id, first.id);
    assert_eq!(
        (&*married.name, married.may()),
        ("Ann B", Some(&Access::ALL))
    );
    let gone = learn("uuid-1", "Ann B", None).await;
    assert_eq!(gone.may(), None);
    // A local account of that name is somebody else.
    let local = account(&store, "Ann B", &viewer).await;
    assert_ne!(local.id, gone.id);
    let all = store.accounts().await.unwrap();
    assert_eq!(all.len(), 2);
    let told: Vec<(String, String)> = store
        .audit(&AuditQuery::newest(100))
        .await
        .unwrap()
        .into_iter()
        .filter(|line| line.actor == "ldap directory")
        .map(|line| (line.action, line.detail))
        .collect();
    let expected = [
        ("access-changed", "no role"),
        ("access-changed", "admin of all devices"),
        ("account-created", "viewer of devices that match tag:berlin"),
    ];
    assert_eq!(told, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
}

pub(crate) async fn an_api_token_is_found_by_its_hash_until_revoked_or_over(store: Fixture) {
    let access = scoped(Role::Operator, "ou:*Berlin*");
    let token = |hash: &[u8], created, expires: Option<i64>| NewApiToken {
        hash: hash.to_vec(),
        name: format!("token {created}"),
        access: access.clone(),
        made_by: "test".to_owned(),
        created_at: at(created),
        expires_at: expires.map(at),
    };
    let lasting = store.create_api_token(token(b"a", 1, None)).await.unwrap();
    let ending = store
        .create_api_token(token(b"b", 2, Some(100)))
        .await
        .unwrap();
    let found = store.api_token(b"a", at(9_999)).await.unwrap().unwrap();
    assert_eq!((found.id, &found.access), (lasting.id, &access));
    assert_eq!((&*found.made_by, found.used_at), ("test", None));
    store.api_token_used(lasting.id, at(60)).await.unwrap();
    store.api_token_used(lasting.id, at(55)).await.unwrap();
    let used = store.api_token(b"a", at(9_999)).await.unwrap().unwrap();
    assert_eq!(used.used_at, Some(at(60)));
    assert_eq!(
        store.api_token(b"b", at(99)).await.unwrap().unwrap().id,
        ending.id
    );
    assert!(store.api_token(b"b", at(100)).await.unwrap().is_none());
    assert!(store.api_token(b"c", at(0)).await.unwrap().is_none());

    let revoke = async |id, now| store.revoke_api_token(id, "test", at(now)).await.unwrap();
    assert!(revoke(lasting.id, 50).await);
    assert!(revoke(lasting.id, 60).await);
    assert!(!revoke(Uuid::nil(), 60).await);
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
            .put_setting("expectations", json, line())
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
