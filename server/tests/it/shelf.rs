//! The writer keeps devices in memory between two reports; others write them too.

use sickbay_diagnosis::Check;
use sickbay_diagnosis::observation::{Observation, Outcome as Seen};
use sickbay_diagnosis::time::DAY_MS;
use sickbay_server::ingest::Outcome;
use sickbay_server::wire::ToCollector;
use sickbay_store::{Committed, DeviceChange, DeviceIdentity, DeviceState};

use crate::readings::{client, not_paused, paused_by_user};
use crate::site::Site;

const ISSUE: &str = "quality-updates-paused";
const EPOCH: [u8; 16] = [3; 16];

async fn state(site: &Site, device: &DeviceIdentity) -> DeviceState {
    let mut states = site.store().load_states(&[device.key]).await.unwrap();
    states.remove(0)
}

fn is_paused(state: &DeviceState) -> bool {
    state.findings.iter().any(|finding| finding.issue == ISSUE)
}

/// A check that saw nothing.
fn nothing(site: &Site, check: Check) -> (Check, Observation) {
    let observation = Observation {
        taken_at: site.now(),
        outcome: Seen::Seen(Vec::new()),
    };
    (check, observation)
}

#[tokio::test]
async fn a_report_rests_on_what_another_writer_made_of_its_device_meanwhile() {
    let site = Site::start().await;
    let (_, token) = site.token(|_| ()).await;
    let device = site.stored_device(&token, "PC-1").await;
    let until = site.now().plus_millis(10 * DAY_MS);
    let says = vec![client("PC-1"), paused_by_user(until)];
    site.take_in_as(&device, EPOCH.into(), 1, says).await;
    assert!(is_paused(&state(&site, &device).await));

    // Another server takes in that it is paused no more, and tells nobody.
    let seen = state(&site, &device).await;
    let mut packed = seen.packed.clone();
    let (check, resumed) = not_paused();
    packed.put(check, &resumed);
    let change = DeviceChange {
        packed: Some(packed),
        ..DeviceChange::of(&seen, site.now())
    };
    let answers = site.store().commit(&[change]).await.unwrap();
    assert_eq!(answers, [Committed::Done]);

    let more = vec![nothing(&site, Check::Services)];
    site.take_in_as(&device, EPOCH.into(), 2, more).await;
    let after = state(&site, &device).await;
    assert!(
        !is_paused(&after),
        "it was diagnosed by what was remembered"
    );
    assert_eq!(after.packed.get(Check::Pause).unwrap(), Some(resumed));
    assert!(after.packed.get(Check::Services).unwrap().is_some());
    assert_eq!(after.mark.sequence, 2);
}

/// Several batches' worth at once, of which each has reports of devices that are in the ones before: one is worked out while another waits
/// and a third is written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_that_come_faster_than_they_are_written_are_all_written_in_their_order() {
    const DEVICES: usize = 400;
    const REPORTS: u64 = 4;
    let site = Site::start().await;
    let (_, token) = site.token(|_| ()).await;
    let mut devices = Vec::new();
    for number in 0..DEVICES {
        devices.push(site.stored_device(&token, &format!("PC-{number}")).await);
    }
    let (answer, mut answered) = tokio::sync::mpsc::unbounded_channel();
    for sequence in 1..=REPORTS {
        for device in &devices {
            let says = match sequence {
                1 => vec![client("PC"), not_paused()],
                _ => vec![nothing(&site, Check::Services)],
            };
            let answer = answer.clone();
            site.hand_in(device, EPOCH.into(), sequence, says, answer)
                .await;
        }
    }
    drop(answer);
    let mut acknowledged = [0; REPORTS as usize];
    while let Some(outcome) = answered.recv().await {
        let Outcome::Send(told) = outcome else {
            panic!("{outcome:?}");
        };
        let ToCollector::Ack { sequence, .. } = *told else {
            panic!("{told:?}");
        };
        acknowledged[sequence as usize - 1] += 1;
    }
    assert_eq!(acknowledged, [DEVICES; REPORTS as usize]);
    for device in &devices {
        assert_eq!(state(&site, device).await.mark.sequence, REPORTS);
    }
    let commits = site.app().metrics.commits.get();
    assert!(commits >= 4, "{commits} commits are no queue");
}
