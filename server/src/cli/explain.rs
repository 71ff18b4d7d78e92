//! `explain KB`: how the fleet stands with an update, the devices of a class, or why it is (not) on one device.

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use sickbay_diagnosis::explanation::{Class, Question, WayOut};
use sickbay_diagnosis::filter::{Filter, Pattern, Test, TextField};
use sickbay_store::{DeviceDetail, Page, Scope, Store};
use uuid::Uuid;

use super::token::plain;
use super::{Opened, WithConfig, say};
use crate::api::updates::{DeviceUpdateView, UpdateView, asked};
use crate::jobs::context::as_stored;
use crate::rules::Rules;
use crate::updates::{self, OfDevice, Told};

/// Rows that are fetched at once.
const ROWS: u32 = 1000;
/// Devices of one name that are told apart in a message.
const NAMESAKES: u32 = 20;

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    #[command(flatten)]
    config: WithConfig,
    /// The update: its number, for example KB5036893, or the name of its file
    #[arg(value_name = "KB")]
    update: String,
    /// One device: its id or its host name. Tells every reason with the readings that show it, and the way out
    #[arg(long, value_name = "DEVICE", conflicts_with_all = ["class", "filter"])]
    device: Option<String>,
    /// Lists the devices of one class, for example paused
    #[arg(long, value_name = "CLASS", value_parser = class)]
    class: Option<Class>,
    /// Condition in the filter language
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,
    /// Format
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// As the API answers
    Json,
}

fn class(name: &str) -> Result<Class, String> {
    Class::named(name).ok_or_else(|| {
        let names: Vec<&str> = Class::ALL.iter().map(|class| class.name()).collect();
        format!("known classes: {}", names.join(", "))
    })
}

pub(super) async fn run(args: ExplainArgs) -> anyhow::Result<()> {
    let opened = args.config.open().await?;
    let now = opened.clock.now();
    let rules = as_stored(opened.store.as_ref(), &opened.config, now).await?;
    let question =
        asked(&rules, &args.update).map_err(|problem| anyhow::anyhow!(problem.detail))?;
    if let Some(device) = &args.device {
        return on_device(&opened, &rules, &question, device, args.format).await;
    }
    let filter = match &args.filter {
        None => Filter::Everything,
        Some(text) => Filter::parse(text).context("--filter cannot be understood")?,
    };
    match args.class {
        Some(class) => devices(&opened, &question, &filter, class, args.format).await,
        None => fleet(&opened, &question, &filter, args.format).await,
    }
}

async fn fleet(
    opened: &Opened,
    question: &Question<'_>,
    filter: &Filter,
    format: Format,
) -> anyhow::Result<()> {
    let now = opened.clock.now();
    let store = opened.store.as_ref();
    let tally = updates::tally(store, &Scope::All, filter, question, now).await?;
    if format == Format::Json {
        say(&serde_json::to_string_pretty(&UpdateView::of(
            question, &tally,
        ))?);
        return Ok(());
    }
    say(&heading(question));
    say("");
    say("CLASS\tDEVICES");
    for class in Class::ALL {
        let devices = tally.of(*class);
        if devices > 0 {
            say(&format!("{}\t{devices}", class.name()));
        }
    }
    say(&format!("all\t{}", tally.devices()));
    Ok(())
}

fn heading(question: &Question<'_>) -> String {
    let is_for = question.is_for();
    if is_for.is_empty() {
        format!(
            "{}: which build it brings is not known; too few devices have told, and no table says",
            question.kb
        )
    } else {
        format!("{}: for {is_for}", question.kb)
    }
}

async fn devices(
    opened: &Opened,
    question: &Question<'_>,
    filter: &Filter,
    class: Class,
    format: Format,
) -> anyhow::Result<()> {
    let now = opened.clock.now();
    let mut page = Page {
        after: None,
        limit: ROWS,
    };
    if format == Format::Table {
        say("ID\tNAME\tRELEASE\tBUILD\tWHY");
    }
    loop {
        let (rows, next) = updates::page(
            opened.store.as_ref(),
            &Scope::All,
            filter,
            question,
            Some(class),
            &page,
            now,
        )
        .await?;
        for row in &rows {
            let device = &row.device;
            match format {
                Format::Json => say(&crate::export::Exported::json(row)),
                Format::Table => say(&format!(
                    "{}\t{}\t{}\t{}\t{}",
                    device.identity.id,
                    plain(&device.name),
                    plain(&device.release),
                    build(device.build, device.ubr),
                    plain(&row.why)
                )),
            }
        }
        match next {
            Some(cursor) => page.after = Some(cursor),
            None => return Ok(()),
        }
    }
}

fn build(build: Option<u32>, ubr: Option<u32>) -> String {
    match (build, ubr) {
        (Some(build), Some(ubr)) => format!("{build}.{ubr}"),
        (Some(build), None) => build.to_string(),
        (None, _) => "unknown".to_owned(),
    }
}

async fn on_device(
    opened: &Opened,
    rules: &Rules,
    question: &Question<'_>,
    device: &str,
    format: Format,
) -> anyhow::Result<()> {
    let detail = find(opened.store.as_ref(), device).await?;
    let told = updates::of_device(&detail, rules, question, opened.clock.now());
    let summary = &detail.row.summary;
    let id = detail.row.identity.id.to_string();
    if format == Format::Json {
        let view = DeviceUpdateView::of(question, id, summary.name.clone(), told);
        say(&serde_json::to_string_pretty(&view)?);
        return Ok(());
    }
    say(&heading(question));
    say(&format!(
        "{} ({id}): {} {}",
        plain(&summary.name),
        plain(&summary.release),
        build(summary.build, summary.ubr)
    ));
    say("");
    tell(&told);
    Ok(())
}

fn tell(told: &OfDevice) {
    reason(&told.why);
    for (place, other) in told.rest.iter().enumerate() {
        if place == 0 {
            say("\nAlso true:");
        }
        reason(other);
    }
    if let Some(issue) = &told.primary {
        say(&format!("\nThe device's primary cause: {issue}"));
    }
    if let Some(way) = &told.way_out {
        way_out(way);
    }
}

fn reason(told: &Told) {
    say(&format!("{}: {}", told.class.name(), plain(&told.sentence)));
    for row in &told.evidence {
        let name = if row.name.is_empty() {
            String::new()
        } else {
            format!(" {}", plain(&row.name))
        };
        say(&format!(
            "    {}{name} = {} ({}, read {})",
            plain(&row.path),
            plain(&row.data.replace(['\n', '\r'], "; ")),
            row.kind,
            row.read_at
        ));
    }
}

fn way_out(way: &WayOut) {
    say("\nBy hand:");
    say(&format!("    {}", way.catalogue));
    for (step, command) in &way.steps {
        say(&format!("    {step}"));
        if let Some(command) = command {
            say(&format!("        {command}"));
        }
    }
}

/// The device of that id, or the one that is called so.
async fn find(store: &dyn Store, device: &str) -> anyhow::Result<DeviceDetail> {
    let id = match device.parse::<Uuid>() {
        Ok(id) => id,
        Err(_) => named(store, device).await?,
    };
    let found = store.device(&Scope::All, id).await?;
    found.with_context(|| format!("there is no device {device}; `device list` names them"))
}

async fn named(store: &dyn Store, name: &str) -> anyhow::Result<Uuid> {
    let filter = Filter::Is(Test::Text(TextField::Name, Pattern::new(name)));
    let page = Page {
        after: None,
        limit: NAMESAKES,
    };
    let rows = store.devices(&Scope::All, &filter, &page).await?;
    match rows.as_slice() {
        [] => bail!("no active device is called {name:?}; `device list` names them"),
        [only] => Ok(only.identity.id),
        several => {
            let ids: Vec<String> = several
                .iter()
                .map(|row| row.identity.id.to_string())
                .collect();
            bail!(
                "{} devices are called {name:?}; say which by its id: {}",
                several.len(),
                ids.join(", ")
            )
        }
    }
}
