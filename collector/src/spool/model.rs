//! The spool against a file system that fails and crashes at any step, with torn writes and lost folder entries.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::filesystem::{Entry, Filesystem};
use super::*;

const EPOCH: [u8; 16] = [9; 16];

/// What happens at the next step that touches the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The call fails; a write leaves half of its bytes, as a full disk does.
    Fail,
    /// The machine dies: everything fails from here on until [`Faulty::restart`].
    Crash,
}

/// A file system in memory that keeps apart what programs see and what survives a crash.
#[derive(Debug, Default)]
struct State {
    seen: BTreeMap<String, Vec<u8>>,
    /// Each entry as it may stand after a crash: every version since the last sync of the folder, `None` for "not there".
    possible: BTreeMap<String, Vec<Option<Vec<u8>>>>,
    steps_until: Option<(usize, Fault)>,
    dead: bool,
}

#[derive(Debug, Clone, Default)]
struct Faulty(Arc<Mutex<State>>);

fn failed() -> io::Error {
    io::Error::new(io::ErrorKind::StorageFull, "injected")
}

fn name(path: &Path) -> String {
    path.file_name()
        .expect("a file")
        .to_string_lossy()
        .into_owned()
}

impl State {
    fn step(&mut self) -> Result<(), Fault> {
        if self.dead {
            return Err(Fault::Crash);
        }
        match &mut self.steps_until {
            Some((0, fault)) => {
                let fault = *fault;
                self.steps_until = None;
                self.dead = fault == Fault::Crash;
                Err(fault)
            }
            Some((steps, _)) => {
                *steps -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn set(&mut self, name: &str, content: Option<Vec<u8>>) {
        let before = self.seen.get(name).cloned();
        let possible = self
            .possible
            .entry(name.to_owned())
            .or_insert_with(|| vec![before]);
        possible.push(content.clone());
        match content {
            Some(content) => self.seen.insert(name.to_owned(), content),
            None => self.seen.remove(name),
        };
    }
}

impl Faulty {
    fn arm(&self, steps: usize, fault: Fault) {
        self.0.lock().expect("not poisoned").steps_until = Some((steps, fault));
    }

    /// The machine comes back: of every unsynced entry one of its possible versions is there, chosen by `choice`.
    fn restart(&self, mut choice: u64) {
        let mut state = self.0.lock().expect("not poisoned");
        for (name, versions) in std::mem::take(&mut state.possible) {
            let version = versions[(choice % versions.len() as u64) as usize].clone();
            choice = choice.rotate_right(7).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            match version {
                Some(content) => state.seen.insert(name, content),
                None => state.seen.remove(&name),
            };
        }
        state.dead = false;
        state.steps_until = None;
    }
}

impl Filesystem for Faulty {
    fn list(&self, _dir: &Path) -> io::Result<Vec<Entry>> {
        let state = self.0.lock().expect("not poisoned");
        let entry = |(name, content): (&String, &Vec<u8>)| Entry {
            name: name.clone(),
            bytes: content.len() as u64,
        };
        Ok(state.seen.iter().map(entry).collect())
    }

    fn read(&self, path: &Path, _limit: usize) -> io::Result<Vec<u8>> {
        let state = self.0.lock().expect("not poisoned");
        state
            .seen
            .get(&name(path))
            .cloned()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn write_synced(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let mut state = self.0.lock().expect("not poisoned");
        let half = content[..content.len() / 2].to_vec();
        match state.step() {
            Ok(()) => {
                state.set(&name(path), Some(half));
                state.set(&name(path), Some(content.to_vec()));
                // The content is on the disk now, but the entry may still vanish with the folder.
                let entry = name(path);
                state
                    .possible
                    .insert(entry, vec![None, Some(content.to_vec())]);
                Ok(())
            }
            Err(_) if state.dead => {
                state.set(&name(path), Some(half));
                Err(failed())
            }
            Err(_) => {
                state.set(&name(path), Some(half));
                Err(failed())
            }
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.0.lock().expect("not poisoned");
        let result = state.step();
        if result.is_err() && result != Err(Fault::Crash) {
            return Err(failed());
        }
        if let Some(content) = state.seen.get(&name(from)).cloned() {
            state.set(&name(to), Some(content));
            state.set(&name(from), None);
        }
        result.map_err(|_| failed())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock().expect("not poisoned");
        state.step().map_err(|_| failed())?;
        state.set(&name(path), None);
        Ok(())
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        let mut state = self.0.lock().expect("not poisoned");
        state.step().map_err(|_| failed())?;
        state.possible.clear();
        Ok(())
    }
}

#[derive(Debug, Clone)]
enum Step {
    Push(u8),
    Acknowledge(u8),
    Arm(u8, bool),
    Restart(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1_u8..80).prop_map(Step::Push),
        2 => any::<u8>().prop_map(Step::Acknowledge),
        3 => (0_u8..8, any::<bool>()).prop_map(|(steps, crash)| Step::Arm(steps, crash)),
        2 => any::<u64>().prop_map(Step::Restart),
    ]
}

fn body(sequence: u64, length: u8) -> Vec<u8> {
    (0..length)
        .map(|i| i.wrapping_mul(31) ^ sequence as u8)
        .collect()
}

/// What must hold: sure reports are there; unsure ones (their push failed) may be, but only whole.
#[derive(Debug, Default)]
struct Expected {
    sure: BTreeMap<u64, Vec<u8>>,
    unsure: BTreeMap<u64, Vec<Vec<u8>>>,
    acknowledged: u64,
}

impl Expected {
    fn check(&self, waiting: &[Waiting]) -> Result<(), TestCaseError> {
        let mut last = self.acknowledged;
        for report in waiting {
            prop_assert!(
                report.sequence > last,
                "{} after {last}: twice or out of order",
                report.sequence
            );
            last = report.sequence;
            let whole = self.sure.get(&report.sequence) == Some(&report.body)
                || self
                    .unsure
                    .get(&report.sequence)
                    .is_some_and(|bodies| bodies.contains(&report.body));
            prop_assert!(whole, "report {} is not what was pushed", report.sequence);
        }
        for sequence in self
            .sure
            .keys()
            .filter(|sequence| **sequence > self.acknowledged)
        {
            prop_assert!(
                waiting.iter().any(|w| w.sequence == *sequence),
                "report {sequence} was taken and is lost"
            );
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn what_was_taken_survives_faults_and_crashes_once_whole_and_in_order(steps in proptest::collection::vec(step(), 1..60)) {
        let files = Faulty::default();
        let dir = Path::new("spool");
        let limits = SpoolLimits { reports: 1000, bytes: 1 << 20 };
        let open = |acknowledged| Spool::open(files.clone(), dir, limits, &EPOCH, acknowledged).expect("opens");
        let mut spool = open(0).spool;
        let mut expected = Expected::default();
        let mut next = 1;
        for step in steps {
            match step {
                Step::Push(length) => {
                    let body = body(next, length);
                    let report = Waiting { sequence: next, body: body.clone() };
                    if spool.push(&EPOCH, &report).is_ok() {
                        // The number may have been tried before; what was taken replaces what failed.
                        expected.unsure.remove(&next);
                        expected.sure.insert(next, body);
                        next += 1;
                    } else {
                        expected.unsure.entry(next).or_default().push(body);
                    }
                }
                Step::Acknowledge(share) => {
                    let upto = expected.acknowledged + (next - 1 - expected.acknowledged) * u64::from(share) / 255;
                    expected.acknowledged = upto;
                    let _ = spool.remove_up_to(upto);
                }
                Step::Arm(steps, crash) => files.arm(steps.into(), if crash { Fault::Crash } else { Fault::Fail }),
                Step::Restart(choice) => {
                    files.restart(choice);
                    let opened = open(expected.acknowledged);
                    expected.check(&opened.waiting)?;
                    // A report whose push failed and that is there all the same is taken from now on.
                    expected.sure = opened.waiting.iter().map(|w| (w.sequence, w.body.clone())).collect();
                    expected.unsure.clear();
                    next = opened.waiting.last().map_or(expected.acknowledged, |w| w.sequence) + 1;
                    spool = opened.spool;
                }
            }
        }
        files.restart(0);
        expected.check(&open(expected.acknowledged).waiting)?;
    }
}
