//! Keeps group policy from being applied while its values are read, so that none is seen deleted and not yet written again.
//!
//! Windows may make whoever asks wait for ten minutes while it applies policy. So it is waited for [`LIMIT`] on a thread of its own,
//! which also gives it back, and policy is read in any case.
#![expect(unsafe_code, reason = "calls Windows")]

use std::time::Duration;

use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::System::GroupPolicy::{
    EnterCriticalPolicySection, LeaveCriticalPolicySection,
};

use crate::host::section::Section;

/// Longest wait.
const LIMIT: Duration = Duration::from_secs(1);

/// The way to the machine's policy section.
#[derive(Debug)]
pub(super) struct Policy(Section);

impl Policy {
    pub(super) fn new() -> Self {
        Self(Section::new(LIMIT))
    }

    /// Does `read` while no policy is applied, or after waiting for that in vain.
    pub(super) fn while_it_rests(&self, read: &mut dyn FnMut()) {
        let held = self.0.enter(Entered::enter);
        if held.is_none() {
            tracing::debug!(
                "group policy is being applied, or cannot be kept from it; its values are read all the same"
            );
        }
        read();
    }
}

/// The section is this thread's until it is dropped.
struct Entered(HANDLE);

impl Entered {
    fn enter() -> Option<Self> {
        // SAFETY: takes whether the machine's policy is meant; what it gives is given back on drop.
        let section = unsafe { EnterCriticalPolicySection(1) };
        (!section.is_null()).then_some(Self(section))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        // SAFETY: entered on this thread and not left yet.
        unsafe { LeaveCriticalPolicySection(self.0) };
    }
}
