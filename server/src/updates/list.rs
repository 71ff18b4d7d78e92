//! The devices of a class, a page at a time.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::Stream;
use sickbay_diagnosis::Time;
use sickbay_diagnosis::explanation::{Class, Question};
use sickbay_diagnosis::filter::Filter;
use sickbay_store::{Cursor, Page, ProfiledDevice, Scope, Store, StoreError};

use super::{decode, explained, question};
use crate::rules::Rules;

/// Devices that are looked through at once.
const AT_ONCE: u32 = 2000;

/// A device, and where it stands with the update.
#[derive(Debug, Clone)]
pub struct Explained {
    /// Who it is and what it runs.
    pub device: ProfiledDevice,
    /// Its class.
    pub class: Class,
    /// Why, in one sentence.
    pub why: String,
    /// What would decide if that were not so.
    pub rest: Vec<String>,
}

impl Explained {
    fn of(device: ProfiledDevice, question: &Question<'_>, now: Time) -> Self {
        let profile = decode(&device.profile);
        let explanation = explained(question, profile.as_ref(), now);
        let known = question.known.knowledge;
        Self {
            class: explanation.class(),
            why: explanation.decisive.sentence(known),
            rest: explanation.rest.iter().map(|r| r.sentence(known)).collect(),
            device,
        }
    }
}

/// One page of the devices in a class, or in any, by name: at most `limit`, and where the next page goes on.
///
/// # Errors
/// Where the database does not answer.
pub async fn page(
    store: &dyn Store,
    scope: &Scope,
    filter: &Filter,
    question: &Question<'_>,
    class: Option<Class>,
    page: &Page,
    now: Time,
) -> Result<(Vec<Explained>, Option<Cursor>), StoreError> {
    let wanted = page.limit as usize;
    let mut found: Vec<Explained> = Vec::new();
    let mut walk = Page {
        after: page.after.clone(),
        // Few devices are looked through for a page of all classes, many where a class may be rare.
        limit: if class.is_some() {
            AT_ONCE
        } else {
            page.limit + 1
        },
    };
    loop {
        let devices = store.profiled_devices(scope, filter, &walk).await?;
        let is_last = devices.len() < walk.limit as usize;
        for device in devices {
            walk.after = Some(device.cursor.clone());
            let is_of_class =
                class.is_none_or(|class| super::class_of(question, &device.profile, now) == class);
            if !is_of_class {
                continue;
            }
            if found.len() == wanted {
                let cursor = found.last().map(|row| row.device.cursor.clone());
                return Ok((found, cursor));
            }
            found.push(Explained::of(device, question, now));
        }
        if is_last {
            return Ok((found, None));
        }
    }
}

struct Walk {
    store: Arc<dyn Store>,
    rules: Arc<Rules>,
    scope: Scope,
    filter: Filter,
    text: String,
    class: Option<Class>,
    page: Option<Page>,
    now: Time,
}

/// Every device of a class, or of any, a page at a time: for exports without a cap.
pub fn every_page(
    store: Arc<dyn Store>,
    rules: Arc<Rules>,
    scope: Scope,
    filter: Filter,
    text: String,
    class: Option<Class>,
    now: Time,
) -> impl Stream<Item = Result<VecDeque<Explained>, StoreError>> + Send {
    let walk = Walk {
        store,
        rules,
        scope,
        filter,
        text,
        class,
        page: Some(Page {
            after: None,
            limit: AT_ONCE,
        }),
        now,
    };
    futures::stream::unfold(walk, |mut walk| async move {
        let page = walk.page.take()?;
        let devices = walk
            .store
            .profiled_devices(&walk.scope, &walk.filter, &page)
            .await;
        let devices = match devices {
            Ok(devices) => devices,
            Err(error) => return Some((Err(error), walk)),
        };
        if devices.len() == AT_ONCE as usize
            && let Some(last) = devices.last()
        {
            walk.page = Some(Page {
                after: Some(last.cursor.clone()),
                limit: AT_ONCE,
            });
        }
        let rows = {
            // Understood before the walk began; what is not an update never comes here.
            let Ok(question) = question(&walk.rules, &walk.text) else {
                return None;
            };
            devices
                .into_iter()
                .filter(|device| {
                    walk.class.is_none_or(|class| {
                        super::class_of(&question, &device.profile, walk.now) == class
                    })
                })
                .map(|device| Explained::of(device, &question, walk.now))
                .collect()
        };
        Some((Ok(rows), walk))
    })
}
