//! Exports equal the lists, and what a device says stays text in each of them.

use std::io::Cursor;

use calamine::{Data, Reader as _, Xlsx};
use serde_json::Value;
use sickbay_diagnosis::filter::Filter;
use sickbay_diagnosis::time::{DAY_MS, HOUR_MS};
use sickbay_server::export::Format;
use sickbay_server::export::schedule::ScheduledExport;
use sickbay_store::{Access, Role, Scope};

use crate::api::walk;
use crate::readings::{client, paused_by_user, server};
use crate::site::{Site, Viewer, eventually};

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
        let mut list = walk(&api, &format!("{LIST}{query}"), 7).await;
        // What the fleet knows of itself counts in verdicts, so that devices may be looked at again in between. Only files that were made
        // while the list stayed as it was can be compared with it.
        let (json, ndjson, csv, book) = loop {
            let json = api.json(&format!("{LIST}.json{query}")).await;
            let ndjson = api.page(&format!("{LIST}.ndjson{query}")).await;
            let csv = api.page(&format!("{LIST}.csv{query}")).await;
            let book = api.get(&format!("{LIST}.xlsx{query}")).await;
            let book = book.bytes().await.unwrap();
            let now = walk(&api, &format!("{LIST}{query}"), 7).await;
            if now == list {
                break (json, ndjson, csv, book);
            }
            list = now;
        };
        assert_eq!(list.len(), expected, "{filter:?}");

        assert_eq!(json.as_array().unwrap(), &list, "{filter:?}");
        let lines: Vec<Value> = ndjson
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines, list, "{filter:?}");
        let rows = csv_rows(&csv);
        let ids: Vec<&str> = rows.iter().map(|row| row.get(0).unwrap()).collect();
        let wanted: Vec<&str> = list.iter().map(|row| row["id"].as_str().unwrap()).collect();
        assert_eq!(ids, wanted, "{filter:?}");

        let rows = rows_of(&book, "Rows");
        let mut csv = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(csv.as_bytes());
        let csv: Vec<Vec<String>> = csv
            .records()
            .map(|row| row.unwrap().iter().map(str::to_owned).collect())
            .collect();
        assert_eq!(rows, csv, "{filter:?}");
    }
}

/// Every row of a sheet, each cell as text; numbers and moments must be such.
fn rows_of(bytes: &[u8], sheet: &str) -> Vec<Vec<String>> {
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).unwrap();
    let range = book.worksheet_range(sheet).unwrap();
    let width = range.width();
    range
        .rows()
        .map(|row| {
            assert_eq!(row.len(), width);
            row.iter().map(text_of).collect()
        })
        .collect()
}

fn text_of(cell: &Data) -> String {
    match cell {
        Data::Empty => String::new(),
        Data::String(text) => {
            assert!(text.parse::<f64>().is_err(), "{text:?} is no number");
            assert!(
                sickbay_diagnosis::Time::parse(text).is_err(),
                "{text:?} is no moment"
            );
            text.clone()
        }
        Data::Float(number) => number.to_string(),
        Data::DateTime(moment) => {
            let millis = (moment.as_f64() - 25_569.0) * 86_400_000.0;
            sickbay_diagnosis::Time::from_millis(millis.round() as i64).to_string()
        }
        other => panic!("{other:?} is of no kind that an export has"),
    }
}

/// Asks for a file, waits until it is made, and fetches it.
pub(crate) async fn made(viewer: &Viewer, body: &str) -> String {
    String::from_utf8(made_bytes(viewer, body).await).unwrap()
}

async fn made_bytes(viewer: &Viewer, body: &str) -> Vec<u8> {
    let begun = viewer.post_json("/api/v1/exports", body).await;
    assert_eq!(begun.status(), 202);
    let begun: Value = begun.json().await.unwrap();
    let path = format!("/api/v1/exports/{}", begun["id"].as_str().unwrap());
    let done = eventually("the file is made", || async {
        let now = viewer.json(&path).await;
        if now["state"] == "done" {
            Ok(now)
        } else {
            Err(now.to_string())
        }
    })
    .await;
    assert_eq!(done["rows"], done["expected_rows"]);
    let file = viewer.get(done["file"].as_str().unwrap()).await;
    assert_eq!(file.status(), 200);
    let bytes = file.bytes().await.unwrap();
    assert_eq!(done["bytes"].as_u64(), Some(bytes.len() as u64));
    bytes.to_vec()
}

#[tokio::test]
async fn columns_are_chosen_by_name_and_evidence_is_one_of_them() {
    let site = site_with(&["PC-1", "PC-2"]).await;
    let api = site.api().await;
    let chosen = "?columns=name,evidence,since,name_of_nobody";
    let refused = api.get(&format!("{LIST}.csv{chosen}")).await;
    assert_eq!(refused.status(), 400);
    let why = refused.text().await.unwrap();
    assert!(
        why.contains("name_of_nobody") && why.contains("evidence"),
        "{why}"
    );

    let chosen = "?columns=evidence,name";
    let csv = api.page(&format!("{LIST}.csv{chosen}")).await;
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    assert_eq!(reader.headers().unwrap(), vec!["evidence", "name"]);
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(&rows[0][1], "PC-1");
    assert!(
        rows[0][0].contains("PausedQualityStatus = 1 (REG_DWORD), read 20")
            && rows[0][0].contains(r"HKLM\SOFTWARE\Microsoft\WindowsUpdate\"),
        "{}",
        &rows[0][0]
    );
    let ndjson = api.page(&format!("{LIST}.ndjson{chosen}")).await;
    let line: Value = serde_json::from_str(ndjson.lines().next().unwrap()).unwrap();
    assert_eq!(line["name"], "PC-1");
    assert_eq!(
        line["evidence"].as_array().unwrap().len(),
        rows[0][0].split("; ").count()
    );
    assert_eq!(line.as_object().unwrap().len(), 2);

    let all = "/api/v1/exports/devices/devices";
    let of_findings = api.get(&format!("{all}.csv?columns=evidence")).await;
    assert_eq!(of_findings.status(), 400, "all devices have no one finding");
    let book = api
        .get(&format!(
            "{all}.xlsx?columns=name,open_findings,last_report_at"
        ))
        .await;
    let rows = rows_of(&book.bytes().await.unwrap(), "Rows");
    assert_eq!(rows[0], ["name", "open_findings", "last_report_at"]);
    assert_eq!((rows[1][0].as_str(), rows.len()), ("PC-1", 3));
}

#[tokio::test]
async fn a_workbook_says_on_its_last_sheet_what_it_holds() {
    let site = site_with(&["PC-1"]).await;
    let api = site.api().await;
    let book = api.get(&format!("{LIST}.xlsx?filter=kind:server")).await;
    let bytes = book.bytes().await.unwrap();
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(&bytes)).unwrap();
    let about = book.worksheet_range("About").unwrap();
    let says = |row: u32| {
        let cell = |place| about.get_value((row, place)).unwrap().to_string();
        (cell(0), cell(1))
    };
    let line = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let list = "Quality updates paused (quality-updates-paused)";
    assert_eq!(says(0), line("list", list));
    assert_eq!(says(1), line("filter", "kind:server"));
    let (name, made) = says(2);
    let made = sickbay_diagnosis::Time::parse(&made).unwrap();
    assert!(name == "made" && site.now().since(made) < HOUR_MS);
    assert_eq!(says(5), line("rows", "1"));
    assert_eq!(says(6), line("times", "in UTC"));
}

#[tokio::test]
async fn a_file_is_made_while_nobody_waits_and_is_for_whoever_asked() {
    let site = site_with(&["PC-1", "PC-2", "PC-3"]).await;
    let api = site.api().await;
    let body = r#"{"issue":"quality-updates-paused","filter":"kind:client","format":"xlsx","columns":["name","causes"]}"#;
    let rows = rows_of(&made_bytes(&api, body).await, "Rows");
    assert_eq!(rows[0], ["name", "causes"]);
    assert_eq!(rows.len(), 3);

    // Nobody else sees it, not even with the same role; and not they themselves once they see other devices.
    let mine = api.json("/api/v1/exports").await;
    let file = mine[0]["file"].as_str().unwrap().to_owned();
    let one = format!("/api/v1/exports/{}", mine[0]["id"].as_str().unwrap());
    // Tokens may even have one name.
    let (_, other) = site.api_token(None).await;
    assert_eq!(other.json("/api/v1/exports").await, serde_json::json!([]));
    assert_eq!(other.get(&file).await.status(), 404);
    assert_eq!(other.get(&one).await.status(), 404);
    assert_eq!(
        other.send_json("DELETE", &one, "").await.status(),
        404,
        "nobody removes what is another's"
    );
    let scoped = Access {
        role: Role::Viewer,
        scope: Scope::Matching(Filter::parse("name:PC-1").unwrap()),
    };
    let (_, scoped) = site.api_token_that_may(scoped, None).await;
    assert_eq!(scoped.get(&file).await.status(), 404);

    assert_eq!(api.send_json("DELETE", &one, "").await.status(), 204);
    assert_eq!(api.get(&file).await.status(), 404);

    // It is in the record before it can be fetched.
    let record = api.json("/api/v1/audit?action=exported").await;
    let detail = record["items"][0]["detail"].as_str().unwrap();
    assert!(
        detail.contains("xlsx") && detail.contains("kind:client"),
        "{detail}"
    );
}

#[tokio::test]
async fn a_day_later_files_are_gone_and_only_so_many_are_kept() {
    let site = site_with(&["PC-1"]).await;
    let api = site.api().await;
    for _ in 0..12 {
        made(&api, r#"{"format":"csv"}"#).await;
    }
    let kept = api.json("/api/v1/exports").await;
    assert_eq!(kept.as_array().unwrap().len(), 10);
    let folder = site.app().exports.folder().to_owned();
    let files = || std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(files(), 10);
    site.clock.advance(25 * HOUR_MS);
    assert_eq!(api.json("/api/v1/exports").await, serde_json::json!([]));
    assert_eq!(files(), 0);
}

#[tokio::test]
async fn the_page_makes_a_file_of_the_chosen_columns() {
    let site = site_with(&["PC-1", "PC-2"]).await;
    let browser = site.browser().await;
    let form = browser
        .page("/exports?list=quality-updates-paused&filter=kind:client")
        .await;
    assert!(form.contains("<strong>1 device</strong>"), "{form}");
    assert!(form.contains(r#"name="columns" value="evidence""#));
    let csrf = browser.csrf().await;
    let fields = [
        ("csrf", csrf.as_str()),
        ("issue", "quality-updates-paused"),
        ("filter", "kind:client"),
        ("format", "csv"),
    ];
    let none = browser.post_form("/exports", &fields).await;
    assert_eq!(none.status(), 400);
    assert!(none.text().await.unwrap().contains("at least one column"));
    let fields = [&fields[..], &[("columns", "name"), ("columns", "site")]].concat();
    let begun = browser.post_form("/exports", &fields).await;
    assert_eq!(begun.status(), 303);
    let href = eventually("the page offers the file", || async {
        let page = browser.page("/exports").await;
        let (_, rest) = page
            .split_once(r#"<a class="button" href=""#)
            .ok_or_else(|| page.clone())?;
        Ok(rest.split('"').next().unwrap().to_owned())
    })
    .await;
    assert_eq!(browser.page(&href).await, "name,site\r\nPC-2,\r\n");
    let id = href.split('/').nth(4).unwrap().to_owned();
    let fields = [("csrf", csrf.as_str()), ("id", id.as_str())];
    let removed = browser.post_form("/exports/remove", &fields).await;
    assert_eq!(removed.status(), 303);
    assert_eq!(browser.get(&href).await.status(), 404);
}

#[tokio::test]
async fn what_is_wanted_every_day_is_made_once_and_old_files_go() {
    let folder = tempfile::tempdir().unwrap();
    let export = ScheduledExport {
        name: "paused".to_owned(),
        issue: "quality-updates-paused".to_owned(),
        columns: vec!["name".to_owned()],
        format: Format::Csv,
        folder: folder.path().to_owned(),
        at: "00:00".to_owned(),
        keep: 2,
        ..ScheduledExport::default()
    };
    export.check().unwrap();
    let site = site_with(&["PC-1"]).await;
    let names = || {
        let mut names: Vec<String> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort_unstable();
        names
    };
    std::fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    let mut days = Vec::new();
    for day in 0..3 {
        site.clock.advance(day * DAY_MS);
        let made = export.round(site.app()).await.unwrap().unwrap();
        assert_eq!(export.round(site.app()).await.unwrap(), None, "once a day");
        let text = std::fs::read_to_string(&made).unwrap();
        assert!(text.starts_with("name\r\n"), "{text}");
        days.push(made.file_name().unwrap().to_str().unwrap().to_owned());
    }
    let expected = ["notes.txt".to_owned(), days[1].clone(), days[2].clone()];
    assert_eq!(names(), expected);
    let missing = ScheduledExport {
        folder: folder.path().join("not-there"),
        ..export
    };
    let why = missing.round(site.app()).await.unwrap_err().to_string();
    assert!(why.contains("not-there") && why.contains("paused"), "{why}");
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
