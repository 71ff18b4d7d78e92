//! Makes an observation fit the wire: what is too long is cut and says so itself, because a value that was silently shortened
//! would be wrong evidence.

use sickbay_diagnosis::Check;
use sickbay_diagnosis::observation::{Observation, Outcome};
use sickbay_diagnosis::reading::{Data, Reading};
use sickbay_proto::limits::{
    DATA_BYTES, MESSAGE_BYTES, NAME_BYTES, PATH_BYTES, READINGS_PER_OBSERVATION, TEXT_BYTES,
};

use super::observation::{data_len, encoded_len};

/// Room in a message for everything that is not an observation, in bytes.
pub(crate) const MESSAGE_OVERHEAD_BYTES: usize = 1024;
/// Largest encoded observation, in bytes: alone in a report it still fits a message.
const OBSERVATION_BYTES: usize = MESSAGE_BYTES - MESSAGE_OVERHEAD_BYTES;

/// `observation` as it fits the wire; unchanged where it already does.
pub(crate) fn fit(check: Check, mut observation: Observation) -> Observation {
    match &mut observation.outcome {
        Outcome::Unavailable(why) | Outcome::Failed(why) => cut_text(why, TEXT_BYTES),
        Outcome::Seen(readings) => {
            readings.iter_mut().for_each(fit_reading);
            let all = readings.len();
            if all > READINGS_PER_OBSERVATION {
                keep_readings(readings, READINGS_PER_OBSERVATION - 1, all);
            }
        }
    }
    fit_size(check, &mut observation);
    observation
}

/// Leaves out readings from the end until the whole observation fits a message.
fn fit_size(check: Check, observation: &mut Observation) {
    if at_most(observation) <= OBSERVATION_BYTES {
        return;
    }
    loop {
        let size = encoded_len(check, observation);
        let Outcome::Seen(readings) = &mut observation.outcome else {
            return;
        };
        if size <= OBSERVATION_BYTES || readings.len() <= 1 {
            return;
        }
        let all = readings.len();
        let share = all * (OBSERVATION_BYTES / 1024) / (size / 1024 + 1);
        keep_readings(readings, share.min(all - 2), all);
    }
}

/// What an observation has at most when it is encoded, in bytes, without encoding it.
fn at_most(observation: &Observation) -> usize {
    /// Tags, lengths and numbers of one reading, and those around all of them.
    const AROUND: usize = 64;
    let reading = |reading: &Reading| {
        let name = reading.name.as_ref().map_or(0, String::len);
        // Each line of several has a tag and a length of its own, which is no more than the line and its end.
        AROUND + reading.path.len() + name + 2 * data_len(&reading.data)
    };
    match &observation.outcome {
        Outcome::Seen(readings) => AROUND + readings.iter().map(reading).sum::<usize>(),
        Outcome::Unavailable(why) | Outcome::Failed(why) => AROUND + why.len(),
    }
}

fn keep_readings(readings: &mut Vec<Reading>, keep: usize, all: usize) {
    let Some(last) = readings.get(keep) else {
        return;
    };
    let marker = Reading {
        source: last.source,
        path: last.path.clone(),
        name: None,
        data: Data::Unreadable(format!(
            "{} of {all} readings were left out from here on, because a report would have been too large",
            all - keep
        )),
    };
    readings.truncate(keep);
    readings.push(marker);
}

fn fit_reading(reading: &mut Reading) {
    cut_text(&mut reading.path, PATH_BYTES);
    if let Some(name) = &mut reading.name {
        cut_text(name, NAME_BYTES);
    }
    let bytes = data_len(&reading.data);
    match &mut reading.data {
        Data::Unreadable(why) => cut_text(why, TEXT_BYTES),
        Data::Text(text) | Data::ExpandText(text) => cut_text(text, DATA_BYTES),
        Data::MultiText(lines) if bytes > DATA_BYTES => cut_lines(lines),
        // Bytes have no room for a mark, so half of them would look like all of them.
        Data::Binary(_) | Data::Other { .. } if bytes > DATA_BYTES => {
            reading.data = Data::Unreadable(format!(
                "{bytes} bytes are there, more than the {DATA_BYTES} that are reported"
            ));
        }
        _ => {}
    }
}

fn cut_lines(lines: &mut Vec<String>) {
    let all = lines.len();
    // Room for the mark, which is never longer.
    let mut left = DATA_BYTES - 100;
    let keep = lines
        .iter()
        .take_while(|line| {
            let fits = line.len() < left;
            left = left.saturating_sub(line.len() + 1);
            fits
        })
        .count();
    lines.truncate(keep);
    lines.push(format!("[cut: {} of {all} lines left out]", all - keep));
}

fn cut_text(text: &mut String, limit: usize) {
    if text.len() <= limit {
        return;
    }
    let mark = format!(" [cut: {} bytes in all]", text.len());
    let mut end = limit - mark.len();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text.push_str(&mark);
}

#[cfg(test)]
mod tests {
    use sickbay_diagnosis::Time;
    use sickbay_diagnosis::reading::Source;

    use super::super::observation::check_limits;
    use super::*;

    fn seen(data: Vec<Data>) -> Observation {
        let reading = |data| Reading {
            source: Source::Registry,
            path: r"HKLM\SOFTWARE\Sickbay".to_owned(),
            name: Some("Value".to_owned()),
            data,
        };
        Observation {
            taken_at: Time::from_millis(1),
            outcome: Outcome::Seen(data.into_iter().map(reading).collect()),
        }
    }

    fn fitted(data: Data) -> Data {
        let fitted = fit(Check::Pause, seen(vec![data]));
        check_limits(&fitted).expect("within the limits");
        fitted.readings()[0].data.clone()
    }

    #[test]
    fn long_text_is_cut_at_a_character_and_says_how_long_it_was() {
        let Data::Text(text) = fitted(Data::Text("ü".repeat(DATA_BYTES))) else {
            panic!("still a text");
        };
        assert!(
            text.ends_with(&format!("[cut: {} bytes in all]", 2 * DATA_BYTES)),
            "{}",
            &text[text.len() - 50..]
        );
    }

    #[test]
    fn a_long_list_keeps_its_first_lines_and_says_how_many_are_missing() {
        let lines: Vec<String> = (0..10_000)
            .map(|n| format!("C:\\Windows\\{n}.dll"))
            .collect();
        let Data::MultiText(cut) = fitted(Data::MultiText(lines.clone())) else {
            panic!("still a list");
        };
        let kept = cut.len() - 1;
        assert_eq!(cut[..kept], lines[..kept]);
        assert_eq!(
            cut[kept],
            format!("[cut: {} of 10000 lines left out]", 10_000 - kept)
        );
    }

    #[test]
    fn bytes_that_are_too_many_become_unreadable_and_not_half_of_a_value() {
        assert!(
            matches!(fitted(Data::Binary(vec![0; DATA_BYTES + 1])), Data::Unreadable(why) if why.contains("16385 bytes"))
        );
        assert_eq!(
            fitted(Data::Binary(vec![0; DATA_BYTES])),
            Data::Binary(vec![0; DATA_BYTES])
        );
    }

    #[test]
    fn an_observation_that_would_not_fit_a_message_loses_readings_and_says_so() {
        for observation in [
            seen(vec![Data::Text("x".repeat(DATA_BYTES)); 500]),
            seen(vec![Data::Absent; READINGS_PER_OBSERVATION + 10]),
        ] {
            let all = observation.readings().len();
            let fitted = fit(Check::Updates, observation);
            check_limits(&fitted).expect("within the limits");
            assert!(encoded_len(Check::Updates, &fitted) <= OBSERVATION_BYTES);
            let last = fitted.readings().last().expect("a mark");
            assert!(
                matches!(&last.data, Data::Unreadable(why) if why.contains(&format!("of {all} readings"))),
                "{last:?}"
            );
        }
    }
}
