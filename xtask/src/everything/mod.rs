//! `cargo xtask test`: everything that must hold before a change is taken.
//!
//! The steps go from the quickest to the slowest and stop at the first that fails, with the command that repeats just that one. All
//! output of the steps is passed on as it comes. Needs no terminal and no standard input.

mod npm;
mod pypi;
mod steps;
mod tally;
mod tools;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use steps::Step;
use tally::Tally;

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed,
    NotRun,
}

/// A line of the table at the end.
#[derive(Debug)]
struct Row {
    title: &'static str,
    outcome: Outcome,
    took: Duration,
}

/// Runs all steps. Returns whether all passed.
pub(crate) fn run(root: &Path, long: bool) -> Result<bool> {
    let begun = Instant::now();
    let mut tally = Tally::default();
    let mut rows: Vec<Row> = Vec::new();
    let mut failed = None;
    for step in steps::all(long) {
        let mut row = Row {
            title: step.title,
            outcome: Outcome::NotRun,
            took: Duration::ZERO,
        };
        if failed.is_none() {
            println!("\n==> {}", step.title);
            let since = Instant::now();
            let passed = step.run(root, &mut tally)?;
            row.took = since.elapsed();
            row.outcome = if passed {
                Outcome::Passed
            } else {
                Outcome::Failed
            };
            if !passed {
                failed = Some(step);
            }
        }
        rows.push(row);
    }
    print_table(&rows, begun.elapsed());
    if let Some(step) = &failed {
        println!("{}", what_failed(step));
    }
    if tally.counted() {
        println!("{tally}");
    }
    Ok(failed.is_none())
}

fn print_table(rows: &[Row], total: Duration) {
    println!("\n==> summary");
    for row in rows {
        println!("{}", line_of(row));
    }
    println!("{:<24} {:>8.1} s", "total", total.as_secs_f64());
}

fn line_of(row: &Row) -> String {
    let Row {
        title,
        outcome,
        took,
    } = row;
    match outcome {
        Outcome::Passed => format!("{title:<24} {:>8.1} s  passed", took.as_secs_f64()),
        Outcome::Failed => format!("{title:<24} {:>8.1} s  FAILED", took.as_secs_f64()),
        Outcome::NotRun => format!("{title:<24} {:>8}    not run", "-"),
    }
}

fn what_failed(step: &Step) -> String {
    format!("\n{} failed. Just this again: {}", step.title, step.again)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_tells_a_step_that_failed_from_one_that_never_ran() {
        let row = |outcome| Row {
            title: "clippy",
            outcome,
            took: Duration::from_millis(1_250),
        };
        assert_eq!(
            line_of(&row(Outcome::Passed)),
            "clippy                        1.2 s  passed"
        );
        assert_eq!(
            line_of(&row(Outcome::Failed)),
            "clippy                        1.2 s  FAILED"
        );
        assert_eq!(
            line_of(&row(Outcome::NotRun)),
            "clippy                          -    not run"
        );
    }
}
