//! Exports equal the lists, and what a device says stays text in each of them.

use serde_json::Value;

use crate::api::walk;
use crate::readings::{client, paused_by_user, server};
use crate::site::Site;

const LIST: &str = "/api/v1/issues/quality-updates-paused/devices";

/// Host names that want to be something else.
const HOSTILE: [&str; 10] = [
    "=HYPERLINK(\"http://evil.test\")",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "@\t=1",
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "a,b;\"c\"\r\nd",
    "'; DROP TABLE device; --",
    "{{7*7}}${7*7}\u{202e}cod.exe",
];

async fn site_with(names: &[&str]) -> Site {
    let site = Site::start().await;
    let (_, token) = site.token(|_| ()).await;
    let end = site.now().plus_days(1);
    for (place, name) in names.iter().enumerate() {
        let device = site.stored_device(&token, name).await;
        let facts = if place % 3 == 0 {
            server(name)
        } else {
            client(name)
        };
        let mut report = vec![facts];
        // Every fifth one has not looked for pauses, so that the issue is unknown on it.
        if place % 5 != 4 {
            report.push(paused_by_user(end));
        }
        site.take_in(&device, report).await;
    }
    site
}

fn csv_rows(text: &str) -> Vec<csv::StringRecord> {
    let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
    assert_eq!(reader.headers().unwrap().get(0), Some("device_id"));
    reader.records().map(Result::unwrap).collect()
}

#[tokio::test]
async fn every_export_holds_exactly_what_the_list_shows_for_the_same_filter() {
    let names: Vec<String> = (0..40).map(|n| format!("PC-{n:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let site = site_with(&names).await;
    let api = site.api().await;
    let filters = [
        ("", 32),
        ("kind:server", 11),
        ("-kind:server", 21),
        ("name:PC-01*", 8),
        ("state:unknown", 8),
        ("state:open or state:unknown", 40),
        ("name:PC-000 or name:PC-001", 2),
        ("cause:user*", 32),
        ("name:nobody", 0),
    ];
    for (filter, expected) in filters {
        let query = format!("?filter={}", filter.replace(' ', "%20"));
        let list = walk(&api, &format!("{LIST}{query}"), 7).await;
        assert_eq!(list.len(), expected, "{filter:?}");

        let json = api.json(&format!("{LIST}.json{query}")).await;
        assert_eq!(json.as_array().unwrap(), &list, "{filter:?}");
        let ndjson = api.page(&format!("{LIST}.ndjson{query}")).await;
        let lines: Vec<Value> = ndjson
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines, list, "{filter:?}");
        let csv = csv_rows(&api.page(&format!("{LIST}.csv{query}")).await);
        let ids: Vec<&str> = csv.iter().map(|row| row.get(0).unwrap()).collect();
        let wanted: Vec<&str> = list.iter().map(|row| row["id"].as_str().unwrap()).collect();
        assert_eq!(ids, wanted, "{filter:?}");
    }
}

#[tokio::test]
async fn an_export_has_no_cap() {
    // More than the server fetches at once.
    const DEVICES: usize = 1003;
    let site = Site::start().await;
    let (_, token) = site.token(|_| ()).await;
    let end = site.now().plus_days(1);
    let made = (0..DEVICES).map(async |number| {
        let name = format!("PC-{number}");
        let device = site.stored_device(&token, &name).await;
        site.take_in(&device, vec![client(&name), paused_by_user(end)])
            .await;
    });
    futures::future::join_all(made).await;
    let api = site.api().await;
    let rows = csv_rows(&api.page(&format!("{LIST}.csv")).await);
    let ids: std::collections::BTreeSet<&str> =
        rows.iter().map(|row| row.get(0).unwrap()).collect();
    assert_eq!((rows.len(), ids.len()), (DEVICES, DEVICES));
    assert_eq!(
        api.json(&format!("{LIST}.json"))
            .await
            .as_array()
            .unwrap()
            .len(),
        DEVICES
    );
}

#[tokio::test]
async fn hostile_host_names_stay_text_everywhere() {
    let site = site_with(&HOSTILE).await;
    let api = site.api().await;
    let listed = walk(&api, "/api/v1/devices", 3).await;
    let mut names: Vec<&str> = listed
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    let mut wanted = HOSTILE;
    wanted.sort_unstable();
    assert_eq!(
        names, wanted,
        "JSON keeps what the device said, character by character"
    );

    let rows = csv_rows(
        &api.page(&format!(
            "{LIST}.csv?filter=state:open%20or%20state:unknown"
        ))
        .await,
    );
    assert_eq!(rows.len(), HOSTILE.len());
    for row in &rows {
        for cell in row {
            assert!(
                !cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']),
                "a spreadsheet runs {cell:?}"
            );
        }
        let name = row.get(1).unwrap();
        let said = name.strip_prefix('\'').unwrap_or(name);
        // What would steer a terminal is made visible.
        let is_one = |of: &str| {
            HOSTILE
                .iter()
                .any(|hostile| sickbay_web::text::block(hostile) == of)
        };
        assert!(is_one(said) || is_one(name), "{name:?}");
    }

    let mut pages = vec![
        "/".to_owned(),
        "/devices".to_owned(),
        "/issues/quality-updates-paused".to_owned(),
    ];
    pages.extend(
        listed
            .iter()
            .map(|row| format!("/devices/{}", row["id"].as_str().unwrap())),
    );
    for path in pages {
        let page = api.page(&path).await;
        for live in [
            "<script>alert",
            "<img src=x",
            "onerror=alert(1)>\"",
            "\u{202e}",
        ] {
            assert!(!page.contains(live), "{path}: {live:?} is live");
        }
    }
    assert!(
        api.page("/devices")
            .await
            .contains("&#60;script&#62;alert(1)"),
        "the name is shown all the same"
    );
}
