//! A machine as it stands at a moment: its profile, and what its ailments have come to since they began. A pause that lasts for weeks
//! leaves updates out, a service that is disabled leaves the last search behind; the registry is written from this.

use sickbay_diagnosis::Time;
use sickbay_diagnosis::time::{DAY_MS, HOUR_MS};

use super::ailment::{Ailment, Kind};
use super::calendar::{Calendar, Month};
use super::profile::Profile;
use super::release::{
    Release, SERVER_2016, SERVER_2019, WINDOWS_10, WINDOWS_11_23H2, WINDOWS_11_24H2,
};

/// The id that machines share which were cloned from an image that had one.
const CLONED_ID: &str = "5b1f9c3e-8a44-4d0b-9e6f-2c7a81d0e3b6";
/// A real update, on machines that the calendar left behind.
struct Update {
    revision: u32,
    title: &'static str,
    /// The id by which the agent knows it.
    id: &'static str,
}

/// The last one of Windows 10 22H2 for machines without extended security updates, and the day it came out.
const LAST_WITHOUT_EXTENSION: (Update, &str) = (
    Update {
        revision: 6456,
        title: "2025-10 Cumulative Update for Windows 10 Version 22H2 for x64-based Systems (KB5066791)",
        id: "0d7c1b62-3a5e-4f0c-9b1e-6a2f4c8d9e01",
    },
    "2025-10-14T17:00:00Z",
);
/// What the first image of Windows 11 24H2 has.
const FIRST_OF_24H2: Update = Update {
    revision: 1742,
    title: "2024-09 Cumulative Update for Windows 11 Version 24H2 for x64-based Systems (KB5043080) (26100.1742)",
    id: "0d7c1b62-3a5e-4f0c-9b1e-6a2f4c8d9e02",
};
/// Updates before the present one that a machine still has packages of.
const EARLIER: usize = 2;
/// The last day of Windows 11 24H2 for Pro editions.
const END_OF_24H2_PRO: &str = "2026-10-13T23:00:00Z";
/// How far back a stack is that updates refuse: more than ninety days behind those that came since.
const OLD_STACK: usize = 5;

/// A machine at a moment.
pub(super) struct Body<'a> {
    pub(super) profile: &'a Profile,
    pub(super) calendar: &'a Calendar,
    pub(super) release: &'static Release,
    pub(super) edition: &'static str,
    /// How many monthly updates it lacks.
    back: usize,
    /// How many servicing stacks it lacks.
    stack_back: usize,
    /// Runs what this update brought, installed then, whatever the calendar says.
    frozen: Option<(&'static Update, Time)>,
    /// When it last looked for updates with success.
    pub(super) looked_at: Time,
    /// An update that waits for a restart.
    pub(super) waiting: Option<Month>,
    pub(super) client_id: String,
    pub(super) free_bytes: u64,
}

impl<'a> Body<'a> {
    /// What the ailments have made of the machine.
    pub(super) fn of(profile: &'a Profile, ailments: &[Ailment], calendar: &'a Calendar) -> Self {
        let now = calendar.now;
        let back = calendar.lacking(now, profile.patch_delay_ms);
        let mut body = Self {
            profile,
            calendar,
            release: profile.release,
            edition: profile.edition,
            back,
            stack_back: back,
            frozen: None,
            looked_at: now.plus_millis(-profile.scan_age_ms),
            waiting: None,
            client_id: profile.update_client_id.clone(),
            free_bytes: profile.free_gb << 30,
        };
        for ailment in ailments {
            body.suffer(ailment);
        }
        body
    }

    fn suffer(&mut self, ailment: &Ailment) {
        let since = ailment.since;
        match ailment.kind {
            Kind::PausedByUser
            | Kind::QualityPausedByPolicy
            | Kind::StoreCorrupt
            | Kind::StackBroken
            | Kind::InstallFails
            | Kind::DownloadFails => self.installs_stop(since),
            Kind::Neglected
            | Kind::ServerUnreachable
            | Kind::RecoveryRefused
            | Kind::AutomaticUpdatesOff => {
                self.searches_stop(since);
            }
            Kind::ServiceDisabled if ailment.stops_searches() => self.searches_stop(since),
            Kind::ServiceDisabled => self.installs_stop(since),
            Kind::DeferredTooLong => {
                let delay = i64::from(ailment.deferral_days()) * DAY_MS;
                let delay = self.profile.patch_delay_ms + delay;
                self.lack(self.calendar.lacking(self.calendar.now, delay));
            }
            Kind::DiskLow => {
                self.free_bytes = u64::from(ailment.free_mb()) << 20;
                if ailment.disk_is_full() {
                    self.installs_stop(since);
                }
            }
            Kind::StackOutdated => {
                self.release = SERVER_2019;
                self.installs_stop(since);
                self.stack_back = OLD_STACK;
            }
            Kind::RestartPending => self.waits_for_restart(ailment),
            Kind::Pinned | Kind::Outlived => self.outlives(ailment),
            Kind::ImageTooOld => {
                self.runs(WINDOWS_11_24H2, "Enterprise");
                self.frozen = Some((&FIRST_OF_24H2, since));
            }
            Kind::Held if ailment.is_on_old_release() => self.runs(WINDOWS_11_23H2, "Enterprise"),
            Kind::HardwareTooOld => self.runs(WINDOWS_10, "Enterprise"),
            Kind::NearingEnd => self.runs(SERVER_2016, "ServerStandard"),
            Kind::Cloned => CLONED_ID.clone_into(&mut self.client_id),
            _ => {}
        }
    }

    fn runs(&mut self, release: &'static Release, edition: &'static str) {
        self.release = release;
        self.edition = edition;
    }

    fn outlives(&mut self, ailment: &Ailment) {
        match ailment.variant % 3 {
            _ if ailment.kind == Kind::Pinned => self.runs(WINDOWS_11_23H2, "Enterprise"),
            0 => self.runs(WINDOWS_11_23H2, "Education"),
            1 => {
                self.runs(WINDOWS_11_24H2, "Professional");
                self.installs_stop(day(END_OF_24H2_PRO));
            }
            _ => {
                self.runs(WINDOWS_10, "Professional");
                let (update, released) = &LAST_WITHOUT_EXTENSION;
                let delay = self.profile.patch_delay_ms;
                self.frozen = Some((update, day(released).plus_millis(delay)));
            }
        }
    }

    fn waits_for_restart(&mut self, ailment: &Ailment) {
        // What begins while the demo runs is an update of something else: the machine does not lose what it has.
        if ailment.is_fresh {
            return;
        }
        let out = |month: &&Month| month.released < ailment.since;
        let months = self.calendar.months();
        let Some(place) = months.iter().position(|month| out(&month)) else {
            return;
        };
        self.waiting = months.get(place).copied();
        self.lack(place + 1);
    }

    fn searches_stop(&mut self, since: Time) {
        self.looked_at = self.looked_at.min(since);
        self.installs_stop(since);
    }

    fn installs_stop(&mut self, since: Time) {
        let delay = self.profile.patch_delay_ms;
        self.lack(self.calendar.lacking(since, delay));
    }

    fn lack(&mut self, months: usize) {
        self.back = self.back.max(months);
        self.stack_back = self.stack_back.max(months);
    }

    /// The update that it has.
    fn month(&self) -> Month {
        self.calendar.month(self.back)
    }

    /// The update that it should get next, where it lacks one.
    pub(super) fn next(&self) -> Option<Month> {
        (self.back > 0).then(|| self.calendar.month(0))
    }

    /// The revision that it runs.
    pub(super) fn ubr(&self) -> u32 {
        self.frozen.map_or_else(
            || self.release.ubr(self.month()),
            |(update, _)| update.revision,
        )
    }

    /// The updates that it had before, the latest first, each with when it was installed; as far as the calendar knows them.
    pub(super) fn earlier(&self) -> impl Iterator<Item = (Month, Time)> + '_ {
        let months = self.calendar.months().iter().skip(self.back + 1);
        let kept = if self.frozen.is_some() { 0 } else { EARLIER };
        months.take(kept).map(|month| {
            (
                *month,
                month.released.plus_millis(self.profile.patch_delay_ms),
            )
        })
    }

    /// Title and id of a month's update.
    pub(super) fn update_of(&self, month: Month) -> (String, String) {
        (
            self.release.update_title(month),
            update_id(self.release, month.number),
        )
    }

    /// Revision of its servicing stack.
    pub(super) fn stack(&self) -> u32 {
        self.frozen.map_or_else(
            || self.release.ubr(self.calendar.month(self.stack_back)),
            |(update, _)| update.revision,
        )
    }

    /// When it installed the update that it has.
    pub(super) fn patched_at(&self) -> Time {
        let installed = self
            .month()
            .released
            .plus_millis(self.profile.patch_delay_ms);
        self.frozen.map_or(installed, |(_, at)| at).min(
            // Whatever a deferral or a clock says, it is not installed after this moment.
            self.calendar.now.plus_millis(-HOUR_MS),
        )
    }

    /// When it installed its servicing stack.
    pub(super) fn stack_installed_at(&self) -> Time {
        let month = self.calendar.month(self.stack_back);
        let installed = month.released.plus_millis(self.profile.patch_delay_ms);
        self.frozen
            .map_or(installed, |(_, at)| at)
            .min(self.patched_at())
    }

    /// When it last started: at the latest after its last update.
    pub(super) fn started_at(&self) -> Time {
        self.profile.started_at.max(self.patched_at())
    }

    /// Title, id and time of the update that it has.
    pub(super) fn installed(&self) -> (String, String, Time) {
        let (title, id) = match self.frozen {
            Some((update, _)) => (update.title.to_owned(), update.id.to_owned()),
            None => self.update_of(self.month()),
        };
        (title, id, self.patched_at())
    }

    /// Title and id of the update that would come next: this month's, or one of .NET where it lacks none.
    pub(super) fn failing(&self) -> (String, String) {
        if let Some(month) = self.next() {
            return (
                self.release.update_title(month),
                update_id(self.release, month.number),
            );
        }
        let month = self.calendar.month(0);
        let released = month.released.date();
        let title = format!(
            "{} Cumulative Update for .NET Framework 3.5 and 4.8.1 for {} for x64 (KB{})",
            released.get(..7).unwrap_or_default(),
            self.release.title,
            5_995_003 + month.number * 2_710
        );
        (title, update_id(self.release, month.number + 500))
    }

    /// Name of the product with its edition, as the registry has it.
    pub(super) fn product_name(&self) -> String {
        let edition = match self.edition {
            "Professional" => "Pro",
            edition => edition.strip_prefix("Server").unwrap_or(edition),
        };
        format!("{} {edition}", self.release.product)
    }
}

/// An id of its own for each update of each release.
fn update_id(release: &Release, number: i64) -> String {
    let build = release.build;
    format!("{build:08x}-6d1c-4b7e-9a52-{:012x}", number + 4096)
}

fn day(text: &str) -> Time {
    Time::parse(text).expect("the constants of this file are times")
}
