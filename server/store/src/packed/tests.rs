#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::collections::BTreeSet;

use proptest::prelude::*;
use sickbay_diagnosis::observation::Outcome;
use sickbay_diagnosis::reading::{Data, Reading, Source};
use sickbay_diagnosis::{Check, Time};

use super::*;

fn data() -> impl Strategy<Value = Data> {
    prop_oneof![
        Just(Data::Absent),
        Just(Data::NotRecorded),
        ".{0,20}".prop_map(Data::Unreadable),
        Just(Data::Key(None)),
        any::<i64>().prop_map(|at| Data::Key(Some(Time::from_millis(at)))),
        any::<u32>().prop_map(Data::Dword),
        any::<u64>().prop_map(Data::Qword),
        ".{0,200}".prop_map(Data::Text),
        ".{0,20}".prop_map(Data::ExpandText),
        prop::collection::vec(".{0,10}", 0..4).prop_map(Data::MultiText),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Data::Binary),
        any::<bool>().prop_map(Data::Flag),
        (any::<u32>(), prop::collection::vec(any::<u8>(), 0..9))
            .prop_map(|(kind, bytes)| Data::Other { kind, bytes }),
    ]
}

fn reading() -> impl Strategy<Value = Reading> {
    let sources = prop_oneof![
        Just(Source::Registry),
        Just(Source::ServiceManager),
        Just(Source::File),
        Just(Source::EventLog),
        Just(Source::UpdateAgent),
        Just(Source::System),
    ];
    // Few paths, so that one often is the one before; the empty one among them.
    let paths = prop_oneof![
        Just(String::new()),
        Just(r"HKLM\SOFTWARE\A".to_owned()),
        Just(r"HKLM\SOFTWARE\Ä".to_owned()),
    ];
    let names = prop::option::of("[a-zA-Z]{0,12}");
    (sources, paths, names, data()).prop_map(|(source, path, name, data)| Reading {
        source,
        path,
        name,
        data,
    })
}

fn observation() -> impl Strategy<Value = Observation> {
    let outcomes = prop_oneof![
        4 => prop::collection::vec(reading(), 0..20).prop_map(Outcome::Seen),
        1 => ".{0,40}".prop_map(Outcome::Unavailable),
        1 => ".{0,40}".prop_map(Outcome::Failed),
    ];
    (any::<i64>(), outcomes).prop_map(|(at, outcome)| Observation {
        taken_at: Time::from_millis(at),
        outcome,
    })
}

fn observations() -> impl Strategy<Value = Observations> {
    let one = (prop::sample::select(Check::ALL), observation());
    prop::collection::vec(one, 0..8).prop_map(|all| {
        let mut observations = Observations::new();
        for (check, observation) in all {
            observations.put(check, observation);
        }
        observations
    })
}

proptest! {
    #[test]
    fn what_was_packed_comes_back_as_it_was(
        before in observations(),
        reports in prop::collection::vec(observations(), 0..4),
    ) {
        let (mut packed, mut after) = (Packed::of(&before), before);
        prop_assert_eq!(packed.unpack().unwrap(), after.clone());
        for report in reports {
            // One check at a time is the same as all of them at once, and so is what was written and read between.
            let mut read = Packed::of_bytes(Some(&packed.to_bytes())).unwrap();
            prop_assert_eq!(&read, &packed);
            for (check, observation) in report.iter() {
                packed.put(check, observation);
                read.put(check, observation);
                after.put(check, observation.clone());
            }
            packed.settle();
            read.settle();
            prop_assert_eq!(&read, &packed);
            prop_assert_eq!(packed.unpack().unwrap(), after.clone());
            let checks: Vec<Check> = packed.checks().collect();
            let seen: Vec<Check> = after.iter().map(|(check, _)| check).collect();
            prop_assert_eq!(checks, seen);
            for check in Check::ALL {
                let found = packed.get(*check).unwrap();
                prop_assert_eq!(found.as_ref(), after.get(*check));
            }
            let apart = packed.checks.keys().filter(|check| !is_lively(**check));
            prop_assert!(apart.count() <= MOST_APART);
        }
    }

    #[test]
    fn damage_is_an_error_or_another_observation_and_never_a_panic(
        all in observations(),
        place in any::<prop::sample::Index>(),
        bit in 0_u8..8,
    ) {
        let mut bytes = Packed::of(&all).to_bytes();
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        if let Ok(packed) = Packed::of_bytes(Some(&bytes)) {
            let _ = packed.unpack();
        }
        bytes.truncate(place);
        if let Ok(packed) = Packed::of_bytes(Some(&bytes)) {
            let _ = packed.unpack();
        }
    }

    #[test]
    fn what_earlier_versions_wrote_is_read(all in observations()) {
        let mut bytes = vec![JSON];
        serde_json::to_writer(&mut bytes, &all).unwrap();
        prop_assert_eq!(Packed::of_bytes(Some(&bytes)).unwrap().unpack().unwrap(), all.clone());
        let mut check_by_check = Packed::new();
        for (check, observation) in all.iter() {
            check_by_check.put(check, observation);
        }
        let bytes = check_by_check.to_bytes();
        prop_assert_eq!(bytes[0], BY_CHECK);
        let mut read = Packed::of_bytes(Some(&bytes)).unwrap();
        prop_assert_eq!(read.unpack().unwrap(), all.clone());
        // They come together with the next report.
        read.settle();
        prop_assert_eq!(read.to_bytes(), Packed::of(&all).to_bytes());
    }
}

#[test]
fn formats_of_later_versions_are_refused_and_never_taken_for_nothing() {
    assert!(Packed::of_bytes(Some(&[])).is_err());
    assert!(Packed::of_bytes(Some(&[9, 1, 2])).is_err());
    assert!(Packed::of_bytes(Some(&[JSON, b'{'])).is_err());
    assert!(Packed::of_bytes(Some(&[BY_CHECK, 200, 0, 0])).is_err());
    assert!(Packed::of_bytes(Some(&[TOGETHER, 2])).is_err());
    let strange = Packed::of_bytes(Some(&[BY_CHECK, code(Check::Pause), 1, 2, 7, 0])).unwrap();
    assert!(
        strange.unpack().is_err(),
        "a compression of a later version"
    );
    assert!(Packed::of_bytes(None).unwrap().is_empty());
    let nothing = Packed::new().to_bytes();
    assert!(Packed::of_bytes(Some(&nothing)).unwrap().is_empty());
}

#[test]
fn every_check_has_a_code_of_its_own() {
    let codes: BTreeSet<u8> = Check::ALL.iter().map(|check| code(*check)).collect();
    assert_eq!(codes.len(), Check::ALL.len());
}

/// Frames in databases rest on the dictionaries: others would make every device's observations and history unreadable.
#[test]
fn dictionaries_stay_as_they_are() {
    use sha2::{Digest as _, Sha256};
    for (dictionary, digest) in [
        (
            Dictionary::Observations,
            "a9fa49131e074cec970e58fdb4ef3d7de9b6a35697452ceca68b7846d6dd53b7",
        ),
        (
            Dictionary::History,
            "1db09f9d54ede5466903fd40677677402b13213fb772923d4a6bebca5bd74ba5",
        ),
    ] {
        let found = hex::encode(Sha256::digest(dictionary.bytes()));
        assert_eq!(found, digest, "{dictionary:?}");
    }
}
