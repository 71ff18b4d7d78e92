//! What is counted day by day: kept by the server itself, for each scope, told by pages and the API, and a gap where it did not run.

use sickbay_diagnosis::filter::Filter;
use sickbay_diagnosis::time::DAY_MS;
use sickbay_server::days;
use sickbay_store::{Access, Role, Scope};

use crate::readings::{client, paused_by_user, server};
use crate::site::Site;

const PAUSED: &str = "quality-updates-paused";

#[tokio::test]
async fn each_day_is_kept_as_it_ended_and_a_day_without_a_server_is_a_gap() {
    let site = Site::start().await;
    let (_, token) = site.token(|_| {}).await;
    let scope = Scope::Matching(Filter::parse("kind:server").unwrap());
    let access = Access {
        role: Role::Viewer,
        scope,
    };
    let (_, servers) = site.api_token_that_may(access, None).await;
    let all = site.api().await;
    let end = site.now().plus_days(30);
    for (name, reading) in [("PC-1", client("PC-1")), ("SRV-1", server("SRV-1"))] {
        let device = site.stored_device(&token, name).await;
        site.take_in(&device, vec![reading, paused_by_user(end)])
            .await;
    }
    days::keep(site.app()).await.unwrap();
    let first = all.json("/api/v1/days").await;
    assert_eq!(first.as_array().unwrap().len(), 1, "{first}");
    assert_eq!(first[0]["issues"][PAUSED]["open"], 2);

    // The next day one more; the day before stays as it was.
    site.app().clock.advance(DAY_MS);
    let device = site.stored_device(&token, "PC-2").await;
    site.take_in(&device, vec![client("PC-2"), paused_by_user(end)])
        .await;
    days::keep(site.app()).await.unwrap();
    let told = all.json("/api/v1/days?days=2").await;
    assert_eq!(told[0]["issues"][PAUSED]["open"], 2);
    assert_eq!(told[1]["issues"][PAUSED]["open"], 3);
    let page = all.page(&format!("/issues/{PAUSED}")).await;
    assert!(page.contains("data-chart=\"trend-figures\""), "{page}");
    let overview = all.page("/").await;
    assert!(overview.contains("+1 since yesterday"), "{overview}");
    assert!(overview.contains("Health over time"));

    // Whoever sees less is told of what they see.
    let seen = servers.json("/api/v1/days?days=2").await;
    assert_eq!(seen[0]["issues"][PAUSED]["open"], 1, "{seen}");
    assert_eq!(seen[1]["issues"][PAUSED]["open"], 1);

    // For two days nobody counted: those days are not told, and nothing is made up for yesterday.
    site.app().clock.advance(3 * DAY_MS);
    let told = all.json("/api/v1/days").await;
    assert_eq!(told.as_array().unwrap().len(), 3, "{told}");
    let overview = all.page("/").await;
    assert!(!overview.contains("since yesterday"), "{overview}");
    for wrong in ["/api/v1/days?days=0", "/api/v1/days?days=401"] {
        assert_eq!(all.get(wrong).await.status(), 400, "{wrong}");
    }
}
