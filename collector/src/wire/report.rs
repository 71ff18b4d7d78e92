//! Reports, as they are sent and as the spool keeps them.

use prost::Message as _;
use prost::bytes::Bytes;
use sickbay_diagnosis::Time;
use sickbay_diagnosis::observation::Observations;
use sickbay_proto::limits::{MESSAGE_BYTES, OBSERVATIONS_PER_REPORT};
use sickbay_proto::v1;

use super::{WireError, exactly, observation, within};
use crate::session::message::{Digest, Range, Report};

/// The report as the spool keeps it.
pub(crate) fn encode_report(report: &Report) -> Result<Vec<u8>, WireError> {
    write(report).map(|wire| wire.encode_to_vec())
}

/// A report that the spool kept.
pub(crate) fn decode_report(bytes: &[u8]) -> Result<Report, WireError> {
    let wire =
        v1::Report::decode(bytes).map_err(|error| WireError::Undecodable(error.to_string()))?;
    read(wire)
}

pub(super) fn write(report: &Report) -> Result<v1::Report, WireError> {
    within(
        "the list of observations",
        report.observations.len(),
        OBSERVATIONS_PER_REPORT,
    )?;
    let mut observations = Vec::with_capacity(report.observations.len());
    for (check, seen) in report.observations.iter() {
        observation::check_limits(seen)?;
        observations.push(observation::write(check, seen));
    }
    let wire = v1::Report {
        sequence: report.sequence,
        full: report.full,
        observations,
        digest: Bytes::copy_from_slice(&report.digest.0),
        taken_at_ms: report.taken_at.millis(),
        dropped: report.dropped.map(|range| v1::Dropped {
            first_sequence: range.first,
            last_sequence: range.last,
        }),
    };
    within("a report", wire.encoded_len(), MESSAGE_BYTES)?;
    Ok(wire)
}

pub(super) fn read(wire: v1::Report) -> Result<Report, WireError> {
    within(
        "the list of observations",
        wire.observations.len(),
        OBSERVATIONS_PER_REPORT,
    )?;
    let mut observations = Observations::new();
    for seen in wire.observations {
        if let Some((check, seen)) = observation::read(seen)? {
            observations.put(check, seen);
        }
    }
    Ok(Report {
        sequence: wire.sequence,
        full: wire.full,
        observations,
        digest: Digest(exactly("the digest", &wire.digest)?),
        taken_at: Time::from_millis(wire.taken_at_ms),
        dropped: wire.dropped.map(|range| Range {
            first: range.first_sequence,
            last: range.last_sequence,
        }),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sickbay_diagnosis::Check;
    use sickbay_diagnosis::observation::{Observation, Outcome};
    use sickbay_diagnosis::reading::{Data, Reading, Source};

    use super::*;

    fn data() -> impl Strategy<Value = Data> {
        prop_oneof![
            Just(Data::Absent),
            Just(Data::NotRecorded),
            ".{0,40}".prop_map(Data::Unreadable),
            proptest::option::of(1_i64..).prop_map(|ms| Data::Key(ms.map(Time::from_millis))),
            any::<u32>().prop_map(Data::Dword),
            any::<u64>().prop_map(Data::Qword),
            ".{0,40}".prop_map(Data::Text),
            ".{0,40}".prop_map(Data::ExpandText),
            proptest::collection::vec(".{0,10}", 0..4).prop_map(Data::MultiText),
            proptest::collection::vec(any::<u8>(), 0..40).prop_map(Data::Binary),
            any::<bool>().prop_map(Data::Flag),
            (any::<u32>(), proptest::collection::vec(any::<u8>(), 0..9))
                .prop_map(|(kind, bytes)| Data::Other { kind, bytes }),
        ]
    }

    fn source() -> impl Strategy<Value = Source> {
        prop_oneof![
            Just(Source::Registry),
            Just(Source::ServiceManager),
            Just(Source::File),
            Just(Source::EventLog),
            Just(Source::UpdateAgent),
            Just(Source::System),
        ]
    }

    fn reading() -> impl Strategy<Value = Reading> {
        (source(), ".{0,30}", proptest::option::of(".{0,10}"), data()).prop_map(
            |(source, path, name, data)| Reading {
                source,
                path,
                name,
                data,
            },
        )
    }

    fn outcome() -> impl Strategy<Value = Outcome> {
        prop_oneof![
            4 => proptest::collection::vec(reading(), 0..6).prop_map(Outcome::Seen),
            1 => ".{0,20}".prop_map(Outcome::Unavailable),
            1 => ".{0,20}".prop_map(Outcome::Failed),
        ]
    }

    fn report() -> impl Strategy<Value = Report> {
        let observation = (any::<i64>(), outcome()).prop_map(|(ms, outcome)| Observation {
            taken_at: Time::from_millis(ms),
            outcome,
        });
        let observations =
            proptest::collection::vec((proptest::sample::select(Check::ALL), observation), 0..6);
        let dropped = proptest::option::of((any::<u64>(), any::<u64>()));
        (any::<(u64, bool, [u8; 32], i64)>(), observations, dropped).prop_map(
            |((sequence, full, digest, taken_at), seen, dropped)| {
                let mut observations = Observations::new();
                for (check, observation) in seen {
                    observations.put(check, observation);
                }
                Report {
                    sequence,
                    full,
                    observations,
                    digest: Digest(digest),
                    taken_at: Time::from_millis(taken_at),
                    dropped: dropped.map(|(first, last)| Range { first, last }),
                }
            },
        )
    }

    proptest! {
        #[test]
        fn every_report_comes_through_the_door_unchanged(report in report()) {
            let encoded = encode_report(&report).expect("within the limits");
            prop_assert_eq!(decode_report(&encoded), Ok(report));
        }

        #[test]
        fn arbitrary_bytes_in_the_spool_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode_report(&bytes);
        }
    }

    fn with_check(name: &str) -> v1::Report {
        v1::Report {
            sequence: 1,
            observations: vec![v1::Observation {
                check: name.to_owned(),
                taken_at_ms: 1,
                outcome: Some(v1::observation::Outcome::Seen(v1::Readings::default())),
            }],
            digest: vec![0; 32].into(),
            ..v1::Report::default()
        }
    }

    #[test]
    fn a_check_of_another_version_is_skipped_and_the_rest_is_kept() {
        let mut wire = with_check("pause");
        wire.observations
            .extend(with_check("check_of_tomorrow").observations);
        let report = read(wire).expect("tolerated");
        assert_eq!(
            report
                .observations
                .iter()
                .map(|(check, _)| check)
                .collect::<Vec<_>>(),
            [Check::Pause]
        );
    }

    #[test]
    fn every_limit_is_enforced_on_the_way_in() {
        use sickbay_proto::limits;
        let reading = |path: usize, data: usize| v1::Reading {
            source: v1::Source::Registry.into(),
            path: "p".repeat(path),
            name: None,
            data: Some(v1::reading::Data::Text("d".repeat(data))),
        };
        let with = |readings: Vec<v1::Reading>| {
            let mut wire = with_check("pause");
            wire.observations[0].outcome =
                Some(v1::observation::Outcome::Seen(v1::Readings { readings }));
            read(wire)
        };
        assert!(with(vec![reading(limits::PATH_BYTES, limits::DATA_BYTES)]).is_ok());
        let refused =
            |result: Result<Report, WireError>| matches!(result, Err(WireError::TooLarge { .. }));
        assert!(refused(with(vec![reading(limits::PATH_BYTES + 1, 0)])));
        assert!(refused(with(vec![reading(1, limits::DATA_BYTES + 1)])));
        assert!(refused(with(vec![
            reading(1, 0);
            limits::READINGS_PER_OBSERVATION + 1
        ])));
        let mut many = with_check("pause");
        many.observations = vec![many.observations[0].clone(); limits::OBSERVATIONS_PER_REPORT + 1];
        assert!(refused(read(many)));
        let mut no_digest = with_check("pause");
        no_digest.digest = Bytes::new();
        assert!(matches!(read(no_digest), Err(WireError::Length { .. })));
    }
}
