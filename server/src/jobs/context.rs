//! The rules in force: the owner's wishes and acceptances as they are stored, and what the fleet says. Where any of it changes, the
//! devices that it concerns are diagnosed again, and no others.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sickbay_diagnosis::context::{
    Baselines, FleetContext, MAJORITY_QUORUM, Seen, Sources, majority_of,
};
use sickbay_diagnosis::expectation::{ScopedWish, UpdateClass, Wanted, Wishes};
use sickbay_diagnosis::explanation::ClaimTally;
use sickbay_diagnosis::filter::{Compare, Filter, NumberField, Pattern, Test};
use sickbay_diagnosis::knowledge::DeviceKind;
use sickbay_diagnosis::verdict::Kept;
use sickbay_diagnosis::{Kb, Time};
use sickbay_store::{
    AcceptanceRow, Baseline, Concerned, Scope, SeenRevision, SourceCount, Store, StoreError,
};

use super::{log, rediagnose};
use crate::app::App;
use crate::config::Config;
use crate::knowledge_pack::InForce;
use crate::metrics::jobs::Job;
use crate::rules::{Acceptances, Rules};
use crate::updates;
use crate::wishes::{self, of_kind};

/// How often it is computed.
const EVERY: Duration = Duration::from_secs(3);
/// In a fleet of more devices than this, what takes a walk through it is asked less often.
const LARGE: u64 = 20_000;
/// How often then.
const EVERY_IN_LARGE: Duration = Duration::from_mins(1);
/// How often a large fleet's devices are asked what they say of updates, which are a few a month.
const LEARN_IN_LARGE: Duration = Duration::from_mins(10);
/// The issues about one update that somebody asks for.
const ABOUT_UPDATES: &str = "not-applicable-*";
const PREREQUISITE: &str = "prerequisite-missing";
/// Devices diagnosed again in one round.
const AT_ONCE: u32 = 1000;
/// Ids asked for in one statement.
const IDS_AT_ONCE: usize = 200;

/// Keeps the rules in force, at every server. The one that leads diagnoses again whom other rules concern, and begins with every device,
/// because this version's rules may differ from those of the version that led before.
pub(super) async fn keep(app: App) {
    let mut known = Known::default();
    loop {
        let kept = round(&app, &mut known);
        if let Err(error) = app.metrics.jobs.round(Job::Rules, kept).await {
            log("rules", &error);
        }
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = app.rules_news.notified() => known.walked_at = None,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// What the last round found.
#[derive(Debug, Default)]
struct Known {
    acceptances: Vec<AcceptanceRow>,
    walked_at: Option<Instant>,
    learned_at: Option<Instant>,
    /// What devices said of updates then.
    said: ClaimTally,
    /// Whether this server led then.
    led: bool,
    /// Whom a change of the rules concerns and who is not diagnosed again yet: kept when the database fails in between.
    concerned: Vec<Concerned>,
}

async fn round(app: &App, known: &mut Known) -> Result<(), StoreError> {
    let now = app.clock.now();
    let leads = app.leads();
    let begins = leads && !known.led;
    let store = app.store.as_ref();
    let before = app.rules.get();
    let rows = holding(store.acceptances().await?, now);
    let wishes = in_force(&app.config, &wishes::stored(store).await?);
    let mut fleet = before.fleet.clone();
    of_kinds(&mut fleet, &store.source_counts().await?);
    if is_time_to_walk(app, known.walked_at, before.wishes != wishes).await? {
        walk(store, &wishes, &mut fleet).await?;
        known.walked_at = Some(Instant::now());
    }
    if is_time_to_learn(app, known.learned_at).await? {
        known.said = updates::learn(store, leads, now).await?;
        known.learned_at = Some(Instant::now());
    }
    fleet.updates = updates::learned(store, &known.said).await?;
    let known_of_windows = knowledge(app, &before).await?;
    let rules = Rules {
        knowledge: known_of_windows.knowledge,
        knowledge_origin: known_of_windows.origin,
        acceptances: Acceptances::of(&rows, now),
        wishes,
        fleet,
    };
    let known_as_before = before.has_knowledge_of(&rules);
    let concerned = if begins || !known_as_before || before.wishes != rules.wishes {
        vec![Concerned::All]
    } else {
        let mut concerned = concerned(&before.fleet, &rules.fleet, &rules.wishes);
        concerned.extend(concerned_by_acceptances(&known.acceptances, &rows));
        concerned
    };
    known.acceptances = rows;
    if *before != rules {
        app.rules.set(rules);
    }
    known.led = leads;
    if !leads {
        known.concerned.clear();
        if !concerned.is_empty() {
            // Who leads may have been through with some that were diagnosed here by the rules of before.
            rediagnose(app, app.ingest.diagnosed_lately()).await;
        }
        return Ok(());
    }
    if !concerned.is_empty() && !begins {
        // What the fleet says may have changed: others look again, too.
        app.fleet.rules_changed();
        tracing::info!(
            parts = concerned.len(),
            "the rules changed; the devices that they concern are diagnosed again"
        );
    }
    if concerned.contains(&Concerned::All) {
        known.concerned.clear();
    }
    known.concerned.extend(concerned);
    while let Some(devices) = known.concerned.last() {
        diagnose_again(app, devices).await?;
        known.concerned.pop();
    }
    Ok(())
}

/// The rules as settings and database make them now, for a command that runs beside the server.
///
/// # Errors
/// Where the database does not answer, or what it holds cannot be read.
pub async fn as_stored(store: &dyn Store, config: &Config, now: Time) -> anyhow::Result<Rules> {
    let known = InForce::load(store, &config.knowledge.trusted()?).await?;
    let wishes = in_force(config, &wishes::stored(store).await?);
    let mut fleet = FleetContext {
        updates: updates::told(store, now).await?,
        ..FleetContext::default()
    };
    of_kinds(&mut fleet, &store.source_counts().await?);
    walk(store, &wishes, &mut fleet).await?;
    Ok(Rules {
        knowledge: known.knowledge,
        knowledge_origin: known.origin,
        acceptances: Acceptances::of(&holding(store.acceptances().await?, now), now),
        wishes,
        fleet,
    })
}

/// What is known of Windows now: as before, unless another pack was imported since, or the imported one was taken back.
async fn knowledge(app: &App, before: &Rules) -> Result<InForce, StoreError> {
    let store = app.store.as_ref();
    let known = if store.knowledge_mark().await?.as_ref() == before.knowledge_origin.mark() {
        InForce {
            knowledge: Arc::clone(&before.knowledge),
            origin: before.knowledge_origin.clone(),
        }
    } else {
        // Settings that are no keys let no server start, so there is nothing to fall back from.
        let trusted = app.config.knowledge.trusted().unwrap_or_default();
        let known = InForce::load(store, &trusted).await?;
        known.log();
        known
    };
    let age_days = known.about(app.clock.now()).age_days;
    app.metrics.knowledge_age_days.set(age_days);
    Ok(known)
}

/// The wishes in force: those kept in the database come before those of the settings file.
pub(crate) fn in_force(config: &Config, stored: &Wishes) -> Wishes {
    let scopes: Vec<ScopedWish> = stored
        .scopes
        .iter()
        .chain(&config.scopes)
        .cloned()
        .collect();
    let mut fleet: Wanted = stored.fleet.clone();
    fleet.fill_from(&config.expectations);
    Wishes { scopes, fleet }
}

/// The fleet's context as it would be with other wishes: their scopes have majorities of their own.
pub(crate) async fn with_wishes(
    store: &dyn Store,
    fleet: &FleetContext,
    wishes: &Wishes,
) -> Result<FleetContext, StoreError> {
    let mut fleet = fleet.clone();
    fleet.scope_sources = of_scopes(store, wishes).await?;
    Ok(fleet)
}

fn holding(rows: Vec<AcceptanceRow>, now: Time) -> Vec<AcceptanceRow> {
    rows.into_iter()
        .filter(|row| row.ended_at.is_none() && row.until > now)
        .collect()
}

async fn is_time_to_walk(
    app: &App,
    walked_at: Option<Instant>,
    other_wishes: bool,
) -> Result<bool, StoreError> {
    let Some(walked_at) = walked_at.filter(|_| !other_wishes) else {
        return Ok(true);
    };
    let devices = app.store.fleet_counts(&Scope::All).await?.active();
    Ok(devices <= LARGE || walked_at.elapsed() >= EVERY_IN_LARGE)
}

async fn is_time_to_learn(app: &App, learned_at: Option<Instant>) -> Result<bool, StoreError> {
    let Some(learned_at) = learned_at else {
        return Ok(true);
    };
    let devices = app.store.fleet_counts(&Scope::All).await?.active();
    Ok(devices <= LARGE || learned_at.elapsed() >= LEARN_IN_LARGE)
}

/// What takes a walk through the fleet or its baselines.
async fn walk(
    store: &dyn Store,
    wishes: &Wishes,
    fleet: &mut FleetContext,
) -> Result<(), StoreError> {
    fleet.scope_sources = of_scopes(store, wishes).await?;
    let seen = store.seen_revisions().await?;
    fleet.revisions = baselines(&seen, Baseline::Windows);
    fleet.stacks = baselines(&seen, Baseline::ServicingStack);
    fleet.shared_client_ids = store.shared_client_ids().await?.into_iter().collect();
    Ok(())
}

fn baselines(seen: &[SeenRevision], what: Baseline) -> Baselines {
    let mut baselines = Baselines::default();
    for row in seen.iter().filter(|row| row.what == what) {
        let seen = Seen {
            revision: row.revision,
            since: row.since,
        };
        baselines.add(row.kind, row.build, seen);
    }
    baselines
}

fn of_kinds(fleet: &mut FleetContext, counts: &[SourceCount]) {
    let of = |kind| {
        let of_kind: Vec<&SourceCount> = counts.iter().filter(|c| c.kind == Some(kind)).collect();
        majorities(&of_kind)
    };
    fleet.client_sources = of(DeviceKind::Client);
    fleet.server_sources = of(DeviceKind::Server);
}

async fn of_scopes(store: &dyn Store, wishes: &Wishes) -> Result<Vec<Option<Sources>>, StoreError> {
    let mut scopes = Vec::with_capacity(wishes.scopes.len());
    for place in 0..wishes.scopes.len() {
        let devices = wishes.devices_of(place);
        let counts = store.source_counts_of(&devices).await?;
        let of_quality = counts
            .iter()
            .filter(|c| c.class == UpdateClass::Quality as usize);
        let enough = of_quality.map(|c| c.devices).sum::<u64>() >= MAJORITY_QUORUM;
        let all: Vec<&SourceCount> = counts.iter().collect();
        scopes.push(enough.then(|| majorities(&all)));
    }
    Ok(scopes)
}

fn majorities(counts: &[&SourceCount]) -> Sources {
    std::array::from_fn(|class| {
        let mut of_class: Vec<(_, u64)> = Vec::new();
        for count in counts.iter().filter(|count| count.class == class) {
            match of_class
                .iter_mut()
                .find(|(source, _)| *source == count.source)
            {
                Some((_, devices)) => *devices += count.devices,
                None => of_class.push((count.source.clone(), count.devices)),
            }
        }
        majority_of(&of_class)
    })
}

/// Whom a change of the fleet's context concerns.
fn concerned(old: &FleetContext, new: &FleetContext, wishes: &Wishes) -> Vec<Concerned> {
    let mut concerned = Vec::new();
    for (kind, before, after) in [
        (DeviceKind::Client, &old.client_sources, &new.client_sources),
        (DeviceKind::Server, &old.server_sources, &new.server_sources),
    ] {
        if before != after {
            concerned.push(Concerned::Matching(of_kind(kind)));
        }
    }
    for (place, sources) in new.scope_sources.iter().enumerate() {
        if old.scope_sources.get(place) != Some(sources) {
            concerned.push(Concerned::Matching(wishes.devices_of(place)));
        }
    }
    let builds: BTreeSet<(DeviceKind, u32)> = new
        .revisions
        .differing(&old.revisions)
        .chain(new.stacks.differing(&old.stacks))
        .collect();
    for (kind, build) in builds {
        let of_build = Test::Number(NumberField::Build, Compare::Equal, u64::from(build));
        let filter = of_kind(kind).and(Filter::Is(of_build));
        concerned.push(Concerned::Matching(filter));
    }
    concerned.extend(concerned_by_updates(old, new, wishes));
    let ids: Vec<String> = new
        .shared_client_ids
        .symmetric_difference(&old.shared_client_ids)
        .cloned()
        .collect();
    concerned.extend(
        ids.chunks(IDS_AT_ONCE)
            .map(|ids| Concerned::ClientIds(ids.to_vec())),
    );
    concerned
}

/// Devices of which an update is wanted that now is known to bring another build, or none; and those on which one is asked for and was not
/// told yet.
fn concerned_by_updates(old: &FleetContext, new: &FleetContext, wishes: &Wishes) -> Vec<Concerned> {
    let changed: BTreeSet<Kb> = new
        .updates
        .differing(&old.updates)
        .chain(old.updates.differing(&new.updates))
        .collect();
    if changed.is_empty() {
        return Vec::new();
    }
    let wants_any = |wanted: &Wanted| {
        let wanted = wanted.wanted_updates.as_ref();
        wanted.is_some_and(|list| list.all().iter().any(|kb| changed.contains(kb)))
    };
    if wants_any(&wishes.fleet) {
        return vec![Concerned::All];
    }
    let asked = [ABOUT_UPDATES, PREREQUISITE].map(|id| Filter::Is(Test::Issue(Pattern::new(id))));
    // Those of which it could not be told have no open finding, and are among those of which anything could not be told.
    let untold = Filter::Is(Test::State(Kept::Unknown));
    let any = asked.into_iter().chain([untold]).collect();
    let mut concerned = vec![Concerned::Matching(Filter::Any(any))];
    for (place, scope) in wishes.scopes.iter().enumerate() {
        if wants_any(&scope.wanted) {
            concerned.push(Concerned::Matching(wishes.devices_of(place)));
        }
    }
    concerned
}

/// The scopes of acceptances that came or went.
fn concerned_by_acceptances(old: &[AcceptanceRow], new: &[AcceptanceRow]) -> Vec<Concerned> {
    let missing = |row: &&AcceptanceRow, among: &[AcceptanceRow]| {
        !among.iter().any(|other| other.id == row.id)
    };
    let gone = old.iter().filter(|row| missing(row, new));
    let come = new.iter().filter(|row| missing(row, old));
    gone.chain(come)
        .filter_map(|row| Filter::parse(&row.scope).ok())
        .map(Concerned::Matching)
        .collect()
}

async fn diagnose_again(app: &App, concerned: &Concerned) -> Result<(), StoreError> {
    let store = Arc::clone(&app.store);
    let mut after = 0;
    loop {
        let keys = store.keys_after(concerned, after, AT_ONCE).await?;
        let Some(last) = keys.last() else {
            return Ok(());
        };
        after = *last;
        rediagnose(app, keys).await;
        if app.stop.is_cancelled() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sickbay_diagnosis::expectation::{ExpectedSource, UpdateSource};

    fn wsus() -> ExpectedSource {
        ExpectedSource {
            source: UpdateSource::Wsus,
            server: None,
        }
    }

    #[test]
    fn a_change_concerns_those_alone_whose_verdicts_rest_on_it() {
        let old = FleetContext::default();
        let mut new = FleetContext::default();
        assert_eq!(concerned(&old, &new, &Wishes::default()), []);
        new.server_sources[0] = Some(wsus());
        new.revisions.add(
            DeviceKind::Client,
            26100,
            Seen {
                revision: 4061,
                since: Time::from_millis(0),
            },
        );
        new.shared_client_ids.insert("a".to_owned());
        let texts: Vec<String> = concerned(&old, &new, &Wishes::default())
            .into_iter()
            .map(|concerned| match concerned {
                Concerned::All => "all".to_owned(),
                Concerned::Matching(filter) => filter.to_string(),
                Concerned::ClientIds(ids) => format!("ids {}", ids.join(" ")),
            })
            .collect();
        assert_eq!(texts, ["kind:server", "kind:client build=26100", "ids a"]);
    }
}
