//! What other wishes would change, before they are kept: how many devices each issue would open on and clear on.
//!
//! Every device is judged with the rules as they would be, by the same code that judges it afterwards, so the figures are those that
//! then come true, as far as nothing else happens meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use sickbay_diagnosis::Time;
use sickbay_diagnosis::expectation::Wishes;
use sickbay_diagnosis::verdict::State;
use sickbay_store::{Concerned, DeviceState, Store, StoreError};
use utoipa::ToSchema;

use crate::app::App;
use crate::jobs::context;
use crate::judgement::{Device, Judgement, Standing};
use crate::rules::Rules;

/// Devices judged at once.
const AT_ONCE: u32 = 100;

/// What would change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Preview {
    /// Devices that were judged.
    pub devices: u64,
    /// Devices on which anything would change.
    pub changed: u64,
    /// Issues that would change on any device, by id.
    pub issues: Vec<IssuePreview>,
}

/// What would change of one issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct IssuePreview {
    /// Id of the issue.
    pub issue: String,
    /// Devices on which it would become open.
    pub opens: u64,
    /// Devices on which it would no longer be open.
    pub clears: u64,
}

/// Adds up what changes on devices.
#[derive(Debug, Default)]
struct Sum {
    devices: u64,
    changed: u64,
    issues: BTreeMap<&'static str, (u64, u64)>,
}

impl Sum {
    fn add(&mut self, state: &DeviceState, rules: &Rules, now: Time) -> Result<(), StoreError> {
        self.devices += 1;
        let observations = state.packed.unpack()?;
        let device = Device {
            standing: Standing::from(state),
            observations: &observations,
        };
        let judged = Judgement::of(&device, rules, now);
        let mut changed = false;
        for (issue, verdict) in judged.diagnosis.iter() {
            let was_open = state
                .findings
                .iter()
                .any(|f| f.issue == issue.id && f.state == State::Open);
            let is_open = verdict.state() == State::Open;
            if was_open == is_open {
                continue;
            }
            changed = true;
            let (opens, clears) = self.issues.entry(issue.id).or_default();
            *opens += u64::from(is_open);
            *clears += u64::from(was_open);
        }
        self.changed += u64::from(changed);
        Ok(())
    }

    fn done(self) -> Preview {
        let issues = self.issues.into_iter();
        Preview {
            devices: self.devices,
            changed: self.changed,
            issues: issues
                .map(|(issue, (opens, clears))| IssuePreview {
                    issue: issue.to_owned(),
                    opens,
                    clears,
                })
                .collect(),
        }
    }
}

/// Why there is no preview.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// Another one walks the fleet at the moment.
    #[error("another preview is being computed; only one walks through the fleet at a time")]
    Busy,
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What it would change if these wishes were kept. Only one preview walks the fleet at a time, because each judges every device.
///
/// # Errors
/// Where another one is under way, and where the database does not answer.
pub async fn of_wishes(app: &App, wishes: &Wishes) -> Result<Preview, PreviewError> {
    let _only = app
        .previewing
        .try_acquire()
        .map_err(|_| PreviewError::Busy)?;
    let store = app.store.as_ref();
    let now = app.rules.get();
    let wishes = context::in_force(&app.config, wishes);
    let rules = Rules {
        knowledge: Arc::clone(&now.knowledge),
        knowledge_origin: now.knowledge_origin.clone(),
        fleet: context::with_wishes(store, &now.fleet, &wishes).await?,
        acceptances: now.acceptances.clone(),
        wishes,
    };
    Ok(of(store, &rules, app.clock.now()).await?)
}

/// Judges every device as it is stored with other rules.
///
/// # Errors
/// Where the database does not answer.
pub async fn of(store: &dyn Store, rules: &Rules, now: Time) -> Result<Preview, StoreError> {
    let mut sum = Sum::default();
    let mut after = 0;
    loop {
        let keys = store.keys_after(&Concerned::All, after, AT_ONCE).await?;
        let Some(last) = keys.last() else {
            return Ok(sum.done());
        };
        after = *last;
        for state in store.load_states(&keys).await? {
            sum.add(&state, rules, now)?;
        }
        // Judging is pure computing; whoever else waits for this thread gets a turn.
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
mod tests;
