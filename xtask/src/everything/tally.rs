//! How many tests passed and failed, as the runners themselves say.

use std::fmt;

/// The sum over all runners.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    passed: u64,
    failed: u64,
    told: bool,
}

impl Tally {
    /// Whether any runner said a number. One that never ran, because something did not compile, says none.
    pub(super) const fn counted(self) -> bool {
        self.told
    }

    /// Adds what another part of the output told.
    pub(super) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.told |= other.told;
    }

    /// Takes in a line of output: nextest's summary, or a result of cargo's own runner.
    pub(super) fn read(&mut self, line: &str) {
        let line = without_colours(line);
        // Where it is indented, it is what nextest repeats of a failed test's own output, which its summary counts.
        let own = line.strip_prefix("test result: ");
        let line = line.trim();
        let counts = if let Some(result) = own {
            result.split(['.', ';', ',']).collect::<Vec<_>>()
        } else if line.starts_with("Summary [") && line.contains(" run: ") {
            let counts = line.rsplit(" run: ").next().unwrap_or_default();
            counts.split(',').collect()
        } else {
            return;
        };
        self.told = true;
        self.passed += number_of(&counts, "passed");
        // A test that ran into its time limit has not passed either.
        self.failed += number_of(&counts, "failed") + number_of(&counts, "timed out");
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// The number before a word such as `passed`; nextest adds remarks in parentheses behind it.
fn number_of(counts: &[&str], word: &str) -> u64 {
    let found = counts.iter().find_map(|count| {
        let (number, rest) = count.trim().split_once(' ')?;
        rest.starts_with(word).then(|| number.parse().ok())?
    });
    found.unwrap_or(0)
}

fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, code)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = code.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        rest = rest
            .strip_prefix(|c: char| c.is_ascii_alphabetic())
            .unwrap_or(rest);
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(lines: &[&str]) -> String {
        let mut tally = Tally::default();
        for line in lines {
            tally.read(line);
        }
        if tally.counted() {
            tally.to_string()
        } else {
            String::new()
        }
    }

    #[test]
    fn a_failed_test_is_not_counted_twice_because_its_output_is_repeated() {
        let lines = [
            "    test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 2 filtered out; finished in 0.64s",
            "     Summary [ 138.928s] 507 tests run: 506 passed, 1 failed, 0 skipped",
        ];
        assert_eq!(told(&lines), "506 passed, 1 failed");
    }

    #[test]
    fn the_counts_are_those_of_the_runners() {
        assert_eq!(
            told(&["     Summary [   0.278s] 15 tests run: 15 passed, 1 skipped\n"]),
            "15 passed, 0 failed"
        );
        assert_eq!(
            told(&[
                "Summary [ 1s] 9/12 tests run: 6 passed (1 slow), 2 failed, 1 timed out, 3 skipped"
            ]),
            "6 passed, 3 failed"
        );
        let coloured = "\u{1b}[32;1m     Summary\u{1b}[0m [   0.2s] \u{1b}[1m2\u{1b}[0m tests run: \u{1b}[1m2\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m, 0 skipped";
        assert_eq!(told(&[coloured]), "2 passed, 0 failed");
        let cargo = "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s";
        let other = "test result: ok. 40 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.10s";
        assert_eq!(told(&[cargo, other]), "42 passed, 1 failed");
    }

    #[test]
    fn nothing_is_counted_where_nothing_ran() {
        assert_eq!(
            told(&["error: could not compile `a`", "test a::passed ... ok"]),
            ""
        );
    }
}
