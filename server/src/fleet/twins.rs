//! Telling whether two machines hold one key: pure.
//!
//! A collector names the run of its program in every hello. One run may come back as often as it likes, as a laptop does that roams and
//! leaves half-open sessions behind; a new run follows the one before when a machine restarts; a machine set back to a snapshot may bring an
//! old run back once. Two runs that take turns are two machines: a disk or a state folder was copied. Where their firmware differs, the
//! first turn back is proof enough.
//!
//! What is remembered lives in this process alone: after a restart the two show themselves again.

use std::collections::HashMap;

use sickbay_diagnosis::Time;
use sickbay_diagnosis::time::HOUR_MS;

/// Turns within this time count, in milliseconds.
const WINDOW_MS: i64 = HOUR_MS;
/// Turns back that prove two machines of one firmware.
const TURNS: u32 = 2;
/// Runs of one device that are remembered.
const RUNS: usize = 16;

/// A run of the collector's program, as its hello says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Random, made by the run; empty for a collector that names none.
    pub instance: Vec<u8>,
    /// Of the machine's firmware; empty where unknown.
    pub fingerprint: String,
}

#[derive(Debug)]
struct Seen {
    run: Run,
    first: Time,
    last: Time,
    barred: bool,
}

#[derive(Debug, Default)]
struct Device {
    /// In the order of their last opening.
    runs: Vec<Seen>,
    turns: u32,
    /// When the last turn back was.
    turned_at: Option<Time>,
    /// Which run all servers believe to be the copy, and which one stays.
    believed: Option<(Run, Run)>,
}

/// What a new session means.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing but a session.
    Welcome,
    /// This run is of a machine that holds a copied key.
    Barred,
    /// It is clear now that two machines hold the key.
    Clone {
        /// The run that has to enrol again.
        newcomer: Run,
        /// The run that keeps the device.
        stays: Run,
        /// Whether the newcomer is the one that opens this session.
        opens: bool,
    },
}

/// The runs of every device that were seen of late.
#[derive(Debug, Default)]
pub struct Twins {
    devices: HashMap<i64, Device>,
    /// When devices that were not seen of late were forgotten.
    swept: Option<Time>,
}

impl Twins {
    /// Takes note of a session that opens. `enrolled` is the fingerprint that the device enrolled with.
    pub fn opens(&mut self, key: i64, run: &Run, enrolled: &str, now: Time) -> Verdict {
        if run.instance.is_empty() {
            return Verdict::Welcome;
        }
        self.sweep(now);
        let device = self.devices.entry(key).or_default();
        device
            .runs
            .retain(|seen| seen.barred || now.since(seen.last) <= WINDOW_MS);
        if (device.turned_at).is_some_and(|at| now.since(at) > WINDOW_MS) {
            device.turns = 0;
        }
        let verdict = device.opens(run, enrolled, now);
        if device.runs.len() > RUNS {
            device.runs.remove(0);
        }
        verdict
    }

    /// All servers believe from here on that this run is the copy, unless they believed the contrary before.
    pub fn believe(&mut self, key: i64, newcomer: &Run, stays: &Run) -> bool {
        let device = self.devices.entry(key).or_default();
        let is_contrary = |(_, kept): &(Run, Run)| kept.instance == newcomer.instance;
        if device.believed.as_ref().is_some_and(is_contrary) {
            return false;
        }
        device.believed = Some((newcomer.clone(), stays.clone()));
        device.turns = 0;
        device.bar(newcomer, true);
        device.bar(stays, false);
        true
    }

    /// Which run of a device all servers believe to be the copy, and which one stays.
    pub fn believed(&self, key: i64) -> Option<(Run, Run)> {
        self.devices.get(&key)?.believed.clone()
    }

    /// Forgets devices of which nothing was seen for a while and no run is barred.
    fn sweep(&mut self, now: Time) {
        if self.swept.is_some_and(|at| now.since(at) <= WINDOW_MS) {
            return;
        }
        self.swept = Some(now);
        let matters = |seen: &Seen| seen.barred || now.since(seen.last) <= WINDOW_MS;
        self.devices
            .retain(|_, device| device.believed.is_some() || device.runs.iter().any(matters));
    }
}

impl Device {
    fn bar(&mut self, run: &Run, barred: bool) {
        // It was not seen here; that it is barred is what counts.
        let never = Time::from_millis(0);
        let mut runs = self.runs.iter_mut();
        match runs.find(|seen| seen.run.instance == run.instance) {
            Some(seen) => seen.barred = barred,
            None if barred => self.runs.push(Seen {
                run: run.clone(),
                first: never,
                last: never,
                barred,
            }),
            None => {}
        }
    }

    fn opens(&mut self, run: &Run, enrolled: &str, now: Time) -> Verdict {
        let place = self
            .runs
            .iter()
            .position(|seen| seen.run.instance == run.instance);
        let Some(place) = place else {
            self.runs.push(Seen {
                run: run.clone(),
                first: now,
                last: now,
                barred: false,
            });
            return Verdict::Welcome;
        };
        if self.runs[place].barred {
            self.runs[place].last = now;
            return Verdict::Barred;
        }
        let mut mine = self.runs.remove(place);
        mine.last = now;
        // Who opened since: the newest that is not barred.
        let between = self.runs[place..].iter().rposition(|seen| !seen.barred);
        let Some(between) = between.map(|after| place + after) else {
            self.runs.push(mine);
            return Verdict::Welcome;
        };
        self.turns += 1;
        self.turned_at = Some(now);
        let differ = differ(&mine.run.fingerprint, &self.runs[between].run.fingerprint);
        if !differ && self.turns < TURNS {
            self.runs.push(mine);
            return Verdict::Welcome;
        }
        let other = &mut self.runs[between];
        // The device's own machine stays; where firmware does not tell, whoever was here first.
        let mine_is_own = !differ_from(&mine.run.fingerprint, enrolled);
        let other_is_own = !differ_from(&other.run.fingerprint, enrolled);
        let opens = match (mine_is_own, other_is_own) {
            (true, false) => false,
            (false, true) => true,
            _ => mine.first > other.first,
        };
        let (newcomer, stays) = if opens {
            mine.barred = true;
            (mine.run.clone(), other.run.clone())
        } else {
            other.barred = true;
            (other.run.clone(), mine.run.clone())
        };
        self.turns = 0;
        self.runs.push(mine);
        Verdict::Clone {
            newcomer,
            stays,
            opens,
        }
    }
}

/// Whether two fingerprints are known, and of two machines.
fn differ(a: &str, b: &str) -> bool {
    !a.is_empty() && differ_from(a, b)
}

/// Whether a fingerprint is another than the one known.
fn differ_from(fingerprint: &str, known: &str) -> bool {
    !known.is_empty() && !fingerprint.eq_ignore_ascii_case(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: i64 = 7;

    struct Bench {
        twins: Twins,
        now: i64,
    }

    impl Bench {
        fn new() -> Self {
            Self {
                twins: Twins::default(),
                now: 0,
            }
        }

        /// A session of a run, a minute after the one before; `firmware` of the machine that enrolled is `own`.
        fn opens(&mut self, instance: u8, firmware: &str) -> Verdict {
            self.now += 60_000;
            let run = Run {
                instance: vec![instance; 16],
                fingerprint: firmware.to_owned(),
            };
            self.twins
                .opens(KEY, &run, "own", Time::from_millis(self.now))
        }

        fn welcomes(&mut self, sessions: &[(u8, &str)]) {
            for (instance, firmware) in sessions {
                let verdict = self.opens(*instance, firmware);
                assert_eq!(verdict, Verdict::Welcome, "{instance} {firmware}");
            }
        }
    }

    fn newcomer(verdict: Verdict) -> (u8, bool) {
        match verdict {
            Verdict::Clone {
                newcomer, opens, ..
            } => (newcomer.instance[0], opens),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_laptop_that_roams_and_restarts_is_one_machine() {
        let mut bench = Bench::new();
        bench.welcomes(&[(1, "own"), (1, "own"), (1, "own"), (2, "own"), (2, "own")]);
        bench.welcomes(&[(3, "own"), (4, "own"), (4, "own")]);
    }

    #[test]
    fn a_machine_set_back_to_a_snapshot_is_one_machine() {
        let mut bench = Bench::new();
        // Run 1 was in memory when the snapshot was taken; run 2 never comes again.
        bench.welcomes(&[(1, "own"), (2, "own"), (1, "own"), (1, "own"), (3, "own")]);
    }

    #[test]
    fn set_back_twice_and_long_apart_it_is_still_one_machine() {
        let mut bench = Bench::new();
        for first in [1, 3] {
            bench.welcomes(&[(first, "own"), (first + 1, "own"), (first, "own")]);
            // It stays in touch all the time, so something is always remembered.
            for _ in 0..61 {
                bench.welcomes(&[(first, "own")]);
            }
        }
    }

    #[test]
    fn two_machines_of_different_firmware_are_told_at_the_first_turn_and_the_copy_goes() {
        let mut bench = Bench::new();
        bench.welcomes(&[(1, "own"), (2, "copy")]);
        assert_eq!(newcomer(bench.opens(1, "own")), (2, false));
        assert_eq!(bench.opens(2, "copy"), Verdict::Barred);
        bench.welcomes(&[(1, "own"), (1, "own")]);
        // The same where the copy happened to come first.
        let mut bench = Bench::new();
        bench.welcomes(&[(2, "copy"), (1, "own")]);
        assert_eq!(newcomer(bench.opens(2, "copy")), (2, true));
        bench.welcomes(&[(1, "own")]);
    }

    #[test]
    fn two_machines_of_one_firmware_are_told_once_both_have_come_back() {
        let mut bench = Bench::new();
        bench.welcomes(&[(1, "own"), (2, "own"), (1, "own")]);
        assert_eq!(newcomer(bench.opens(2, "own")), (2, true));
        assert_eq!(bench.opens(2, "own"), Verdict::Barred);
        bench.welcomes(&[(1, "own")]);
        // A third one.
        bench.welcomes(&[(3, ""), (1, "own")]);
        assert_eq!(newcomer(bench.opens(3, "")), (3, true));
    }

    #[test]
    fn of_two_verdicts_the_first_that_all_servers_read_is_believed() {
        let run = |instance: u8| Run {
            instance: vec![instance; 16],
            fingerprint: "own".to_owned(),
        };
        let mut bench = Bench::new();
        bench.welcomes(&[(1, "own"), (2, "own"), (1, "own")]);
        assert_eq!(newcomer(bench.opens(2, "own")), (2, true));
        // Another server had come to the contrary, and had said so before.
        assert!(bench.twins.believe(KEY, &run(1), &run(2)));
        assert!(!bench.twins.believe(KEY, &run(2), &run(1)));
        assert_eq!(bench.twins.believed(KEY), Some((run(1), run(2))));
        assert_eq!(bench.opens(1, "own"), Verdict::Barred);
        bench.welcomes(&[(2, "own"), (2, "own")]);
    }

    #[test]
    fn what_was_not_seen_for_long_is_forgotten() {
        let mut bench = Bench::new();
        bench.welcomes(&[(1, "own"), (2, "own")]);
        let other = Run {
            instance: vec![9; 16],
            fingerprint: String::new(),
        };
        let later = Time::from_millis(bench.now + 2 * WINDOW_MS);
        bench.twins.opens(KEY + 1, &other, "", later);
        assert_eq!(bench.twins.devices.len(), 1);
    }

    #[test]
    fn turns_that_lie_far_apart_prove_nothing() {
        let mut bench = Bench::new();
        bench.welcomes(&[(1, "own"), (2, "own"), (1, "own")]);
        bench.now += 2 * WINDOW_MS;
        bench.welcomes(&[(2, "own"), (1, "own")]);
        // A collector that names no run says nothing either way.
        let nameless = Run {
            instance: Vec::new(),
            fingerprint: "copy".to_owned(),
        };
        for _ in 0..3 {
            let verdict = bench
                .twins
                .opens(KEY, &nameless, "own", Time::from_millis(bench.now));
            assert_eq!(verdict, Verdict::Welcome);
        }
    }
}
