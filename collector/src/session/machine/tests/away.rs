//! A long time without a server.

use super::*;
use crate::session::message::Report;

const MINUTE: u64 = 60;
const MONTH: u64 = 30 * 24 * 60 * MINUTE;
/// A value changes so often meanwhile.
const CHANGES_EVERY: u64 = 20 * MINUTE;

/// A laptop in a drawer that is looked at every day, a site whose line is down: what is tried, and what is kept, has bounds; and whoever
/// comes back says what is so now, and that something was left out.
#[test]
fn a_month_without_a_server_has_bounds_and_ends_in_the_truth() {
    let mut bench = Bench::new(7);
    let (mut attempts, mut most_waiting, mut value) = (0, 0, 0);
    let mut now = 0;
    while now < MONTH {
        bench.tell(Event::Timer, now);
        if bench.other.contains(&Action::Connect) {
            bench.other.clear();
            attempts += 1;
            bench.tell(Event::Disconnected(None), now);
        }
        if now.is_multiple_of(CHANGES_EVERY) {
            value += 1;
            bench.see(value, now);
        }
        most_waiting = most_waiting.max(bench.machine.outbox().waiting());
        now += MINUTE;
    }
    let limits = SpoolLimits::default();
    assert!(
        value > 2 * limits.reports as u32,
        "too few changes to overflow: {value}"
    );
    assert!(
        most_waiting <= limits.reports,
        "{most_waiting} reports waited"
    );
    // Backing off to five minutes at the most, it tries all the time, and not more often than that.
    let (least, most) = (MONTH / (11 * MINUTE), MONTH / (2 * MINUTE));
    assert!((least..=most).contains(&attempts), "{attempts} attempts");

    bench.sent.clear();
    now += 10 * MINUTE;
    bench.connect(now, welcome(7, 7));
    let reports: Vec<&Report> = bench
        .sent
        .iter()
        .filter_map(|message| match message {
            ToServer::Report(report) => Some(&**report),
            _ => None,
        })
        .collect();
    let first = reports.first().unwrap();
    assert!(first.full, "{first:?}");
    let dropped = first.dropped.unwrap();
    assert!(
        dropped.first == 8 && dropped.last < first.sequence,
        "{dropped:?}"
    );
    for sequence in reports
        .iter()
        .map(|report| report.sequence)
        .collect::<Vec<_>>()
    {
        bench.ack(sequence, now + 1);
    }
    while bench.machine.outbox().waiting() > 0 {
        let newest = bench.reports().last().unwrap().0;
        bench.ack(newest, now + 2);
    }
    assert_eq!(bench.machine.base().observations, look(value));
    assert!(!bench.new_epoch());
}

/// A flat battery, a person at the settings, a virtual machine that was paused: the clock is told, and nothing is reckoned by it.
#[test]
fn a_clock_that_jumps_changes_neither_what_is_sent_nor_when() {
    let run = |clock: &dyn Fn(u64) -> i64| {
        let mut bench = Bench::new(7);
        bench.connect(1, welcome(7, 7));
        let mut happened = Vec::new();
        for minute in 1..=180 {
            let now = Moment {
                elapsed: Duration::from_secs(minute * MINUTE),
                clock: Time::from_millis(clock(minute)),
            };
            let event = if minute.is_multiple_of(60) {
                Event::Inspected(look(u32::try_from(minute).unwrap()))
            } else {
                Event::Timer
            };
            let actions = bench.machine.handle(event, now, &mut random);
            happened.push(
                actions
                    .iter()
                    .map(std::mem::discriminant)
                    .collect::<Vec<_>>(),
            );
            for action in actions {
                if let Action::SpoolPush(report) = action {
                    let pushed = Event::Pushed {
                        sequence: report.sequence,
                        dropped: None,
                    };
                    let more = bench.machine.handle(pushed, now, &mut random);
                    happened.push(more.iter().map(std::mem::discriminant).collect());
                    bench.machine.handle(
                        Event::Received(FromServer::Ack {
                            epoch: EPOCH,
                            sequence: report.sequence,
                        }),
                        now,
                        &mut random,
                    );
                }
            }
        }
        (happened, bench.machine.outbox().acknowledged())
    };
    let year = 365 * 24 * 3_600_000_i64;
    let steady = run(&|minute| 60_000 * minute as i64);
    assert!(steady.1 > 7, "reports were sent");
    let jumps = run(&|minute| match minute % 3 {
        0 => 60_000 * minute as i64,
        1 => 10 * year,
        _ => -year,
    });
    assert_eq!(steady, jumps);
}
