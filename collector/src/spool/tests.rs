//! The spool on a real disk.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

use super::*;

const EPOCH: [u8; 16] = [7; 16];

fn report(sequence: u64, bytes: usize) -> Waiting {
    Waiting {
        sequence,
        body: vec![sequence as u8; bytes],
    }
}

fn open(dir: &Path, limits: SpoolLimits, acknowledged: u64) -> Opened {
    Spool::open(Disk, dir, limits, &EPOCH, acknowledged).unwrap()
}

#[test]
fn reports_come_back_in_order_after_a_restart_and_acknowledged_ones_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = open(dir.path(), SpoolLimits::default(), 0).spool;
    for sequence in [1, 2, 3, 10] {
        assert_eq!(spool.push(&EPOCH, &report(sequence, 10)).unwrap(), None);
    }
    spool.remove_up_to(1).unwrap();
    let again = open(dir.path(), SpoolLimits::default(), 2);
    let sequences: Vec<u64> = again.waiting.iter().map(|w| w.sequence).collect();
    assert_eq!(sequences, [3, 10]);
    assert_eq!(again.waiting[0], report(3, 10));
    assert_eq!(again.spool.bytes(), 2 * (10 + 24 + 16));
}

#[test]
fn reports_of_an_epoch_that_was_left_are_removed() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = open(dir.path(), SpoolLimits::default(), 0).spool;
    spool.push(&[1; 16], &report(1, 5)).unwrap();
    let again = open(dir.path(), SpoolLimits::default(), 0);
    assert!(again.waiting.is_empty() && again.bad.is_empty());
    assert_eq!(Disk.list(dir.path()).unwrap(), []);
}

#[test]
fn an_overflow_drops_the_oldest_and_tells_the_range() {
    let dir = tempfile::tempdir().unwrap();
    let limits = SpoolLimits {
        reports: 3,
        bytes: 400,
    };
    let mut spool = open(dir.path(), limits, 0).spool;
    for sequence in 1..=3 {
        assert_eq!(spool.push(&EPOCH, &report(sequence, 10)).unwrap(), None);
    }
    let by_count = spool.push(&EPOCH, &report(4, 10)).unwrap();
    assert_eq!(by_count, Some(Range { first: 1, last: 1 }));
    let by_size = spool.push(&EPOCH, &report(5, 300)).unwrap();
    assert_eq!(by_size, Some(Range { first: 2, last: 3 }));
    let left: Vec<u64> = open(dir.path(), limits, 0)
        .waiting
        .iter()
        .map(|w| w.sequence)
        .collect();
    assert_eq!(left, [4, 5]);
}

#[test]
fn a_rotten_file_is_set_aside_and_reported_and_the_others_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = open(dir.path(), SpoolLimits::default(), 0).spool;
    for sequence in 1..=3 {
        spool.push(&EPOCH, &report(sequence, 10)).unwrap();
    }
    let rotten = dir.path().join(file_name(2));
    let mut bytes = std::fs::read(&rotten).unwrap();
    bytes[30] ^= 1;
    std::fs::write(&rotten, bytes).unwrap();
    let again = open(dir.path(), SpoolLimits::default(), 0);
    assert_eq!(
        again.waiting.iter().map(|w| w.sequence).collect::<Vec<_>>(),
        [1, 3]
    );
    assert_eq!(again.bad[0].name, file_name(2));
    assert!(again.bad[0].reason.contains("checksum"), "{:?}", again.bad);
    assert!(dir.path().join(format!("{}.bad", file_name(2))).exists());
    assert!(
        open(dir.path(), SpoolLimits::default(), 0).bad.is_empty(),
        "it is reported once"
    );
}

#[test]
fn files_that_were_set_aside_do_not_pile_up() {
    let dir = tempfile::tempdir().unwrap();
    for sequence in 0..BAD_FILES as u64 + 5 {
        std::fs::write(dir.path().join(file_name(sequence)), b"junk").unwrap();
    }
    open(dir.path(), SpoolLimits::default(), 0);
    assert_eq!(Disk.list(dir.path()).unwrap().len(), BAD_FILES);
}

#[test]
fn a_sequence_number_that_does_not_rise_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = open(dir.path(), SpoolLimits::default(), 0).spool;
    spool.push(&EPOCH, &report(4, 1)).unwrap();
    let refused = spool.push(&EPOCH, &report(4, 1));
    assert!(matches!(
        refused,
        Err(SpoolError::Order {
            sequence: 4,
            newest: 4
        })
    ));
}
