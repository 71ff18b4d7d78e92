//! Each rule of the session by itself.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod away;

use std::collections::VecDeque;

use sickbay_diagnosis::observation::{Observation, Outcome};
use sickbay_diagnosis::reading::{Data, Reading, Source};
use sickbay_proto::limits::REPORTS_IN_FLIGHT;

use super::*;
use crate::session::message::Digest;
use crate::session::outbox::Acknowledged;
use crate::spool::SpoolLimits;
use sickbay_diagnosis::{Check, Time};

fn form(_: Check, observation: &Observation) -> Vec<u8> {
    serde_json::to_vec(&observation.outcome).unwrap()
}

fn look(value: u32) -> Observations {
    let mut observations = Observations::new();
    let reading = Reading {
        source: Source::Registry,
        path: "HKLM".to_owned(),
        name: None,
        data: Data::Dword(value),
    };
    observations.put(
        Check::Pause,
        Observation {
            taken_at: Time::from_millis(value.into()),
            outcome: Outcome::Seen(vec![reading]),
        },
    );
    observations
}

const EPOCH: Epoch = Epoch([5; 16]);

fn random(bytes: &mut [u8]) {
    bytes.fill(0xff);
}

fn at(seconds: u64) -> Moment {
    Moment {
        elapsed: Duration::from_secs(seconds),
        clock: Time::from_millis(seconds as i64 * 1000),
    }
}

/// A machine and a disk that always works.
struct Bench {
    machine: Machine,
    sent: Vec<ToServer>,
    other: Vec<Action>,
}

impl Bench {
    fn new(acknowledged: u64) -> Self {
        Self::with(MachineOptions::default(), acknowledged)
    }

    /// `acknowledged` reports were acknowledged before this process; the last digest is that number, repeated.
    fn with(options: MachineOptions, acknowledged: u64) -> Self {
        let base = Base {
            epoch: EPOCH,
            acknowledged: (acknowledged > 0).then_some(Acknowledged {
                sequence: acknowledged,
                digest: Digest([acknowledged as u8; 32]),
            }),
            observations: if acknowledged > 0 {
                look(0)
            } else {
                Observations::new()
            },
        };
        let outbox = Outbox::new(base, SpoolLimits::default(), form);
        Self {
            machine: Machine::new(options, outbox, false, acknowledged == 0),
            sent: Vec::new(),
            other: Vec::new(),
        }
    }

    fn tell(&mut self, event: Event, now: u64) {
        let mut queue: VecDeque<Action> = self.machine.handle(event, at(now), &mut random).into();
        while let Some(action) = queue.pop_front() {
            match action {
                Action::Send(message) => self.sent.push(message),
                Action::SpoolPush(report) => {
                    let event = Event::Pushed {
                        sequence: report.sequence,
                        dropped: None,
                    };
                    queue.extend(self.machine.handle(event, at(now), &mut random));
                }
                other => self.other.push(other),
            }
        }
    }

    fn connect(&mut self, now: u64, welcome: Welcome) {
        self.tell(Event::Timer, now);
        self.tell(Event::Connected, now);
        self.tell(Event::Received(FromServer::Welcome(welcome)), now);
    }

    fn see(&mut self, value: u32, now: u64) {
        self.tell(Event::InspectSoon(Check::ALL.to_vec()), now);
        self.tell(Event::Inspected(look(value)), now);
    }

    fn ack(&mut self, sequence: u64, now: u64) {
        let epoch = self.machine.base().epoch;
        self.tell(Event::Received(FromServer::Ack { epoch, sequence }), now);
    }

    fn reports(&self) -> Vec<(u64, bool)> {
        let report = |message: &ToServer| match message {
            ToServer::Report(report) => Some((report.sequence, report.full)),
            _ => None,
        };
        self.sent.iter().filter_map(report).collect()
    }

    fn notes(&self) -> Vec<Note> {
        let note = |action: &Action| match action {
            Action::Note(note) => Some(*note),
            _ => None,
        };
        self.other.iter().filter_map(note).collect()
    }

    fn new_epoch(&self) -> bool {
        self.notes()
            .iter()
            .any(|note| matches!(note, Note::NewEpoch(_)))
    }
}

fn welcome(sequence: u64, digest: u8) -> Welcome {
    Welcome {
        server_time: Time::from_millis(0),
        epoch: Some(EPOCH),
        sequence,
        digest: Some(Digest([digest; 32])),
        settings: None,
    }
}

fn stranger() -> Welcome {
    Welcome {
        epoch: None,
        digest: None,
        ..welcome(0, 0)
    }
}

#[test]
fn both_sides_agree_then_only_news_are_sent() {
    let mut bench = Bench::new(7);
    bench.see(0, 0);
    bench.connect(1, welcome(7, 7));
    assert_eq!(bench.reports(), []);
    bench.see(1, 2);
    assert_eq!(bench.reports(), [(8, false)]);
    assert!(!bench.new_epoch());
}

#[test]
fn a_lost_acknowledgement_is_made_good_by_the_welcome() {
    let mut bench = Bench::new(7);
    bench.see(1, 0);
    let digest = bench.machine.outbox().waiting_digest(8).unwrap();
    bench.connect(
        1,
        Welcome {
            digest: Some(digest),
            ..welcome(8, 0)
        },
    );
    assert_eq!(bench.reports(), []);
    assert_eq!(bench.machine.outbox().acknowledged(), 8);
    assert!(
        bench.other.contains(&Action::SaveBase)
            && bench.other.contains(&Action::SpoolRemoveUpTo(8))
    );
}

#[test]
fn a_server_restored_from_an_older_backup_gets_everything_under_the_same_epoch() {
    let mut bench = Bench::new(7);
    bench.see(1, 0);
    bench.connect(1, welcome(3, 3));
    assert_eq!(bench.reports(), [(9, true)]);
    assert!(!bench.new_epoch());
    bench.ack(9, 2);
    assert_eq!(bench.machine.outbox().waiting(), 0);
    assert_eq!(bench.machine.base().observations, look(1));
}

#[test]
fn a_server_that_knows_nothing_gets_everything_under_the_same_epoch() {
    let mut bench = Bench::new(7);
    bench.see(0, 0);
    bench.connect(1, stranger());
    assert_eq!(bench.reports(), [(8, true)]);
    assert!(!bench.new_epoch());
}

#[test]
fn a_collector_set_back_to_a_snapshot_begins_a_new_epoch_with_everything() {
    for (case, welcome) in [
        ("the server is beyond the newest", welcome(9, 9)),
        (
            "the server has another report under the number that waits",
            welcome(8, 8),
        ),
        (
            "the server has another report under the acknowledged number",
            welcome(7, 9),
        ),
        (
            "the server knows another epoch",
            Welcome {
                epoch: Some(Epoch([6; 16])),
                ..welcome(7, 7)
            },
        ),
    ] {
        let mut bench = Bench::new(7);
        bench.see(1, 0);
        bench.connect(1, welcome.clone());
        assert!(bench.new_epoch(), "{case}");
        assert_eq!(bench.machine.base().epoch, Epoch([0xff; 16]), "{case}");
        assert_eq!(
            bench.reports(),
            [],
            "{case}: a session speaks of one epoch only"
        );
        assert!(!bench.machine.is_live(), "{case}");
        bench.connect(3, welcome);
        assert_eq!(bench.reports(), [(1, true)], "{case}");
        let order = [Action::SaveBase, Action::SpoolClear];
        assert!(bench.other.windows(2).any(|pair| pair == order), "{case}");
    }
}

#[test]
fn a_folder_that_was_deleted_tells_everything_under_its_new_epoch() {
    let mut bench = Bench::new(0);
    bench.see(1, 0);
    let earlier = Welcome {
        epoch: Some(Epoch([6; 16])),
        ..welcome(7, 7)
    };
    bench.connect(1, earlier);
    assert!(!bench.new_epoch());
    assert_eq!(bench.reports(), [(1, true)]);
}

#[test]
fn nothing_is_told_before_this_process_has_looked() {
    let mut bench = Bench::new(7);
    bench.connect(1, stranger());
    assert_eq!(bench.reports(), []);
    bench.tell(Event::Inspected(look(4)), 2);
    assert_eq!(bench.reports(), [(8, true)]);
}

#[test]
fn never_more_than_the_allowed_reports_are_in_flight_and_acknowledgements_are_cumulative() {
    let mut bench = Bench::new(7);
    for value in 1..=40 {
        bench.see(value, 0);
    }
    bench.connect(1, welcome(7, 7));
    assert_eq!(bench.reports().len(), REPORTS_IN_FLIGHT);
    bench.ack(7 + 10, 2);
    assert_eq!(bench.reports().len(), REPORTS_IN_FLIGHT + 10);
    bench.ack(7 + 26, 2);
    assert_eq!(bench.reports().len(), 40);
}

#[test]
fn a_full_report_on_request_is_made_once_however_often_it_is_asked_for() {
    let mut bench = Bench::new(7);
    bench.see(1, 0);
    bench.connect(1, welcome(7, 7));
    for _ in 0..3 {
        let wanted = FromServer::FullWanted {
            reason: "gap".to_owned(),
        };
        bench.tell(Event::Received(wanted), 2);
    }
    assert_eq!(bench.reports(), [(8, false), (9, true)]);
}

#[test]
fn a_server_that_wants_everything_again_and_again_gets_it_now_and_then() {
    let mut bench = Bench::new(7);
    bench.see(1, 0);
    bench.connect(0, welcome(7, 7));
    let (mut full, mut acknowledged) = (0, 7);
    for second in 0..60 {
        for _ in 0..10 {
            let wanted = FromServer::FullWanted {
                reason: String::new(),
            };
            bench.tell(Event::Received(wanted), second);
            bench.see(second as u32, second);
            bench.tell(Event::Timer, second);
            full += bench.reports().iter().filter(|(_, full)| *full).count();
            acknowledged = bench.reports().last().map_or(acknowledged, |last| last.0);
            bench.sent.clear();
            bench.ack(acknowledged, second);
        }
        assert!(second > 0 || full == 1, "the first one at once");
    }
    assert!((6..=7).contains(&full), "{full} full reports in a minute");
}

#[test]
fn nothing_is_sent_that_is_not_on_the_disk_and_a_full_disk_loses_nothing() {
    let mut bench = Bench::new(7);
    bench.connect(0, welcome(7, 7));
    let pushed = bench
        .machine
        .handle(Event::Inspected(look(1)), at(1), &mut random);
    assert!(matches!(pushed[..], [Action::SpoolPush(_)]), "{pushed:?}");
    let failed = bench.machine.handle(Event::PushFailed, at(1), &mut random);
    assert_eq!(failed, []);
    let again = at(1).elapsed + MachineOptions::default().disk_retry;
    bench.tell(Event::Timer, again.as_secs());
    bench.tell(Event::Inspected(look(1)), again.as_secs());
    assert_eq!(bench.reports(), [(8, false)]);
}

#[test]
fn heartbeats_confirm_only_what_the_server_was_told() {
    let mut bench = Bench::new(7);
    bench.see(0, 5);
    bench.connect(6, welcome(7, 7));
    let confirmed = |bench: &Bench| match bench.sent.last() {
        Some(ToServer::Heartbeat { confirmed_at, .. }) => *confirmed_at,
        other => panic!("no heartbeat but {other:?}"),
    };
    assert_eq!(confirmed(&bench), Some(Time::from_millis(5_000)));
    for value in 1..=20 {
        bench.see(value, 7);
    }
    bench.tell(Event::Timer, 100);
    assert_eq!(
        confirmed(&bench),
        None,
        "four reports are not under way yet"
    );
}

#[test]
fn an_unchanged_machine_sends_heartbeats_and_nothing_else() {
    let mut bench = Bench::new(7);
    bench.see(0, 0);
    bench.connect(1, welcome(7, 7));
    for round in 1..=10 {
        let now = bench.machine.deadline().as_secs().max(round * 60);
        bench.tell(Event::Timer, now);
        bench.see(0, now);
    }
    let others = bench
        .sent
        .iter()
        .filter(|message| !matches!(message, ToServer::Heartbeat { .. }));
    assert_eq!(others.count(), 1, "the hello");
    assert!(bench.sent.len() > 8);
}

#[test]
fn a_server_that_does_not_answer_is_left() {
    let mut bench = Bench::new(7);
    bench.see(1, 0);
    bench.connect(1, welcome(7, 7));
    let patience = MachineOptions::default().patience.as_secs();
    bench.tell(Event::Timer, 1 + patience);
    assert!(bench.other.contains(&Action::Disconnect));
    assert!(bench.notes().contains(&Note::NoAnswer));
    assert!(!bench.machine.is_live());
}

#[test]
fn a_revoked_device_asks_seldom_and_a_retry_after_is_honoured() {
    let refusal = |reason, retry_after_ms| Refusal {
        reason,
        message: String::new(),
        retry_after_ms,
    };
    let wait = |refusal| {
        let mut bench = Bench::new(7);
        bench.see(0, 0);
        bench.tell(Event::Timer, 0);
        bench.tell(Event::Disconnected(Some(refusal)), 0);
        bench.machine.deadline()
    };
    assert!(wait(refusal(Reason::DeviceRevoked, 0)) >= Duration::from_mins(30));
    assert!(wait(refusal(Reason::ShuttingDown, 0)) <= Duration::from_secs(1));
    assert!(wait(refusal(Reason::RateLimited, 90_000)) >= Duration::from_secs(90));
}

#[test]
fn a_request_to_inspect_is_answered_after_its_news_and_an_unknown_one_is_refused() {
    let mut bench = Bench::new(7);
    bench.see(0, 0);
    bench.connect(1, welcome(7, 7));
    let ask = |id: &str, asked| FromServer::Request {
        request_id: id.to_owned(),
        asked,
    };
    bench.tell(
        Event::Received(ask("a", Asked::InspectNow(vec![Check::Pause]))),
        2,
    );
    bench.tell(Event::Received(ask("b", Asked::Unknown)), 2);
    assert!(bench.other.contains(&Action::Inspect(vec![Check::Pause])));
    bench.tell(Event::Inspected(look(1)), 3);
    let tail: Vec<String> = bench.sent[2..]
        .iter()
        .map(|message| format!("{message:?}"))
        .collect();
    assert!(
        tail[0].contains("\"b\"") && tail[0].contains("Refused"),
        "{tail:#?}"
    );
    assert!(tail[1].starts_with("Report("), "{tail:#?}");
    assert!(
        tail[2].contains("\"a\"") && tail[2].contains("Done"),
        "{tail:#?}"
    );
}

#[test]
fn a_server_keeps_no_machine_busy_with_inspections() {
    let mut bench = Bench::new(7);
    bench.see(1, 0);
    bench.connect(1, welcome(7, 7));
    let done = |bench: &mut Bench, from: u64| {
        let mut inspected = 0;
        for nth in 0..200 {
            let asked = FromServer::Request {
                request_id: format!("{from}-{nth}"),
                asked: Asked::InspectNow(vec![Check::Pause]),
            };
            let before = bench.other.len();
            bench.tell(Event::Received(asked), from + nth);
            if bench.other.len() > before {
                inspected += 1;
                bench.tell(Event::Inspected(look(1)), from + nth);
            }
        }
        inspected
    };
    assert_eq!(done(&mut bench, 10), 60);
    assert_eq!(done(&mut bench, 1_000), 0);
    assert_eq!(done(&mut bench, 4_000), 60);
}

#[test]
fn a_server_that_asks_without_end_fills_no_memory() {
    let ask = |nth: usize, asked| {
        Event::Received(FromServer::Request {
            request_id: nth.to_string(),
            asked,
        })
    };
    let answers = |bench: &Bench| {
        let is_answer = |message: &&ToServer| matches!(message, ToServer::RequestResult { .. });
        bench.sent.iter().filter(is_answer).count()
    };
    // Before the welcome.
    let mut bench = Bench::new(0);
    bench.tell(Event::Timer, 0);
    bench.tell(Event::Connected, 0);
    for nth in 0..1000 {
        bench.tell(ask(nth, Asked::Unknown), 0);
        bench.tell(ask(nth, Asked::InspectNow(vec![Check::Pause])), 0);
    }
    bench.tell(Event::Received(FromServer::Welcome(stranger())), 0);
    bench.tell(Event::Inspected(look(1)), 0);
    assert_eq!(answers(&bench), 0);

    // While it acknowledges nothing, so that reports, and the answers after them, have to wait.
    for value in 2..20 {
        bench.see(value, 0);
    }
    let before = answers(&bench);
    for nth in 0..1000 {
        bench.tell(ask(nth, Asked::Unknown), 0);
        bench.tell(ask(nth, Asked::InspectNow(vec![Check::Pause])), 0);
        bench.tell(Event::Inspected(look(19)), 0);
    }
    assert_eq!(answers(&bench), before);
    bench.ack(18, 1);
    let after = answers(&bench) - before;
    assert!((1..=100).contains(&after), "{after} answers");
}

#[test]
fn what_was_never_sent_is_acknowledged_without_end_and_told_once() {
    let mut bench = Bench::new(3);
    bench.connect(0, welcome(3, 3));
    for sequence in 100..200 {
        bench.ack(sequence, 0);
    }
    assert_eq!(bench.notes(), [Note::Welcomed, Note::StrangeAck(100)]);
}

#[test]
fn the_server_may_set_intervals_within_bounds_and_policy_wins() {
    let set = |seconds| {
        FromServer::Settings(ServerSettings {
            inspection_interval_s: seconds,
            heartbeat_interval_s: 0,
            ..ServerSettings::default()
        })
    };
    let mut free = Bench::new(7);
    free.tell(Event::Received(set(1)), 0);
    assert_eq!(free.machine.inspection_interval(), Duration::from_secs(10));
    let options = MachineOptions {
        inspection_interval_fixed: true,
        ..MachineOptions::default()
    };
    let mut fixed = Bench::with(options, 7);
    fixed.tell(Event::Received(set(60)), 0);
    assert_eq!(
        fixed.machine.inspection_interval(),
        options.inspection_interval
    );
}
