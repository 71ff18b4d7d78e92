//! Wrapped secrets, and a database that waits for its seal.

use std::sync::Arc;

use sickbay_store::{Verified, WrappedSecret};

use crate::fixture::{Fixture, TestSeal};

fn secret(name: &str, key_id: &str, wrapped: &[u8]) -> WrappedSecret {
    WrappedSecret {
        name: name.to_owned(),
        key_id: key_id.to_owned(),
        wrapped: wrapped.to_vec(),
    }
}

pub(crate) async fn the_first_secret_of_a_name_stays_and_one_key_wraps_them_all(store: Fixture) {
    let (a, b) = (secret("a", "k", b"1"), secret("b", "k", b"2"));
    assert_eq!(store.secrets().await.unwrap(), []);
    let kept = store.keep_secrets(vec![b.clone(), a.clone()]).await;
    assert_eq!(kept.unwrap(), [a.clone(), b.clone()]);
    let another = vec![secret("a", "k", b"3"), secret("c", "k", b"4")];
    let c = another[1].clone();
    let all = [a, b, c];
    assert_eq!(store.keep_secrets(another).await.unwrap(), all);
    // Under another key nothing is kept, a free name or not.
    let foreign = vec![secret("a", "other", b"5"), secret("d", "other", b"6")];
    assert_eq!(store.keep_secrets(foreign).await.unwrap(), all);
    let names = vec!["b".to_owned(), "nobody's".to_owned()];
    store.remove_secrets(names).await.unwrap();
    assert_eq!(
        store.another_handle().await.secrets().await.unwrap(),
        [all[0].clone(), all[2].clone()]
    );
}

pub(crate) async fn of_keys_that_come_at_once_one_wins(store: Fixture) {
    let tasks: Vec<_> = (0..8)
        .map(|number: u8| {
            let store = store.store();
            let mine = vec![secret("a", &number.to_string(), &[number])];
            tokio::spawn(async move { store.keep_secrets(mine).await.unwrap() })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().len(), 1);
    }
    let kept = store.secrets().await.unwrap();
    for number in 0..8 {
        let mine = vec![secret("a", &number.to_string(), &[number])];
        assert_eq!(store.keep_secrets(mine).await.unwrap(), kept);
    }
}

/// As where whoever made the tables was stopped before it had a key.
pub(crate) async fn a_database_without_an_end_is_sealed_only_where_nothing_was_ever_done(
    store: Fixture,
) {
    store
        .behind_its_back(&["DELETE FROM audit_head", "DELETE FROM write_probe"])
        .await;
    let kept = vec![secret("a", "k", b"1")];
    store.keep_secrets(kept).await.unwrap();
    let opened = sickbay_store::open(&store.url, Arc::new(TestSeal));
    let record = opened.await.unwrap().verify_audit().await.unwrap();
    assert!(matches!(record, Verified::Sound { .. }), "{record:?}");

    store.active("somebody").await;
    store
        .behind_its_back(&["DELETE FROM audit_head", "DELETE FROM audit"])
        .await;
    let opened = sickbay_store::open(&store.url, Arc::new(TestSeal));
    let record = opened.await.unwrap().verify_audit().await.unwrap();
    assert!(matches!(record, Verified::Broken(_)), "{record:?}");
}
