//! Every page can be used by everybody: axe-core finds nothing on any, in any of its states, light and dark, on a desk and on a phone;
//! and no page needs scrolling in two directions where it is 320 CSS pixels wide (WCAG 2.2, 1.4.10).

mod places;
mod tour;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use sickbay_collector::session::{Collector, CollectorOptions};
use sickbay_diagnosis::filter::Filter;
use sickbay_server::web;
use sickbay_store::{DeviceStatus, Page, Scope};
use sickbay_tests::api::Visitor;
use sickbay_tests::browser::Browser;
use sickbay_tests::machine::NumberedMachine;
use sickbay_tests::program::program;
use sickbay_tests::server::{Server, free_port, start_until_ready};
use sickbay_tests::wait::eventually;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use places::{AT_THE_DOOR, Answer, FIRST_RUN, How, NO_ROUTE, PLACES, Place};
use tour::{Tour, Words};

/// Devices of the demo: enough that every issue is there.
const DEVICES: usize = 60;
const ARRIVE_WITHIN: Duration = Duration::from_mins(1);

#[test]
fn every_page_of_the_route_table_is_looked_at() {
    let known: BTreeSet<(&str, &str)> = PLACES.iter().map(|place| place.route).collect();
    let routes: BTreeSet<(&str, &str)> = web::table()
        .map(|route| (route.method.as_str(), route.path))
        .collect();
    assert_eq!(known, routes);
    assert_eq!(known.len(), PLACES.len(), "a line stands twice");
    for Place { route, answer } in PLACES {
        match answer {
            Answer::Pages(states) => {
                assert!(!states.is_empty(), "{route:?} has no state");
                for state in *states {
                    assert!(leads_to(&state.how, *route), "{route:?}: {}", state.says);
                }
            }
            Answer::Nothing(why) => assert!(!why.is_empty(), "{route:?}"),
        }
    }
}

/// Whether one comes to the route that way.
fn leads_to(how: &How, (method, path): (&str, &str)) -> bool {
    let address = match how {
        How::Open(address) if method == "GET" => address,
        How::Fill { forms, .. } if method == "POST" => match forms.last() {
            Some(form) => form.to,
            None => return false,
        },
        _ => return false,
    };
    let parts = |text: &str| -> Vec<String> { text.split('/').map(str::to_owned).collect() };
    let address = address.split('?').next().unwrap_or_default();
    let (asked, wanted) = (parts(address), parts(path));
    let fits = |(one, other): (&String, &String)| {
        other.starts_with('{') && !one.is_empty() || one == other
    };
    asked.len() == wanted.len() && asked.iter().zip(&wanted).all(fits)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_can_use_every_page() -> anyhow::Result<()> {
    let browser = Browser::open(true).await?;
    let mut tour = Tour::new(&browser).await?;
    let outcome = async {
        tour.notices_what_is_wrong().await?;
        first_run(&mut tour).await?;
        whole_fleet(&mut tour).await?;
        tour.told()
    }
    .await;
    browser.close("accessibility", outcome).await
}

/// A server that is new, and then one at whose door a machine waits.
async fn first_run(tour: &mut Tour<'_>) -> anyhow::Result<()> {
    let mut server = Server::start().await?;
    tour.arrive(&server.url(), &server.sign_in, Words::new())
        .await?;
    tour.visit("first run", FIRST_RUN).await?;

    let folder = tempfile::tempdir().context("make a temporary folder")?;
    let url = server.collectors_url().parse()?;
    let machine = Arc::new(NumberedMachine::with_firmware("PC-0001", "firmware"));
    let mut options = CollectorOptions::new(folder.path().join("state"), vec![url], machine);
    let token = server.command(&["token", "create", "--name", "by hand"]);
    options.token = Some(token.await?);
    options.ca_pins = vec![server.ca_pin().await?.parse()?];
    let mut collector = Collector::new(options).context("start a collector")?;
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let running = tokio::spawn(async move { collector.run(stopped).await });
    let store = server.store().await?;
    let first = Page {
        after: None,
        limit: 1,
    };
    let id = eventually(ARRIVE_WITHIN, async || {
        let (all, status) = (Scope::All, DeviceStatus::Pending);
        let waiting = store.devices_with_status(&all, status, &Filter::Everything, &first);
        let waiting = waiting.await?;
        let device = waiting.first().context("no machine waits")?;
        Ok(device.identity.id.to_string())
    })
    .await?;
    server.command(&["ca", "rotate", "announce"]).await?;
    tour.knows("pending", &id);
    tour.visit("at the door", AT_THE_DOOR).await?;
    stop.cancel();
    running.await?.context("a collector ended by itself")?;
    server.stop().await
}

/// The demo's fleet, in which everything is to be seen.
async fn whole_fleet(tour: &mut Tour<'_>) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("make a temporary folder")?;
    let data_dir = folder.path().join("data");
    let mut command = Command::new(program("sickbay-server")?);
    command.args(["demo", "--devices", &DEVICES.to_string(), "--data-dir"]);
    command.arg(&data_dir);
    command.args(["--web", &free_port()?.to_string()]);
    command.args(["--collectors", &free_port()?.to_string()]);
    let wanted = ["Sickbay is ready: ", "Sign in: ", "API token: "];
    let demo = start_until_ready(command, &folder.path().join("demo.log"), &wanted).await?;
    let [url, link, token] = demo.said.as_slice() else {
        anyhow::bail!("the demo said {:?}", demo.said);
    };
    let owner = Visitor::with_token(url, token)?;
    let words = eventually(ARRIVE_WITHIN, async || words_of(&owner).await).await?;
    tour.arrive(url, link, words).await?;
    let newcomer = Command::new(program("sickbay-server")?)
        .args(["user", "add", "Newcomer", "--role", "operator"])
        .env("SICKBAY_DATA_DIR", &data_dir)
        .output()
        .await
        .context("start sickbay-server")?;
    ensure!(newcomer.status.success(), "{newcomer:?}");
    tour.newcomer_signs_in(String::from_utf8(newcomer.stdout)?.trim())
        .await?;
    for Place { route, answer } in PLACES {
        if let Answer::Pages(states) = answer {
            tour.visit(&format!("{} {}", route.0, route.1), states)
                .await?;
        }
    }
    tour.visit("no route", NO_ROUTE).await
}

/// Devices and an update that the demo's fleet has.
async fn words_of(owner: &Visitor) -> anyhow::Result<Words> {
    let mut words = Words::new();
    for (word, issue) in [
        ("held", "safeguard-hold"),
        ("failing", "install-failing"),
        ("listed", "never-enrolled"),
    ] {
        let list = owner
            .json(&format!("/api/v1/issues/{issue}/devices?limit=1"))
            .await?;
        let first = &list["items"][0];
        let (id, name) = text(&first["id"])
            .zip(text(&first["name"]))
            .with_context(|| format!("no device has {issue}"))?;
        words.insert(word.to_owned(), id);
        words.insert(format!("{word}-name"), name);
    }
    let updates = owner.json("/api/v1/updates").await?;
    let kb = text(&updates["releases"][0]["newest"][0]["kb"]).context("no update is known")?;
    words.insert("kb".to_owned(), kb);
    Ok(words)
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}
