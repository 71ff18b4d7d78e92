//! Numbers day by day: as an area chart with the figures beside it, and as a small line.
//!
//! Both are drawn here, so that they are there without scripts; a script lets one hover and zoom. A day that was not counted is a gap, never a
//! guess.

use std::fmt::Write as _;

use askama::Template;
use askama::filters::HtmlSafe;

use crate::text;
use crate::words::{states, time as words};

/// Width of a drawing, in its own units.
const WIDE: u64 = 1000;
/// Height of a chart, in its own units.
const HIGH: u64 = 200;
/// Height of a small line.
const LOW: u64 = 40;

/// What a chart shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Subject {
    /// How the fleet stood.
    #[default]
    Fleet,
    /// How many devices had an issue.
    Issue,
}

/// What one of its numbers counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Series {
    /// Something serious is open.
    Serious,
    /// Something is open, none of it serious.
    Warning,
    /// Nothing is open, and not everything is known.
    Unknown,
    /// Active devices that never reported.
    NeverReported,
    /// Everything is known and good.
    Healthy,
    /// What is open is accepted for a time.
    Accepted,
}

/// One of the numbers of a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Band {
    /// What it counts.
    pub of: Series,
    /// One for each day; `None` where it was not counted.
    pub values: Vec<Option<u64>>,
}

/// Numbers day by day, one upon the other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Template)]
#[template(path = "components/chart.html")]
pub struct Chart {
    /// What it shows.
    pub of: Subject,
    /// Days, `2026-11-26`, the oldest first.
    pub days: Vec<String>,
    /// From the bottom up.
    pub bands: Vec<Band>,
    /// Region of the page that it belongs to.
    pub region: String,
}

// Its template escapes what it shows.
impl HtmlSafe for Chart {}

impl Band {
    /// Class of its colour.
    const fn class(&self) -> &'static str {
        match self.of {
            Series::Serious => "serious",
            Series::Warning => "warning",
            Series::Unknown => "unknown",
            Series::NeverReported | Series::Accepted => "quiet",
            Series::Healthy => "healthy",
        }
    }

    const fn label(&self) -> &'static str {
        states::series(self.of)
    }
}

impl Chart {
    /// Its place on the page.
    const fn id(&self) -> &'static str {
        match self.of {
            Subject::Fleet => "past",
            Subject::Issue => "trend",
        }
    }

    const fn title(&self) -> &'static str {
        words::chart(self.of)
    }

    /// How many days were counted.
    fn counted(&self) -> usize {
        (0..self.days.len())
            .filter(|day| self.is_counted(*day))
            .count()
    }

    fn is_counted(&self, day: usize) -> bool {
        self.bands
            .iter()
            .any(|band| band.values.get(day).is_some_and(Option::is_some))
    }

    fn value(band: &Band, day: usize) -> u64 {
        band.values.get(day).copied().flatten().unwrap_or(0)
    }

    /// The largest sum of a day, rounded up to a number that is easily read.
    fn top(&self) -> u64 {
        let sum = |day| self.bands.iter().map(|band| Self::value(band, day)).sum();
        round_up((0..self.days.len()).map(sum).max().unwrap_or(0))
    }

    fn middle(&self) -> String {
        text::number(self.top() / 2)
    }

    /// Class and outline of each band, in each run of days that were counted.
    fn areas(&self) -> Vec<(&'static str, String)> {
        let (top, last) = (self.top(), self.days.len().saturating_sub(1).max(1) as u64);
        let mut under = vec![0_u64; self.days.len()];
        let mut areas = Vec::new();
        for band in &self.bands {
            let mut over = under.clone();
            for (day, height) in over.iter_mut().enumerate() {
                *height += Self::value(band, day);
            }
            for run in self.runs() {
                let point = |day: usize, height: u64| {
                    format!(
                        "{},{} ",
                        day as u64 * WIDE / last,
                        HIGH - height * HIGH / top
                    )
                };
                let mut points = String::new();
                run.clone().for_each(|day| points += &point(day, over[day]));
                run.rev().for_each(|day| points += &point(day, under[day]));
                areas.push((band.class(), points.trim_end().to_owned()));
            }
            under = over;
        }
        areas
    }

    /// Runs of days that were counted; a single one is drawn as wide as half a day to either side would be.
    fn runs(&self) -> Vec<std::ops::RangeInclusive<usize>> {
        runs((0..self.days.len()).map(|day| self.is_counted(day)))
    }

    /// The days that were counted, the newest first, with what each band says.
    fn figures(&self) -> impl Iterator<Item = (&str, Vec<u64>)> {
        let days = (0..self.days.len()).rev();
        days.filter(|day| self.is_counted(*day)).map(|day| {
            let values = self.bands.iter().map(|band| Self::value(band, day));
            (self.days[day].as_str(), values.collect())
        })
    }

    fn first(&self) -> &str {
        self.days.first().map_or("", String::as_str)
    }

    fn last(&self) -> &str {
        self.days.last().map_or("", String::as_str)
    }
}

/// A number day by day, as a small line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Template)]
#[template(path = "components/spark.html")]
pub struct Spark {
    /// One for each day; `None` where it was not counted.
    pub values: Vec<Option<u64>>,
}

impl HtmlSafe for Spark {}

impl Spark {
    /// Whether there is anything to see.
    fn is_telling(&self) -> bool {
        self.values.iter().flatten().count() > 1
    }

    /// The points of each run of days that were counted.
    fn lines(&self) -> Vec<String> {
        let top = self
            .values
            .iter()
            .flatten()
            .max()
            .copied()
            .unwrap_or(0)
            .max(1);
        let last = self.values.len().saturating_sub(1).max(1) as u64;
        // Leaves room for the line's own width at both ends.
        let height = |value: u64| LOW - 2 - value * (LOW - 4) / top;
        runs(self.values.iter().map(Option::is_some))
            .into_iter()
            .map(|run| {
                run.filter_map(|day| Some((day, self.values[day]?))).fold(
                    String::new(),
                    |mut points, (day, value)| {
                        let _ = write!(points, "{},{} ", day as u64 * WIDE / last, height(value));
                        points
                    },
                )
            })
            .collect()
    }
}

/// What a number is today against a day before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Difference {
    /// Today.
    pub now: u64,
    /// Yesterday; `None` where it was not counted.
    pub yesterday: Option<u64>,
    /// Seven days ago.
    pub week: Option<u64>,
}

impl Difference {
    /// Of days, of which the last is today.
    pub fn of(values: &[Option<u64>]) -> Self {
        let back = |days: usize| {
            let place = values.len().checked_sub(days + 1)?;
            values.get(place).copied().flatten()
        };
        Self {
            now: back(0).unwrap_or(0),
            yesterday: back(1),
            week: back(7),
        }
    }

    /// `+12 since yesterday, −3 in a week`; what did not change is left out, and where nothing was counted then, it is empty.
    pub fn in_words(&self) -> String {
        let told = |then: Option<u64>, words: fn(&str) -> String| Some((then?, words));
        let counted = [
            told(self.yesterday, words::since_yesterday),
            told(self.week, words::in_a_week),
        ];
        let counted = counted.into_iter().flatten();
        let known = counted.clone().next().is_some();
        let told: Vec<String> = counted
            .filter(|(then, _)| *then != self.now)
            .map(|(then, words)| words(&signed(self.now, then)))
            .collect();
        match told.as_slice() {
            [] if known && self.now > 0 => words::UNCHANGED.to_owned(),
            told => told.join(", "),
        }
    }

    /// Whether it is more than it was, of what is best at nought: `worse`, `better`, or neither.
    pub fn tone(&self) -> &'static str {
        match self.yesterday.or(self.week) {
            Some(then) if self.now > then => "worse",
            Some(then) if self.now < then => "better",
            _ => "same",
        }
    }
}

fn signed(now: u64, then: u64) -> String {
    if now < then {
        format!("−{}", text::number(then - now))
    } else {
        format!("+{}", text::number(now - then))
    }
}

/// Runs of days that hold.
fn runs(days: impl Iterator<Item = bool>) -> Vec<std::ops::RangeInclusive<usize>> {
    let mut runs: Vec<std::ops::RangeInclusive<usize>> = Vec::new();
    for (day, _) in days.enumerate().filter(|(_, holds)| *holds) {
        match runs.last_mut() {
            Some(run) if run.end() + 1 == day => *run = *run.start()..=day,
            _ => runs.push(day..=day),
        }
    }
    runs
}

/// The least of 1, 2, 5, 10, 20, 50, … that is not below.
fn round_up(number: u64) -> u64 {
    let mut step = 1_u64;
    loop {
        for times in [1, 2, 5] {
            let candidate = step.saturating_mul(times);
            if candidate >= number {
                return candidate;
            }
        }
        step = step.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(values: &[&[Option<u64>]]) -> Chart {
        Chart {
            of: Subject::Fleet,
            days: (0..values[0].len())
                .map(|day| format!("day {day}"))
                .collect(),
            bands: values
                .iter()
                .map(|values| Band {
                    of: Series::Serious,
                    values: values.to_vec(),
                })
                .collect(),
            region: String::new(),
        }
    }

    #[test]
    fn bands_stand_one_upon_the_other_below_a_round_number() {
        let chart = chart(&[&[Some(1), Some(2)], &[Some(3), Some(0)]]);
        assert_eq!(chart.top(), 5);
        let areas = chart.areas();
        assert_eq!(areas[0].1, "0,160 1000,120 1000,200 0,200");
        assert_eq!(areas[1].1, "0,40 1000,120 1000,120 0,160");
    }

    #[test]
    fn a_day_that_was_not_counted_is_a_gap() {
        let chart = chart(&[&[Some(1), None, Some(1), Some(1)]]);
        assert_eq!(chart.counted(), 3);
        assert_eq!(chart.areas().len(), 2);
        assert_eq!(chart.figures().count(), 3);
        let spark = Spark {
            values: vec![Some(3), None, Some(1), Some(0)],
        };
        assert_eq!(spark.lines(), ["0,2 ", "666,26 1000,38 "]);
    }

    #[test]
    fn numbers_beyond_anything_do_not_break_a_page() {
        let chart = chart(&[&[Some(u64::MAX / 400), None], &[]]);
        assert_eq!(chart.areas().len(), 2);
        assert!(!Spark { values: vec![] }.is_telling());
        assert_eq!(round_up(0), 1);
        assert_eq!(round_up(51), 100);
    }

    #[test]
    fn a_difference_is_told_only_where_there_was_a_number() {
        let mut days = vec![None; 8];
        days[7] = Some(5);
        assert_eq!(Difference::of(&days).in_words(), "");
        days[6] = Some(7);
        let difference = Difference::of(&days);
        assert_eq!(difference.in_words(), "−2 since yesterday");
        assert_eq!(difference.tone(), "better");
        days[0] = Some(5);
        assert_eq!(Difference::of(&days).in_words(), "−2 since yesterday");
        days[0] = Some(1);
        assert_eq!(
            Difference::of(&days).in_words(),
            "−2 since yesterday, +4 in a week"
        );
        assert_eq!(Difference::of(&[Some(5); 8]).in_words(), "unchanged");
        assert_eq!(Difference::of(&[Some(0); 8]).in_words(), "");
    }
}
