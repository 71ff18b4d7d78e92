//! `low-disk-space` (fact sheet section 13).

use std::fmt;

use super::not_known;
use crate::issue::{Case, FixStep, Issue, Link, Teller};
use crate::verdict::{Cause, Severity, State, Verdict};

/// Too little room for the next update.
pub(super) const ISSUE: Issue = Issue {
    id: "low-disk-space",
    title: "Too little free space for updates",
    meaning: "The system drive has less free space than the next update needs. A feature update wants 20 GB; with less, downloads and \
              installations fail, at first now and then and then always.",
    severity: Severity::Serious,
    groups_by: "free-space band",
    fix: &[
        FixStep {
            text: "Take away what updates left behind: superseded components first.",
            command: Some("DISM /Online /Cleanup-Image /StartComponentCleanup"),
        },
        FixStep {
            text: "Then temporary files, the download cache and old installations.",
            command: Some("cleanmgr /d C: /verylowdisk"),
        },
        FixStep {
            text: "See what else takes the room.",
            command: Some("DISM /Online /Cleanup-Image /AnalyzeComponentStore"),
        },
    ],
    links: &[
        Link {
            title: "Clean up the WinSxS folder",
            url: "https://learn.microsoft.com/windows-hardware/manufacture/desktop/clean-up-the-winsxs-folder",
        },
        Link {
            title: "cleanmgr",
            url: "https://learn.microsoft.com/windows-server/administration/windows-commands/cleanmgr",
        },
    ],
    explains: &["download-failing", "install-failing"],
    told_by: Teller::Device,
    says_managed_elsewhere: false,
    never: &[(State::NotApplicable, "every device has a system drive")],
    decide,
};

const GIB: u64 = 1 << 30;
/// Upper edges of the bands, in gigabytes. Collectors report when room passes one of 1, 2, 5, 10, 20, 50, 100 or 500.
const BANDS: [u64; 8] = [1, 2, 5, 10, 20, 50, 100, 500];

fn decide(case: &Case<'_>) -> Verdict {
    let storage = match &case.facts.storage {
        Ok(storage) => storage,
        Err(why) => return not_known(why),
    };
    let Some(free) = storage.free_bytes else {
        let why = storage.reason.as_deref().unwrap_or("it was not told");
        return Verdict::unknown(format!("How much room is free is not known: {why}."));
    };
    let wanted = case.expectations;
    let room = Room {
        free: free.value,
        total: storage.total_bytes.map(|f| f.value),
    };
    let severity = if free.value < wanted.free_space_serious_bytes {
        Severity::Serious
    } else if free.value < wanted.free_space_warning_bytes {
        Severity::Warning
    } else {
        return Verdict::clear(format!("{room}."))
            .with_evidence([free.at])
            .with_evidence(storage.total_bytes.map(|f| f.at));
    };
    Verdict::open(
        severity,
        vec![cause(free.value)],
        format!(
            "{room}; at least {} are wanted.",
            Gigabytes(wanted.free_space_warning_bytes)
        ),
    )
    .with_evidence([free.at])
    .with_evidence(storage.total_bytes.map(|f| f.at))
}

fn cause(free: u64) -> Cause {
    match BANDS.into_iter().find(|edge| free < edge * GIB) {
        Some(edge) => Cause::new(
            format!("below {edge} GB"),
            format!("Less than {edge} GB free"),
        ),
        None => Cause::new("500 GB and more", "500 GB and more free"),
    }
}

/// How much is free, of how much where that is known.
struct Room {
    free: u64,
    total: Option<u64>,
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Gigabytes(self.free).fmt(f)?;
        if let Some(total) = self.total {
            write!(f, " of {}", Gigabytes(total))?;
        }
        f.write_str(" are free on the system drive")
    }
}

/// Bytes in gigabytes with one decimal, rounded down so that a limit is never shown as reached when it is not.
struct Gigabytes(u64);

impl fmt::Display for Gigabytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = u128::from(self.0) * 10 / u128::from(GIB);
        match (tenths / 10, tenths % 10) {
            (whole, 0) => write!(f, "{whole} GB"),
            (whole, tenth) => write!(f, "{whole}.{tenth} GB"),
        }
    }
}
