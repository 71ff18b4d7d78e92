//! Groups beside a list: each says how many devices its link leads to.

use crate::readings::{client, paused_by_user, server, tagged};
use crate::site::{Site, Viewer};

/// Label, count and link of every group on a page.
fn groups(page: &str) -> Vec<(String, u64, String)> {
    let Some((_, facets)) = page.split_once("<div class=\"facet-grid\">") else {
        return Vec::new();
    };
    let (facets, _) = facets.split_once("</details>").unwrap();
    facets
        .split("<li><a href=\"")
        .skip(1)
        .map(|group| {
            let (href, rest) = group.split_once('"').unwrap();
            let (_, rest) = rest.split_once("title=\"").unwrap();
            let (label, rest) = rest.split_once('"').unwrap();
            let (_, count) = rest.split_once("group-count\">").unwrap();
            let count = count.split('<').next().unwrap().parse().unwrap();
            (label.to_owned(), count, href.replace("&#38;", "&"))
        })
        .collect()
}

/// How many devices a list says that it has.
async fn listed(viewer: &Viewer, path: &str) -> u64 {
    let page = viewer.page(path).await;
    let (_, head) = page
        .split_once("<div class=\"list-head\">")
        .unwrap_or_else(|| panic!("{path} shows no list: {page}"));
    let (_, count) = head.split_once("<strong>").unwrap();
    count.split(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn every_group_leads_to_as_many_devices_as_it_says() {
    let site = Site::start().await;
    let (_, token) = site
        .token(|token| token.tags = vec!["given".to_owned()])
        .await;
    let end = site.now().plus_days(1);
    for number in 0..12 {
        let name = format!("PC-{number}");
        let device = site.stored_device(&token, &name).await;
        let mut report = vec![match number % 3 {
            0 => server(&name),
            1 => client(&name),
            _ => tagged(&name, &["a \"b\" (c)", "x,y"]),
        }];
        if number % 2 == 0 {
            report.push(paused_by_user(end));
        }
        site.take_in(&device, report).await;
    }
    let viewer = site.api().await;
    let mut followed = 0;
    for list in [
        "/devices",
        "/devices?filter=kind:server",
        "/issues/quality-updates-paused",
        "/issues/quality-updates-paused?filter=state:open%20or%20state:unknown",
    ] {
        let page = viewer.page(list).await;
        let groups = groups(&page);
        assert!(!groups.is_empty(), "{list}");
        let all = listed(&viewer, list).await;
        for (label, count, href) in groups {
            assert!(count > 0 && count <= all, "{list}: {label}");
            let there = listed(&viewer, &href).await;
            assert_eq!(there, count, "{list}: {label} leads to {href}");
            followed += 1;
        }
    }
    assert!(followed > 15, "{followed}");
    // Of nothing there are no groups.
    assert!(groups(&viewer.page("/devices?filter=name:nobody").await).is_empty());
}
