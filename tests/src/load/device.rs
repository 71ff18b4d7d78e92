//! One device of the load: the collector's own session ([`Machine`]) over a connection of its own, with memory in the place of a disk
//! and a [`Model`] in the place of a Windows machine.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use sickbay_collector::checks::comparison_form;
use sickbay_collector::session::machine::{Action, Event, Machine, MachineOptions, Moment};
use sickbay_collector::session::message::{Epoch, FromServer, Speaker, ToServer};
use sickbay_collector::session::outbox::{Base, Outbox};
use sickbay_collector::session::{CallError, Line, StandIn};
use sickbay_collector::spool::SpoolLimits;
use sickbay_diagnosis::observation::Observations;
use sickbay_diagnosis::{Check, Time};
use tokio::sync::watch;

use super::life::{Happening, Model, Names};
use super::tally::Tally;
use super::{Orders, Pace};

/// Longest sleep; a timer that comes too early is harmless.
const LONGEST_SLEEP: Duration = Duration::from_mins(10);

type Connecting = Pin<Box<dyn Future<Output = Result<Line, CallError>> + Send>>;

/// One device.
pub(super) struct Device {
    stand_in: StandIn,
    model: Arc<Model>,
    names: Names,
    speaker: Speaker,
    machine: Machine,
    chance: StdRng,
    /// How often each thing happened to it.
    turns: [usize; Happening::ALL.len()],
    /// What the next inspection of a single check sees.
    happens: Option<Happening>,
    actions: VecDeque<Action>,
    connecting: Option<Connecting>,
    line: Option<Line>,
    /// Reports under way: their numbers and when they were sent.
    sent: VecDeque<(u64, Instant)>,
    /// When the next thing happens, where they come at a pace.
    next: Option<Instant>,
    live: bool,
    /// How often the server refused it since it last had a session.
    refused: u64,
    begun: Instant,
    tally: Arc<Tally>,
}

/// What ended a wait.
enum Woken {
    Connected(Result<Line, CallError>),
    Heard(Option<Result<FromServer, CallError>>),
    Ordered,
    Time,
    Over,
}

impl Device {
    pub(super) fn new(
        stand_in: StandIn,
        model: Arc<Model>,
        number: usize,
        seed: u64,
        options: MachineOptions,
        tally: Arc<Tally>,
    ) -> Self {
        let mut chance = StdRng::seed_from_u64(seed ^ (number as u64).rotate_left(32));
        let mut epoch = Epoch([0; 16]);
        chance.fill_bytes(&mut epoch.0);
        let mut speaker = Speaker {
            fingerprint: fingerprint(number),
            ..Speaker::default()
        };
        chance.fill_bytes(&mut speaker.instance);
        let base = Base {
            epoch,
            acknowledged: None,
            observations: Observations::new(),
        };
        let outbox = Outbox::new(base, SpoolLimits::default(), comparison_form);
        Self {
            stand_in,
            model,
            names: Names::numbered(number),
            speaker,
            machine: Machine::new(options, outbox, false, true),
            turns: [0; Happening::ALL.len()],
            chance,
            happens: None,
            actions: VecDeque::new(),
            connecting: None,
            line: None,
            sent: VecDeque::new(),
            next: None,
            live: false,
            refused: 0,
            begun: Instant::now(),
            tally,
        }
    }

    /// Lives until nobody gives orders any more.
    pub(super) async fn live(mut self, mut orders: watch::Receiver<Orders>) {
        let mut storms = orders.borrow().storms;
        self.tell(Event::Timer);
        let mut woken_at = self.wake_at();
        let mut timer = Box::pin(tokio::time::sleep_until(woken_at.into()));
        loop {
            while let Some(action) = self.actions.pop_front() {
                self.perform(action);
            }
            self.note_whether_live();
            let pace = orders.borrow().pace;
            self.go_on(pace);
            while let Some(action) = self.actions.pop_front() {
                self.perform(action);
            }
            let wake_at = self.wake_at();
            if wake_at != woken_at {
                woken_at = wake_at;
                timer.as_mut().reset(wake_at.into());
            }
            let woken = tokio::select! {
                connected = ready(&mut self.connecting) => Woken::Connected(connected),
                heard = next(self.line.as_mut()) => Woken::Heard(heard),
                ordered = orders.changed() => if ordered.is_ok() { Woken::Ordered } else { Woken::Over },
                () = &mut timer => Woken::Time,
            };
            match woken {
                Woken::Connected(Ok(line)) => {
                    self.connecting = None;
                    self.line = Some(line);
                    self.tell(Event::Connected);
                }
                Woken::Connected(Err(error)) => self.lost(Some(error)),
                Woken::Heard(Some(Ok(message))) => {
                    self.note_acknowledged(&message);
                    self.tell(Event::Received(message));
                }
                Woken::Heard(Some(Err(error))) => self.lost(Some(error)),
                Woken::Heard(None) => self.lost(None),
                Woken::Ordered => {
                    self.next = None;
                    let now = orders.borrow_and_update().storms;
                    if now != storms {
                        storms = now;
                        self.drop_out();
                    }
                }
                Woken::Time => {
                    woken_at = self.begun;
                    self.tell(Event::Timer);
                }
                Woken::Over => return,
            }
        }
    }

    fn wake_at(&self) -> Instant {
        let due = self.begun
            + self
                .machine
                .deadline()
                .min(self.begun.elapsed() + LONGEST_SLEEP);
        // Nothing happens to a device without a session, so nobody has to wake up for it.
        let next = self.next.filter(|_| self.machine.is_live());
        next.map_or(due, |next| due.min(next))
    }

    fn tell(&mut self, event: Event) {
        let now = Moment {
            elapsed: self.begun.elapsed(),
            clock: clock(),
        };
        let chance = &mut self.chance;
        let mut random = |bytes: &mut [u8]| chance.fill_bytes(bytes);
        let actions = self.machine.handle(event, now, &mut random);
        self.actions.extend(actions);
    }

    /// Lets happen what is to happen now.
    fn go_on(&mut self, pace: Pace) {
        if !self.machine.is_live() {
            return;
        }
        match pace {
            Pace::Still => {}
            Pace::AsFastAsItGoes { under_way } => {
                while self.machine.is_live()
                    && self.machine.outbox().waiting() < under_way
                    && self.actions.is_empty()
                {
                    self.happen();
                    while let Some(action) = self.actions.pop_front() {
                        self.perform(action);
                    }
                }
            }
            Pace::Every(interval) => {
                let now = Instant::now();
                match self.next {
                    None => self.next = Some(now + interval.mul_f64(self.chance.random())),
                    Some(next) if next <= now => {
                        // What was missed while others had the processor is made up for: the load is what it is said to be.
                        self.next = Some(next + interval);
                        self.happen();
                    }
                    Some(_) => {}
                }
            }
        }
    }

    fn happen(&mut self) {
        let happening = Happening::on_patch_day(self.chance.random_range(0..100));
        self.happens = Some(happening);
        self.tell(Event::InspectSoon(vec![happening.check()]));
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Connect => {
                self.tally.connects();
                let opening = self.stand_in.open();
                self.connecting = Some(Box::pin(opening));
            }
            Action::Disconnect => {
                self.line = None;
                self.connecting = None;
            }
            Action::Send(mut message) => {
                match &mut message {
                    ToServer::Hello(hello) => hello.speaker.clone_from(&self.speaker),
                    ToServer::Report(report) => {
                        self.sent.push_back((report.sequence, Instant::now()));
                        self.tally.sent();
                    }
                    ToServer::Heartbeat { .. } | ToServer::RequestResult { .. } => {}
                }
                let said = self.line.as_ref().map(|line| line.say(&message));
                match said {
                    Some(Ok(true)) | None => {}
                    Some(Ok(false)) => self.lost(None),
                    Some(Err(error)) => self.lost(Some(error)),
                }
            }
            Action::Inspect(checks) => {
                let seen = self.inspect(&checks);
                self.tell(Event::Inspected(seen));
            }
            Action::SpoolPush(report) => self.tell(Event::Pushed {
                sequence: report.sequence,
                dropped: None,
            }),
            Action::SpoolRemoveUpTo(_)
            | Action::SpoolClear
            | Action::SaveBase
            | Action::Note(_) => {}
        }
    }

    fn inspect(&mut self, checks: &[Check]) -> Observations {
        let happening = self.happens.take();
        let Some(happening) = happening.filter(|happening| checks.contains(&happening.check()))
        else {
            let all = self.model.first(&self.names);
            let mut seen = Observations::new();
            for check in checks {
                if let Some(observation) = all.get(*check) {
                    seen.put(*check, observation.clone());
                }
            }
            return seen;
        };
        let turn = &mut self.turns[happening as usize];
        let mut observation = self.model.after(happening, *turn, &self.names);
        *turn += 1;
        observation.taken_at = clock();
        let mut seen = Observations::new();
        seen.put(happening.check(), observation);
        seen
    }

    fn note_acknowledged(&mut self, message: &FromServer) {
        let FromServer::Ack { sequence, .. } = message else {
            return;
        };
        while let Some((_, at)) = self.sent.pop_front_if(|(number, _)| *number <= *sequence) {
            self.tally.acknowledged(at.elapsed());
        }
    }

    fn note_whether_live(&mut self) {
        let live = self.machine.is_live();
        if live != self.live {
            self.live = live;
            self.tally.live(live);
            if live {
                self.refused = 0;
            }
        }
    }

    /// The network fails.
    fn drop_out(&mut self) {
        self.line = None;
        self.connecting = None;
        self.sent.clear();
        self.tell(Event::Disconnected(None));
    }

    fn lost(&mut self, error: Option<CallError>) {
        self.line = None;
        self.connecting = None;
        self.sent.clear();
        let refusal = error.as_ref().and_then(CallError::refusal).cloned();
        self.tally.lost(error.as_ref());
        if refusal.is_some() {
            self.refused += 1;
            self.tally.refused(self.refused);
        }
        self.tell(Event::Disconnected(refusal));
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        if self.live {
            self.tally.live(false);
        }
    }
}

/// What the firmware of the machine with that number says.
pub(crate) fn fingerprint(number: usize) -> String {
    format!("firmware of LOAD-{number:06}")
}

fn clock() -> Time {
    sickbay_server::clock::Clock::system().now()
}

async fn ready(connecting: &mut Option<Connecting>) -> Result<Line, CallError> {
    match connecting {
        Some(connecting) => connecting.await,
        None => std::future::pending().await,
    }
}

async fn next(line: Option<&mut Line>) -> Option<Result<FromServer, CallError>> {
    match line {
        Some(line) => line.next().await,
        None => std::future::pending().await,
    }
}
