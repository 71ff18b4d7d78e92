//! The event log, the update agent and servicing as they may behave, by stand-ins on a Windows machine that Wine plays.
//!
//! What is proven is the collector's own: that it calls them as Windows documents, understands what they answer, says why where they do
//! not, ends in time, and outlives whatever they give. What the real ones answer is not proven by this.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use sickbay_tests::wine::Prefix;

use super::inspect::json;

const UPDATE_CHANNEL: &str = "Microsoft-Windows-WindowsUpdateClient/Operational";
/// Longest inspection where nothing hangs, the start of Wine included.
const QUICK: Duration = Duration::from_secs(10);
/// Longest one where everything does: the update agent and the event log cost 10 s each, servicing 30 s.
const ALL_HANGS: Duration = Duration::from_secs(58);

async fn inspected(machine: &Prefix, within: Duration) -> anyhow::Result<Value> {
    let since = Instant::now();
    let said = json(&machine.collector(&["inspect", "--format", "json"]).await?)?;
    let took = since.elapsed();
    ensure!(
        took < within,
        "the inspection took {} s",
        took.as_secs_f64()
    );
    Ok(said)
}

fn is(said: &Value, place: &str, expected: &Value) -> anyhow::Result<()> {
    let found = said.pointer(place);
    ensure!(
        found == Some(expected),
        "{place} is {found:?} and not {expected}"
    );
    Ok(())
}

fn text<'a>(said: &'a Value, place: &str) -> anyhow::Result<&'a str> {
    let found = said.pointer(place).and_then(Value::as_str);
    found.with_context(|| format!("{place} is no text: {:?}", said.pointer(place)))
}

fn count(said: &Value, place: &str) -> Option<usize> {
    said.pointer(place).and_then(Value::as_array).map(Vec::len)
}

#[tokio::test]
async fn what_wine_lacks_is_said_to_be_missing_and_never_empty() -> anyhow::Result<()> {
    let machine = Prefix::new().await?;
    let said = inspected(&machine, QUICK).await?;
    is(
        &said,
        "/observations/update_events/outcome",
        &"failed".into(),
    )?;
    ensure!(!text(&said, "/facts/update_events/reason")?.is_empty());
    is(
        &said,
        "/observations/component_store/outcome",
        &"unavailable".into(),
    )?;
    let store = text(&said, "/facts/component_store/reason")?;
    ensure!(store.contains("no dismapi.dll"), "{store}");
    is(
        &said,
        "/observations/update_history/outcome",
        &"failed".into(),
    )?;
    is(&said, "/facts/storage/state", &"known".into())?;
    ensure!(
        said["facts"]["storage"]["total_bytes"].as_u64()
            > said["facts"]["storage"]["free_bytes"].as_u64()
    );
    Ok(())
}

#[tokio::test]
async fn a_machine_on_which_all_is_well_is_read_whole() -> anyhow::Result<()> {
    let machine = Prefix::new().await?.with_stand_ins().await?;
    let said = inspected(&machine, QUICK).await?;
    let events = &said["facts"]["update_events"];
    for channel in ["System", UPDATE_CHANNEL, "Setup"] {
        ensure!(events["channels"][channel]["state"] == "read", "{events:#}");
    }
    ensure!(
        events["events"] == 7 && events["left_out"] == 0,
        "{events:#}"
    );
    ensure!(events["scan"]["error"] == "0x8024402C", "{events:#}");
    ensure!(events["scan"]["succeeded_at"].is_string(), "{events:#}");
    ensure!(count(events, "/failed_installs") == Some(1), "{events:#}");
    is(events, "/failed_installs/0/error", &"0x800F0922".into())?;
    is(events, "/failed_downloads/0/title", &"A & B".into())?;
    is(events, "/corruption/found", &"4".into())?;

    let history = &said["facts"]["update_history"];
    is(history, "/history/state", &"known".into())?;
    is(history, "/history/total", &3.into())?;
    ensure!(count(history, "/history/entries") == Some(3), "{history:#}");
    is(history, "/history/entries/0/result", &"failed".into())?;
    is(history, "/history/entries/0/code", &"0x80240017".into())?;
    is(
        history,
        "/history/entries/0/unmapped_code",
        &"0x800F0922".into(),
    )?;
    is(history, "/history/entries/1/result", &"succeeded".into())?;
    is(history, "/services/entries/0/managed", &true.into())?;
    is(history, "/services/entries/0/default", &true.into())?;
    is(history, "/services/entries/1/default", &Value::Null)?;
    is(history, "/last_search/state", &"known".into())?;
    is(history, "/last_installation/state", &"known".into())?;

    is(&said, "/facts/component_store/state", &"not-flagged".into())?;
    is(&said, "/facts/pending_reboot/state", &"not-pending".into())?;
    for (word, state) in [
        ("repairable", "repairable"),
        ("not-repairable", "not-repairable"),
    ] {
        machine.stand_in("Servicing", word).await?;
        machine.stand_in("UpdateAgent", "restart").await?;
        let said = inspected(&machine, QUICK).await?;
        is(&said, "/facts/component_store/state", &state.into())?;
        is(&said, "/facts/pending_reboot/state", &"pending".into())?;
    }
    Ok(())
}

#[tokio::test]
async fn an_event_log_that_refuses_or_talks_nonsense_is_told_as_such() -> anyhow::Result<()> {
    let machine = Prefix::new().await?.with_stand_ins().await?;
    let at = |word: &'static str| {
        let machine = &machine;
        async move {
            machine.stand_in("EventLog", word).await?;
            let said = inspected(machine, QUICK).await.context(word)?;
            anyhow::Ok((said["facts"]["update_events"].clone(), said))
        }
    };
    let state = |events: &Value, channel: &str| events["channels"][channel]["state"].clone();

    let (events, _) = at("disabled").await?;
    ensure!(state(&events, UPDATE_CHANNEL) == "disabled", "{events:#}");
    ensure!(state(&events, "System") == "read", "{events:#}");
    let (events, _) = at("absent").await?;
    ensure!(state(&events, "Setup") == "absent", "{events:#}");
    let (events, _) = at("denied").await?;
    ensure!(
        text(&events, "/reason")?.contains("access is denied"),
        "{events:#}"
    );
    let (events, _) = at("crooked").await?;
    ensure!(
        state(&events, "System") == "unreadable" || events["left_out"].as_u64() > Some(0),
        "{events:#}"
    );
    ensure!(!events.to_string().contains("somebody"), "{events:#}");
    let (events, _) = at("oversize").await?;
    ensure!(
        events["left_out"].as_u64() > Some(0) && state(&events, "System") == "read",
        "{events:#}"
    );
    let (events, _) = at("silent").await?;
    let why = text(&events, "/channels/System/reason")?;
    ensure!(why.contains("nothing at all"), "{why}");
    let (events, said) = at("endless").await?;
    let readings = count(&said, "/observations/update_events/readings");
    ensure!(readings.is_some_and(|n| n < 200), "{readings:?} {events:#}");
    let (events, _) = at("0x00000006").await?;
    ensure!(!text(&events, "/reason")?.is_empty(), "{events:#}");
    Ok(())
}

#[tokio::test]
async fn an_update_agent_that_fails_or_talks_nonsense_is_told_as_such() -> anyhow::Result<()> {
    let machine = Prefix::new().await?.with_stand_ins().await?;
    let at = |word: &'static str| {
        let machine = &machine;
        async move {
            machine.stand_in("UpdateAgent", word).await?;
            let said = inspected(machine, QUICK).await.context(word)?;
            anyhow::Ok((said["facts"]["update_history"].clone(), said))
        }
    };
    let (history, _) = at("never").await?;
    is(&history, "/history/state", &"known".into())?;
    is(&history, "/history/total", &0.into())?;
    is(&history, "/last_search/state", &"never".into())?;

    let (history, _) = at("0x8024001E").await?;
    let why = text(&history, "/reason")?;
    ensure!(why.contains("0x8024001E"), "{why}");

    let (history, _) = at("absurd").await?;
    is(&history, "/history/state", &"unknown".into())?;
    ensure!(
        count(&history, "/history/entries") == Some(3),
        "{history:#}"
    );
    is(&history, "/history/entries/0/result", &"unknown".into())?;
    is(&history, "/history/entries/0/at", &Value::Null)?;
    is(&history, "/last_search/state", &"unknown".into())?;
    is(&history, "/last_installation/state", &"unknown".into())?;
    ensure!(
        count(&history, "/services/entries") == Some(2),
        "{history:#}"
    );

    let (history, _) = at("negative").await?;
    ensure!(
        text(&history, "/history/reason")?.contains("-5"),
        "{history:#}"
    );
    ensure!(
        text(&history, "/services/reason")?.contains("-5"),
        "{history:#}"
    );

    let (history, _) = at("null").await?;
    let why = text(&history, "/reason")?;
    ensure!(why.contains("0x80004003"), "{why}");

    let (history, _) = at("textless").await?;
    is(&history, "/history/state", &"known".into())?;
    is(&history, "/history/entries/0/title", &Value::Null)?;

    let (history, _) = at("unended").await?;
    let title = text(&history, "/history/entries/0/title")?;
    ensure!(
        title.len() <= 1024 && title.bytes().all(|b| b == b'x'),
        "{title}"
    );

    machine.stand_in("UpdateAgent", "good").await?;
    machine.stand_in("Servicing", "state77").await?;
    let said = inspected(&machine, QUICK).await?;
    ensure!(text(&said, "/facts/component_store/reason")?.contains("77"));
    machine.stand_in("Servicing", "0x800702E4").await?;
    let said = inspected(&machine, QUICK).await?;
    let why = text(&said, "/facts/component_store/reason")?;
    ensure!(
        why.contains("DismOpenSession failed with 0x800702E4"),
        "{why}"
    );
    Ok(())
}

/// Each source that hangs costs its limit once, however many questions it is asked, and the rest is read.
#[tokio::test]
async fn what_hangs_is_not_waited_for_twice() -> anyhow::Result<()> {
    let machine = Prefix::new().await?.with_stand_ins().await?;
    for name in ["EventLog", "UpdateAgent", "Servicing"] {
        machine.stand_in(name, "hang").await?;
    }
    let said = inspected(&machine, ALL_HANGS).await?;
    for place in [
        "/facts/update_events/reason",
        "/facts/update_history/reason",
        "/facts/component_store/reason",
    ] {
        let why = text(&said, place)?;
        ensure!(why.contains("did not answer within"), "{place}: {why}");
    }
    is(&said, "/facts/storage/state", &"known".into())?;
    is(&said, "/observations/services/outcome", &"seen".into())
}
