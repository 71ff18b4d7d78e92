//! The page about the API: what it tells is what the document says, and its lines are run as they stand there.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use sickbay_diagnosis::filter::Filter;
use sickbay_server::api;
use sickbay_store::{Access, Role, Scope};

use crate::powershell_grammar::{mistakes, strings};
use crate::readings::{client, held, paused_by_user};
use crate::site::{Site, Viewer, assert_says, eventually};

/// Everything that the page offers to copy, as a reader gets it.
fn commands(page: &str) -> Vec<String> {
    let blocks = page.split("<div class=\"command\"><pre tabindex=\"0\"><code>");
    let blocks = blocks
        .skip(1)
        .map(|block| block.split("</code>").next().unwrap());
    let shown = blocks.map(|text| {
        [
            ("&#34;", "\""),
            ("&#39;", "'"),
            ("&#60;", "<"),
            ("&#62;", ">"),
            ("&#38;", "&"),
        ]
        .iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    });
    shown.collect()
}

fn curl_lines(page: &str) -> Vec<String> {
    let mut lines = commands(page);
    lines.retain(|line| line.starts_with("curl "));
    lines
}

async fn site() -> Site {
    let site = Site::start().await;
    let (_, token) = site.token(|_| ()).await;
    let device = site.stored_device(&token, "PC-1").await;
    let end = site.now().plus_days(1);
    let says = vec![
        client("PC-1"),
        held("GE26H2", 41_990_788),
        paused_by_user(end),
    ];
    site.take_in(&device, says).await;
    site
}

/// Runs a line in a shell, as a reader would.
fn run(line: &str, token: &str, folder: &Path) -> Output {
    Command::new("sh")
        .args(["-c", line])
        .env("SICKBAY_TOKEN", token)
        .current_dir(folder)
        .output()
        .unwrap()
}

/// Runs a line that has to go well, and gives what came.
fn went_well(line: &str, token: &str, folder: &Path) -> String {
    let output = run(line, token, folder);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}\n{said}\n{why}");
    said
}

fn id_in(answer: &str) -> String {
    let answer: Value = serde_json::from_str(answer).unwrap();
    answer["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_curl_line_of_the_page_runs_as_it_stands_there() {
    let site = site().await;
    let viewer = site.api().await;
    let token = viewer.secret().unwrap();
    let page = viewer.page("/api").await;
    let lines = curl_lines(&page);
    let document = serde_json::to_value(api::routes().1).unwrap();
    let calls: usize = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .map(|item| item.as_object().unwrap().len())
        .sum();
    assert_eq!(lines.len(), calls, "one line of each call");
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(
        folder.join("machines.csv"),
        "name,domain\nPC-7,corp.example\n",
    )
    .unwrap();
    let run = |line: &str| tokio::task::block_in_place(|| went_well(line, &token, folder));

    // What is made comes before what is asked of it, and that before its end.
    let is_removal = |line: &&String| line.contains("--request DELETE");
    let makes = |line: &&String| line.contains("--json") || line.contains("--request POST");
    let uploads = |line: &&String| line.contains("--data-binary");
    let (mut export, mut acceptance, mut view) = (String::new(), String::new(), String::new());
    let mut ran = 0;
    for line in lines.iter().filter(|line| makes(line) || uploads(line)) {
        // Nobody is connected here, which is told as a problem.
        if line.contains("/inspect'") {
            let output = tokio::task::block_in_place(|| self::run(line, &token, folder));
            let said = String::from_utf8(output.stdout).unwrap();
            assert_eq!(output.status.code(), Some(22), "{line}: {said}");
            let said: Value = serde_json::from_str(&said).unwrap();
            assert_eq!(said["status"], 409);
            ran += 1;
            continue;
        }
        let said = run(line);
        if line.contains("/api/v1/exports'") {
            export = id_in(&said);
        }
        if line.contains("/api/v1/acceptances'") {
            acceptance = id_in(&said);
        }
        if line.contains("/api/v1/views'") {
            view = id_in(&said);
        }
        ran += 1;
    }
    let made = eventually("the export is made", async || {
        let made = viewer.json(&format!("/api/v1/exports/{export}")).await;
        let is_done = made["state"] == "done";
        is_done
            .then(|| made.clone())
            .ok_or_else(|| made.to_string())
    })
    .await;
    let file = made["file"].as_str().unwrap().rsplit('/').next().unwrap();
    let filled = |line: &str| {
        line.replace(
            "EXPORT_ID/safeguard-hold.xlsx",
            &format!("EXPORT_ID/{file}"),
        )
        .replace("EXPORT_ID", &export)
        .replace("ACCEPTANCE_ID", &acceptance)
        .replace("VIEW_ID", &view)
    };
    let asks = lines
        .iter()
        .filter(|line| !makes(line) && !uploads(line) && !is_removal(line));
    for line in asks {
        if line.contains("--no-buffer") {
            // A stream has no end: that it still came when time was up shows that it is one.
            let line = format!("{line} --max-time 2");
            let output = tokio::task::block_in_place(|| self::run(&line, &token, folder));
            assert_eq!(output.status.code(), Some(28), "{line}: {output:?}");
        } else {
            let said = run(&filled(line));
            if line.contains("--remote-name") {
                assert_eq!(said, "", "{line}");
            } else {
                serde_json::from_str::<Value>(&said)
                    .unwrap_or_else(|e| panic!("{line}: {e}: {said}"));
            }
        }
        ran += 1;
    }
    for line in lines.iter().filter(is_removal) {
        run(&filled(line));
        ran += 1;
    }
    assert_eq!(ran, lines.len());
    for file in ["devices.csv", "record.csv"] {
        assert!(folder.join(file).metadata().unwrap().len() > 0, "{file}");
    }
    // A token that is none is an error of the line, and the answer says why.
    let refused = tokio::task::block_in_place(|| self::run(&lines[0], "sba_none", folder));
    assert_eq!(refused.status.code(), Some(22));
    assert!(
        String::from_utf8(refused.stdout)
            .unwrap()
            .contains("Sign in first")
    );
}

#[tokio::test]
async fn every_line_for_powershell_is_powershell() {
    let site = site().await;
    let viewer = site.api().await;
    let page = viewer.page("/api").await;
    let commands = commands(&page);
    let scripts: Vec<&String> = commands
        .iter()
        .filter(|text| text.contains("Invoke-RestMethod") || text.contains("$env:"))
        .collect();
    assert!(scripts.len() > curl_lines(&page).len(), "{}", scripts.len());
    for script in &scripts {
        assert_eq!(mistakes(script), [""; 0], "{script}");
        if script.contains("Invoke-RestMethod") {
            let address = site.url("/api/v1");
            let strings = strings(script);
            let of_server = strings
                .iter()
                .any(|text| text.trim_matches('\'').starts_with(&address));
            assert!(of_server, "{script}: {strings:?}");
        }
        assert!(!script.contains(&viewer.secret().unwrap()), "{script}");
    }
    let walks = scripts
        .iter()
        .filter(|script| script.contains("next_cursor"));
    assert!(walks.count() >= 4);
}

#[tokio::test]
async fn the_page_is_for_everybody_and_names_the_server_as_it_was_reached() {
    let site = site().await;
    let access = Access {
        role: Role::Viewer,
        scope: Scope::Matching(Filter::parse("tag:nowhere").unwrap()),
    };
    let person = site.person("Ann", access).await;
    let page = person.page("/api").await;
    assert_says(
        &page,
        &[
            "href=\"/api/v1/openapi.json\"",
            "An administrator makes one",
            "DEVICE_ID",
            "admin of all devices",
            "application/problem+json",
            "next_cursor",
        ],
        "viewer",
    );
    let admin = site.browser().await;
    assert!(
        admin
            .page("/api")
            .await
            .contains("href=\"/people\">People</a>, or on")
    );
    // What a browser names is no way into the lines.
    for (host, is_taken) in [
        ("sickbay.contoso.com:8443", true),
        ("[::1]:8080", true),
        ("x';touch${IFS}owned;'", false),
        ("a$(id)", false),
    ] {
        let page = of_host(&admin, host).await;
        let line = format!("'http://{host}/api/v1/issues'");
        assert_eq!(
            curl_lines(&page).iter().any(|one| one.ends_with(&line)),
            is_taken,
            "{host}"
        );
    }
    for linked in ["/devices", "/settings"] {
        let page = admin.page(linked).await;
        assert!(page.contains("<a href=\"/api\">API</a>"), "{linked}");
    }
}

async fn of_host(viewer: &Viewer, host: &str) -> String {
    let answer = viewer.request("GET", "/api").header("host", host).send();
    let answer = answer.await.unwrap();
    if answer.status() == 400 {
        return String::new();
    }
    answer.text().await.unwrap()
}
