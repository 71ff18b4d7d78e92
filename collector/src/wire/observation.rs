//! Observations and their readings, both ways.

use prost::Message as _;
use prost::bytes::Bytes;
use sickbay_diagnosis::observation::{Observation, Outcome};
use sickbay_diagnosis::reading::{Data, Reading, Source};
use sickbay_diagnosis::{Check, Time};
use sickbay_proto::limits::{
    DATA_BYTES, NAME_BYTES, PATH_BYTES, READINGS_PER_OBSERVATION, TEXT_BYTES,
};
use sickbay_proto::v1;

use super::{WireError, within};

/// The encoded observation: one and the same bytes for one and the same observation, so that digests can be made of it.
pub(crate) fn canonical(check: Check, observation: &Observation) -> Vec<u8> {
    write(check, observation).encode_to_vec()
}

/// Length of [`canonical`], in bytes.
pub(super) fn encoded_len(check: Check, observation: &Observation) -> usize {
    write(check, observation).encoded_len()
}

pub(super) fn write(check: Check, observation: &Observation) -> v1::Observation {
    use v1::observation::Outcome as Wire;
    let outcome = match &observation.outcome {
        Outcome::Seen(readings) => Wire::Seen(v1::Readings {
            readings: readings.iter().map(write_reading).collect(),
        }),
        Outcome::Unavailable(why) => Wire::Unavailable(why.clone()),
        Outcome::Failed(why) => Wire::Failed(why.clone()),
    };
    v1::Observation {
        check: check.name().to_owned(),
        taken_at_ms: observation.taken_at.millis(),
        outcome: Some(outcome),
    }
}

/// `None` for a check, or an outcome, that this build does not know.
pub(super) fn read(wire: v1::Observation) -> Result<Option<(Check, Observation)>, WireError> {
    use v1::observation::Outcome as Wire;
    let (Some(check), Some(outcome)) = (Check::named(&wire.check), wire.outcome) else {
        return Ok(None);
    };
    let outcome = match outcome {
        Wire::Seen(readings) => {
            within(
                "the list of readings",
                readings.readings.len(),
                READINGS_PER_OBSERVATION,
            )?;
            let mut known = Vec::with_capacity(readings.readings.len());
            for reading in readings.readings {
                known.extend(read_reading(reading)?);
            }
            Outcome::Seen(known)
        }
        Wire::Unavailable(why) => Outcome::Unavailable(reason(why)?),
        Wire::Failed(why) => Outcome::Failed(reason(why)?),
    };
    let taken_at = Time::from_millis(wire.taken_at_ms);
    Ok(Some((check, Observation { taken_at, outcome })))
}

/// Refuses what [`super::fit`] should have cut: a last guard before the socket.
pub(super) fn check_limits(observation: &Observation) -> Result<(), WireError> {
    match &observation.outcome {
        Outcome::Unavailable(why) | Outcome::Failed(why) => {
            within("a reason", why.len(), TEXT_BYTES)
        }
        Outcome::Seen(readings) => {
            within(
                "the list of readings",
                readings.len(),
                READINGS_PER_OBSERVATION,
            )?;
            readings.iter().try_for_each(check_reading)
        }
    }
}

fn check_reading(reading: &Reading) -> Result<(), WireError> {
    within("a path", reading.path.len(), PATH_BYTES)?;
    within(
        "a value's name",
        reading.name.as_ref().map_or(0, String::len),
        NAME_BYTES,
    )?;
    match &reading.data {
        Data::Unreadable(why) => within("a reason", why.len(), TEXT_BYTES),
        data => within("the data of a reading", data_len(data), DATA_BYTES),
    }
}

/// Size of the data that has no fixed size, in bytes; each line counts one byte more, for what the registry stores between lines.
pub(super) fn data_len(data: &Data) -> usize {
    match data {
        Data::Text(text) | Data::ExpandText(text) | Data::Unreadable(text) => text.len(),
        Data::MultiText(lines) => lines.iter().map(|line| line.len() + 1).sum(),
        Data::Binary(bytes) | Data::Other { bytes, .. } => bytes.len(),
        Data::Absent
        | Data::NotRecorded
        | Data::Key(_)
        | Data::Dword(_)
        | Data::Qword(_)
        | Data::Flag(_) => 0,
    }
}

fn reason(why: String) -> Result<String, WireError> {
    within("a reason", why.len(), TEXT_BYTES)?;
    Ok(why)
}

fn write_reading(reading: &Reading) -> v1::Reading {
    v1::Reading {
        source: write_source(reading.source).into(),
        path: reading.path.clone(),
        name: reading.name.clone(),
        data: Some(write_data(&reading.data)),
    }
}

fn read_reading(wire: v1::Reading) -> Result<Option<Reading>, WireError> {
    let (Some(source), Some(data)) = (read_source(wire.source()), wire.data) else {
        return Ok(None);
    };
    let reading = Reading {
        source,
        path: wire.path,
        name: wire.name,
        data: read_data(data),
    };
    check_reading(&reading)?;
    Ok(Some(reading))
}

const fn write_source(source: Source) -> v1::Source {
    match source {
        Source::Registry => v1::Source::Registry,
        Source::ServiceManager => v1::Source::ServiceManager,
        Source::File => v1::Source::File,
        Source::EventLog => v1::Source::EventLog,
        Source::UpdateAgent => v1::Source::UpdateAgent,
        Source::System => v1::Source::System,
    }
}

const fn read_source(wire: v1::Source) -> Option<Source> {
    match wire {
        v1::Source::Unspecified => None,
        v1::Source::Registry => Some(Source::Registry),
        v1::Source::ServiceManager => Some(Source::ServiceManager),
        v1::Source::File => Some(Source::File),
        v1::Source::EventLog => Some(Source::EventLog),
        v1::Source::UpdateAgent => Some(Source::UpdateAgent),
        v1::Source::System => Some(Source::System),
    }
}

fn write_data(data: &Data) -> v1::reading::Data {
    use v1::reading::Data as Wire;
    match data {
        Data::Absent => Wire::Absent(true),
        Data::Unreadable(why) => Wire::Unreadable(why.clone()),
        Data::NotRecorded => Wire::NotRecorded(true),
        Data::Key(last_write) => Wire::Key(v1::Key {
            last_write_ms: last_write.map_or(0, Time::millis),
        }),
        Data::Dword(number) => Wire::Dword(*number),
        Data::Qword(number) => Wire::Qword(*number),
        Data::Text(text) => Wire::Text(text.clone()),
        Data::ExpandText(text) => Wire::ExpandText(text.clone()),
        Data::MultiText(lines) => Wire::MultiText(v1::MultiText {
            lines: lines.clone(),
        }),
        Data::Binary(bytes) => Wire::Binary(Bytes::copy_from_slice(bytes)),
        Data::Flag(flag) => Wire::Flag(*flag),
        Data::Other { kind, bytes } => Wire::Other(v1::OtherData {
            r#type: *kind,
            bytes: Bytes::copy_from_slice(bytes),
        }),
    }
}

fn read_data(wire: v1::reading::Data) -> Data {
    use v1::reading::Data as Wire;
    match wire {
        Wire::Absent(_) => Data::Absent,
        Wire::Unreadable(why) => Data::Unreadable(why),
        Wire::NotRecorded(_) => Data::NotRecorded,
        Wire::Key(key) => {
            Data::Key((key.last_write_ms != 0).then(|| Time::from_millis(key.last_write_ms)))
        }
        Wire::Dword(number) => Data::Dword(number),
        Wire::Qword(number) => Data::Qword(number),
        Wire::Text(text) => Data::Text(text),
        Wire::ExpandText(text) => Data::ExpandText(text),
        Wire::MultiText(lines) => Data::MultiText(lines.lines),
        Wire::Binary(bytes) => Data::Binary(bytes.to_vec()),
        Wire::Flag(flag) => Data::Flag(flag),
        Wire::Other(other) => Data::Other {
            kind: other.r#type,
            bytes: other.bytes.to_vec(),
        },
    }
}
