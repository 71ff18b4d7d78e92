//! Saved views: whose they are, who is offered them, who removes them.

use sickbay_store::{MAX_VIEWS, ViewRow, ViewSaved};
use uuid::Uuid;

use crate::fixture::{Fixture, at};

fn view(number: u128, owner: &str, name: &str, shared: bool) -> ViewRow {
    ViewRow {
        id: Uuid::from_u128(number),
        owner: owner.to_owned(),
        owner_name: owner.to_uppercase(),
        name: name.to_owned(),
        list: "devices".to_owned(),
        filter: "ou:*Berlin*".to_owned(),
        columns: "name,ou".to_owned(),
        sort: "-build".to_owned(),
        shared,
        saved_at: at(5),
    }
}

async fn names(store: &Fixture, owner: &str) -> Vec<String> {
    let views = store.views(owner).await.unwrap();
    views.into_iter().map(|view| view.name).collect()
}

pub(crate) async fn a_view_is_its_owners_unless_it_is_for_everybody(store: Fixture) {
    for row in [
        view(1, "anna", "b", false),
        view(2, "anna", "A", true),
        view(3, "ben", "b", false),
    ] {
        assert_eq!(store.save_view(row).await.unwrap(), ViewSaved::Saved);
    }
    assert_eq!(
        store.views("anna").await.unwrap()[1],
        view(1, "anna", "b", false)
    );
    assert_eq!(names(&store, "anna").await, ["A", "b"]);
    assert_eq!(names(&store, "ben").await, ["A", "b"]);
    assert_eq!(names(&store, "carla").await, ["A"]);

    // Under the same name it takes the place of the one before, under its id.
    let changed = ViewRow {
        filter: String::new(),
        ..view(9, "anna", "A", false)
    };
    store.save_view(changed.clone()).await.unwrap();
    let kept = store.views("anna").await.unwrap();
    assert_eq!(
        kept[0],
        ViewRow {
            id: Uuid::from_u128(2),
            ..changed
        }
    );
    assert_eq!(names(&store, "carla").await, [""; 0]);
}

pub(crate) async fn a_view_is_removed_by_its_owner_and_a_shared_one_by_who_may(store: Fixture) {
    store
        .save_view(view(1, "anna", "own", false))
        .await
        .unwrap();
    store
        .save_view(view(2, "anna", "shared", true))
        .await
        .unwrap();
    let id = Uuid::from_u128;
    assert!(!store.remove_view(id(1), "ben", true).await.unwrap());
    assert!(!store.remove_view(id(2), "ben", false).await.unwrap());
    assert!(store.remove_view(id(2), "ben", true).await.unwrap());
    assert!(store.remove_view(id(1), "anna", false).await.unwrap());
    assert!(!store.remove_view(id(1), "anna", false).await.unwrap());
}

pub(crate) async fn nobody_keeps_more_views_than_they_may(store: Fixture) {
    for number in 0..MAX_VIEWS {
        let row = view(number as u128, "anna", &format!("view {number}"), false);
        assert_eq!(store.save_view(row).await.unwrap(), ViewSaved::Saved);
    }
    let one_more = view(1_000, "anna", "one more", false);
    assert_eq!(
        store.save_view(one_more.clone()).await.unwrap(),
        ViewSaved::TooMany
    );
    let again = view(1_001, "anna", "view 7", true);
    assert_eq!(store.save_view(again).await.unwrap(), ViewSaved::Saved);
    let bens = ViewRow {
        owner: "ben".to_owned(),
        ..one_more
    };
    assert_eq!(store.save_view(bens).await.unwrap(), ViewSaved::Saved);
}
