//! What a store says of how busy it is.

use crate::fixture::{Fixture, at};

pub(crate) async fn transactions_that_wait_for_each_other_are_counted_with_their_wait(
    store: Fixture,
) {
    let before = store.usage();
    let checks = (0..20).map(|moment| store.check_writable(at(moment)));
    for checked in futures::future::join_all(checks).await {
        checked.unwrap();
    }
    let after = store.usage();
    assert!(
        after.waited_to_write > before.waited_to_write,
        "{before:?} {after:?}"
    );
    assert!(store.writes() >= 20);
    for pool in [after.readers, after.writers] {
        assert!(pool.limit >= 1 && pool.in_use <= pool.limit, "{after:?}");
    }
    assert!(after.readers.limit > after.writers.limit, "{after:?}");
    assert!(store.size_bytes().await.unwrap() > 10_000);
}

pub(crate) async fn a_transaction_that_reads_is_counted(store: Fixture) {
    let before = store.usage().reads;
    store.bulletins(None, 1).await.unwrap();
    store.load_states(&[1]).await.unwrap();
    assert!(store.usage().reads > before);
}
