//! Why an update is, or is not, on a device.
//!
//! A [`Question`] says which update is meant and what it brings to which devices; a [`Profile`] says all of a device that the answer can
//! rest on. [`explain`] puts the device into exactly one [`Class`]: the first reason of the list below that holds decides, the others
//! are kept. Pure, and made to be asked of a whole fleet at once: a profile is small and is worked out when a device reports, not when
//! somebody asks.
//!
//! What holds, in the order in which it is asked:
//!
//! 1. **The build decides before any list of packages.** A device at the update's revision has it; at a later one it has what came
//!    after. Update histories may call an update installed that was rolled back, and package lists do not name cumulative updates.
//! 2. The update is for another release, architecture or edition, or lacks a prerequisite.
//! 3. What the device itself says of this very update: it waits for a restart.
//! 4. What stops updates of its sort there: pauses, deferrals, holds, another source, a restart, failures, services and policies.
//! 5. The device has not looked since the update came out; it was offered it; it was not.
//!
//! Where the first question cannot be answered the class is [`Class::Unknown`], with the reason; it is never guessed.

mod ask;
mod evidence;
mod learned;
mod obstacles;
mod package_file;
mod profile;
mod question;
mod reason;
mod standing;
mod way_out;

use crate::time::Time;

pub use self::evidence::evidence;
pub use self::learned::{
    Claim, ClaimTally, Learned, LearnedUpdate, TOLD_BY_MOST_PERCENT, Told, believed, claims,
};
pub use self::obstacles::{Obstacle, ObstacleKind};
pub use self::package_file::{Arch, NotAPackage, PackageFile, Product};
pub use self::profile::{Failure, HELD_KBS, Outcome, Package, PackageName, Profile, Scan};
pub use self::question::{Aim, Brings, Known, NotAnUpdate, Origin, Question};
pub use self::reason::{Class, Proof, Reason};
pub use self::standing::{Standing, standing};
pub use self::way_out::WayOut;

/// Why an update is, or is not, on a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation<'a> {
    /// What decides.
    pub decisive: Reason<'a>,
    /// What would decide if that were not so, in order.
    pub rest: Vec<Reason<'a>>,
}

impl Explanation<'_> {
    /// The one class that the device is in.
    pub const fn class(&self) -> Class {
        self.decisive.class()
    }
}

/// Why the update that is asked for is, or is not, on a device, as of `now`.
pub fn explain<'a>(question: &'a Question<'_>, profile: &'a Profile, now: Time) -> Explanation<'a> {
    let mut reasons = ask::reasons(question, profile, now);
    // There is always one: whatever is not told is unknown.
    let decisive = reasons.remove(0);
    Explanation {
        decisive,
        rest: reasons,
    }
}

#[cfg(test)]
mod tests;
