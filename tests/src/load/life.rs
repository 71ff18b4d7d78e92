//! What happens on a Windows machine, how often, and what its checks then see: the one profile behind the load generator and the
//! benchmarks of ingest and storage.
//!
//! A [`Model`] is a machine of the demo fleet, looked at by the real checks in each of the states that something brings it into. A device
//! of the load generator takes a model's observations over under names of its own.

use anyhow::{Context as _, ensure};
use sickbay_collector::checks::comparison_form;
use sickbay_collector::host::recording::Recording;
use sickbay_collector::host::recording::upkeep::RecordedEvent;
use sickbay_collector::inspection::inspect;
use sickbay_diagnosis::observation::{Observation, Observations, Outcome};
use sickbay_diagnosis::reading::{Data, Reading};
use sickbay_diagnosis::time::HOUR_MS;
use sickbay_diagnosis::{Check, Time, keys};

/// Something that happens on a machine and makes a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Happening {
    /// The update client looked for updates on another day than the last time.
    Search,
    /// The update client wrote an event that counts.
    Event,
    /// Room on the system drive moved by a band.
    Room,
    /// An update asks for a restart; or it was restarted.
    Restart,
    /// A cumulative update was installed.
    Installation,
    /// Somebody paused updates; or resumed them.
    Pause,
}

impl Happening {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Search,
        Self::Event,
        Self::Room,
        Self::Restart,
        Self::Installation,
        Self::Pause,
    ];

    /// How often on an ordinary machine within 90 days.
    ///
    /// A client looks for updates several times a day, of which only the day counts: 90. Each month brings a cumulative update, one of
    /// .NET, one of the malicious software removal tool and two of drivers or firmware, each with an event when it begins and when it is
    /// done: 30. Room passes a band some twice a month, as temporary files come and go: 6. Three cumulative updates ask for a restart and get
    /// it: 6; and are installed: 3. One machine in three has its updates paused once: 1, rounded up, for begin and end together.
    pub const fn in_90_days(self) -> u32 {
        match self {
            Self::Search => 90,
            Self::Event => 30,
            Self::Room | Self::Restart => 6,
            Self::Installation => 3,
            Self::Pause => 1,
        }
    }

    /// How many of a hundred reports, on the day on which a fleet installs its updates: the hardest hours of a server. One report in three
    /// changes a verdict.
    pub const fn of_hundred_on_patch_day(self) -> u32 {
        match self {
            Self::Search => 20,
            Self::Event => 34,
            Self::Room => 6,
            Self::Restart => 30,
            Self::Installation => 6,
            Self::Pause => 4,
        }
    }

    /// Its place in [`Self::ALL`].
    const fn place(self) -> usize {
        self as usize
    }

    /// Which check sees it.
    pub const fn check(self) -> Check {
        match self {
            Self::Search => Check::LastScan,
            Self::Event => Check::UpdateEvents,
            Self::Room => Check::Storage,
            Self::Restart => Check::PendingReboot,
            Self::Installation => Check::Updates,
            Self::Pause => Check::Pause,
        }
    }

    /// The happening at a point of a scale from 0 to 99, as often as on a day of updates.
    pub fn on_patch_day(point: u32) -> Self {
        let mut rest = point % 100;
        for happening in Self::ALL {
            let share = happening.of_hundred_on_patch_day();
            if rest < share {
                return *happening;
            }
            rest -= share;
        }
        Self::Search
    }

    /// What a check sees on a machine to which this happened for the `turn`th time.
    pub fn seen_on(self, machine: &Recording, turn: usize, check: Check) -> Option<Observation> {
        inspect(&self.state(machine, turn), &[check])
            .get(check)
            .cloned()
    }

    /// Brings a machine into the states that this leads through, in turn.
    fn states(self, machine: &Recording) -> Vec<Recording> {
        let turns = 0..self.turns();
        turns.map(|turn| self.state(machine, turn)).collect()
    }

    /// How many states there are.
    const fn turns(self) -> usize {
        match self {
            Self::Search | Self::Event => 3,
            Self::Room | Self::Restart | Self::Installation | Self::Pause => 2,
        }
    }

    /// Brings a machine into one of them.
    fn state(self, machine: &Recording, turn: usize) -> Recording {
        let now = machine.description().now;
        let at = |hours: i64| {
            now.unwrap_or(Time::from_millis(0))
                .plus_millis(-hours * HOUR_MS)
        };
        let turn = turn % self.turns();
        let mut machine = machine.clone();
        match self {
            // The first one is another day than that on which the machine was last seen to search.
            Self::Search => searched(&mut machine, at([25, 1, 49][turn])),
            Self::Event => finished(&mut machine, at([2, 26, 50][turn])),
            Self::Room => {
                if let Some(storage) = &mut machine.description_mut().storage {
                    storage.free_bytes = [110 << 30, 60 << 30][turn];
                }
            }
            Self::Restart => {
                let registry = machine.registry_mut();
                for key in [keys::CBS_REBOOT_PENDING, keys::AUTO_UPDATE_REBOOT] {
                    if turn == 0 {
                        registry.create_key(key);
                        registry.set_last_write(key, at(240));
                    } else {
                        registry.delete_key(key);
                    }
                }
            }
            Self::Installation if turn == 0 => installed(&mut machine, at(3)),
            Self::Installation => {}
            Self::Pause => {
                let expiry = "PauseUpdatesExpiryTime";
                let registry = machine.registry_mut();
                if turn == 0 {
                    let until = Data::Text(at(-240).to_string());
                    registry.set_value(keys::UX_SETTINGS, expiry, until);
                } else {
                    registry.delete_value(keys::UX_SETTINGS, expiry);
                }
                registry.set_value(
                    keys::UPDATE_POLICY_SETTINGS,
                    "PausedQualityStatus",
                    Data::Dword(u32::from(turn == 0)),
                );
            }
        }
        machine
    }
}

fn searched(machine: &mut Recording, at: Time) {
    let noted = at.to_string().replace('T', " ");
    let noted: String = noted.chars().take(19).collect();
    let registry = machine.registry_mut();
    let key = format!(
        r"{}\8B24B027-1DEE-BABB-9A95-3517DFB9C552",
        keys::ONLINE_SCANS
    );
    registry.set_value(
        &key,
        "{0FA1201D-4330-4FA8-8AE9-B877473B6441}",
        Data::Text(noted),
    );
}

fn finished(machine: &mut Recording, at: Time) {
    const INSTALLED: u32 = 19;
    let channels = &mut machine.description_mut().event_channels;
    let channel = channels.entry(keys::SYSTEM_CHANNEL.to_owned()).or_default();
    let title = "2026-11 Cumulative Update for .NET Framework 3.5 and 4.8.1 (KB5068131)";
    let values = [
        ("updateTitle", title.to_owned()),
        (
            "updateGuid",
            format!("{{{:08x}-3f1a-4c57-9d0e-5a1b2c3d4e5f}}", at.millis() >> 12),
        ),
    ];
    channel.events.push(RecordedEvent {
        record: 90_000 + channel.events.len() as u64,
        id: INSTALLED,
        at: Some(at),
        values: values.map(|(name, value)| (name.to_owned(), value)).into(),
        ..RecordedEvent::default()
    });
}

fn installed(machine: &mut Recording, at: Time) {
    /// Seconds between the years 1601, from which Windows counts, and 1970.
    const EPOCH_S: i64 = 11_644_473_600;
    let name = "Package_for_DotNetRollup_481~31bf3856ad364e35~amd64~~10.0.9320.9";
    let key = format!(r"{}\{name}", keys::CBS_PACKAGES);
    let filetime = (at.millis() / 1000 + EPOCH_S) * 10_000_000;
    let registry = machine.registry_mut();
    registry.set_value(&key, "CurrentState", Data::Dword(112));
    registry.set_value(
        &key,
        "InstallClient",
        Data::Text("UpdateAgentLCU".to_owned()),
    );
    for (name, half) in [("High", filetime >> 32), ("Low", filetime & 0xffff_ffff)] {
        registry.set_value(
            &key,
            &format!("InstallTime{name}"),
            Data::Dword(half as u32),
        );
    }
}

/// A machine and what its checks see in each state that something brings it into.
#[derive(Debug)]
pub struct Model {
    host_name: String,
    first: Observations,
    states: Vec<Vec<Observation>>,
}

impl Model {
    /// Of a recorded machine of that name.
    ///
    /// # Errors
    /// Where something that happens to it makes no difference to its check: nothing would be reported.
    pub fn of(host_name: &str, machine: &Recording) -> anyhow::Result<Self> {
        let mut states = Vec::with_capacity(Happening::ALL.len());
        for happening in Happening::ALL {
            let check = happening.check();
            let seen: Vec<Observation> = happening
                .states(machine)
                .iter()
                .map(|state| {
                    inspect(state, &[check])
                        .get(check)
                        .cloned()
                        .context("an inspection sees every check")
                })
                .collect::<anyhow::Result<_>>()?;
            let forms: Vec<Vec<u8>> = seen
                .iter()
                .map(|observation| comparison_form(check, observation))
                .collect();
            let next = forms.iter().cycle().skip(1);
            ensure!(
                forms.iter().zip(next).all(|(one, other)| one != other),
                "{happening:?} makes no report on {host_name}"
            );
            states.push(seen);
        }
        Ok(Self {
            host_name: host_name.to_owned(),
            first: inspect(machine, Check::ALL),
            states,
        })
    }

    /// All that is seen at first, by a machine of these names.
    pub fn first(&self, names: &Names) -> Observations {
        let mut first = Observations::new();
        for (check, observation) in self.first.iter() {
            let mut observation = observation.clone();
            names.stand_in(&mut observation, check, &self.host_name);
            first.put(check, observation);
        }
        first
    }

    /// What the check sees when that happened for the `turn`th time.
    pub fn after(&self, happening: Happening, turn: usize, names: &Names) -> Observation {
        let states = &self.states[happening.place()];
        let mut observation = states[turn % states.len()].clone();
        names.stand_in(&mut observation, happening.check(), &self.host_name);
        observation
    }
}

fn replace(reading: &mut Reading, name: &str, by: &str) {
    if let Data::Text(text) = &mut reading.data
        && text.eq_ignore_ascii_case(name)
    {
        by.clone_into(text);
    }
}

/// What a machine is called.
#[derive(Debug, Clone)]
pub struct Names {
    /// Host name.
    pub host_name: String,
    /// The id of its update agent.
    pub client_id: String,
}

impl Names {
    /// Of the machine with that number.
    pub fn numbered(number: usize) -> Self {
        Self {
            host_name: format!("LOAD-{number:06}"),
            client_id: format!("{number:08x}-0000-4000-8000-00000000000a"),
        }
    }

    /// Puts these names in the place of those that a check saw on a machine of that host name.
    pub fn stand_in(&self, observation: &mut Observation, check: Check, host_name: &str) {
        let Outcome::Seen(readings) = &mut observation.outcome else {
            return;
        };
        match check {
            Check::Device | Check::PendingReboot => {
                for reading in readings {
                    replace(reading, host_name, &self.host_name);
                }
            }
            Check::UpdateAgent => {
                let ids = readings
                    .iter_mut()
                    .filter(|reading| reading.name.as_deref() == Some(keys::CLIENT_ID));
                for id in ids {
                    id.data = Data::Text(self.client_id.clone());
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use sickbay_diagnosis::verdict::State;
    use sickbay_server::clock::Clock;
    use sickbay_server::demo::fleet::FleetPlan;
    use sickbay_server::ingest::plan::{Held, Working};
    use sickbay_server::rules::Rules;

    use super::*;
    use crate::bench::stored::{commit, enrol, report};
    use crate::server::open_store;

    #[test]
    fn a_hundred_reports_of_a_patch_day_are_a_hundred() {
        let shares = Happening::ALL
            .iter()
            .map(|happening| happening.of_hundred_on_patch_day());
        assert_eq!(shares.sum::<u32>(), 100);
        let mut times = BTreeMap::new();
        for point in 0..100 {
            *times
                .entry(Happening::on_patch_day(point).place())
                .or_insert(0) += 1;
        }
        for happening in Happening::ALL {
            assert_eq!(
                times[&happening.place()],
                happening.of_hundred_on_patch_day()
            );
        }
    }

    /// Restarts and pauses change verdicts on most machines, so that the load has findings and history to write.
    #[tokio::test]
    async fn restarts_and_pauses_open_issues_that_clear_again() -> anyhow::Result<()> {
        let now = Clock::system().now();
        let plan = FleetPlan::new(1, 40, now);
        let folder = tempfile::tempdir()?;
        let store = open_store(folder.path()).await?;
        let key = enrol(&store, 1, now).await?;
        let mut cleared = 0;
        for machine in plan.machines() {
            let model = Model::of(&machine.host_name, &machine.recording)?;
            let names = Names::numbered(7);
            let state = store.load_states(&key).await?.remove(0);
            let mut working = Working::new(state, now);
            let mut said = report(&model.first(&names));
            working.take(&[1; 16], &said, now);
            working.diagnose(&Rules::default(), now);
            for happening in [Happening::Restart, Happening::Pause] {
                for turn in 0..2 {
                    said.sequence += 1;
                    said.full = false;
                    let seen = model.after(happening, turn, &names);
                    said.observations = vec![(happening.check(), Arc::new(seen))];
                    working.take(&[1; 16], &said, now);
                    working.diagnose(&Rules::default(), now);
                }
            }
            let history = working.finish().context("much changed")?.history;
            cleared += history.iter().filter(|row| row.from == State::Open).count();
        }
        assert!(cleared >= 60, "{cleared} issues cleared, of some 80");
        Ok(())
    }

    /// What is kept between two reports is what the database holds, and leads to the same change.
    #[tokio::test]
    async fn a_device_from_the_shelf_comes_to_the_same_as_one_that_is_loaded() -> anyhow::Result<()>
    {
        let now = Clock::system().now();
        let plan = FleetPlan::new(2, 12, now);
        let folder = tempfile::tempdir()?;
        let store = open_store(folder.path()).await?;
        let keys = enrol(&store, plan.machines().len(), now).await?;
        let rules = Rules::default();
        for (number, machine) in plan.machines().iter().enumerate() {
            let model = Model::of(&machine.host_name, &machine.recording)?;
            let names = Names::numbered(number);
            let key = &keys[number..=number];
            let mut held = Held::from(store.load_states(key).await?.remove(0));
            let mut said = report(&model.first(&names));
            for turn in 0..3 {
                for happening in Happening::ALL {
                    let loaded = Held::from(store.load_states(key).await?.remove(0));
                    assert_eq!(
                        format!("{:?}", loaded.state()),
                        format!("{:?}", held.state()),
                        "{}",
                        machine.host_name
                    );
                    let mut changes = [loaded, held].map(|held| {
                        let mut working = Working::new(held, now);
                        working.take(&[1; 16], &said, now);
                        working.diagnose(&rules, now);
                        working.finish_and_hold()
                    });
                    assert_eq!(
                        format!("{:?}", changes[0].0),
                        format!("{:?}", changes[1].0),
                        "{} after {happening:?}",
                        machine.host_name
                    );
                    let change = changes[1].0.take().context("a report changes something")?;
                    commit(&store, vec![change]).await?;
                    let [_, (_, stands)] = changes;
                    held = stands;
                    said.full = false;
                    said.sequence += 1;
                    let seen = model.after(*happening, turn, &names);
                    said.observations = vec![(happening.check(), Arc::new(seen))];
                }
            }
        }
        Ok(())
    }
}
