//! A site images its machines again: they come back by themselves, and nothing of what they were before lets anybody in.

use std::sync::Arc;

use rcgen::KeyPair;
use sickbay_diagnosis::filter::Filter;
use sickbay_diagnosis::time::{HOUR_MS, MINUTE_MS};
use sickbay_proto::v1::enrol_response::Outcome;
use sickbay_proto::v1::enrolment_client::EnrolmentClient;
use sickbay_proto::v1::error_detail::Reason;
use sickbay_proto::v1::{self};
use sickbay_store::{Approval, DeviceStatus, ListedMachine, Page, Scope};
use tokio::task::JoinSet;

use crate::device::{Device, connect, reason, request_over, tls};
use crate::site::Site;

const MACHINES: usize = 1_000;
const AT_ONCE: usize = 32;
const DOMAIN: &str = "corp.example.org";

fn listed(name: &str) -> ListedMachine {
    ListedMachine {
        name: name.to_owned(),
        domain: DOMAIN.into(),
        ou: "OU=Desks".into(),
        operating_system: "Windows 11 Enterprise".into(),
    }
}

/// A machine of that name and firmware asks with a new key.
async fn asks(site: &Site, token: &str, name: &str, firmware: &str) -> (KeyPair, Outcome) {
    let key = KeyPair::generate().unwrap();
    let request = v1::EnrolRequest {
        token: token.to_owned(),
        csr_der: request_over(&key).into(),
        machine: Some(v1::MachineIdentity {
            host_name: name.to_owned(),
            domain: DOMAIN.to_owned(),
            organizational_unit: "OU=Desks".to_owned(),
            machine_fingerprint: firmware.to_owned(),
        }),
        collector_version: "1".to_owned(),
    };
    let (channel, _) = connect(site, tls(site, None)).await;
    let answer = EnrolmentClient::new(channel).enrol(request).await.unwrap();
    (key, answer.into_inner().outcome.unwrap())
}

/// All machines ask, some at a time; each is let in at once.
async fn all_are_let_in(site: &Arc<Site>, token: &str) -> Vec<Device> {
    let mut devices = Vec::new();
    for start in (0..MACHINES).step_by(AT_ONCE) {
        let mut tasks = JoinSet::new();
        for number in start..MACHINES.min(start + AT_ONCE) {
            let (site, token) = (Arc::clone(site), token.to_owned());
            tasks.spawn(async move {
                let (name, firmware) = (format!("PC-{number:04}"), format!("firmware {number}"));
                match asks(&site, &token, &name, &firmware).await {
                    (key, Outcome::Issued(issued)) => Device::new(&site, issued, key),
                    (_, Outcome::Pending(pending)) => panic!("{name} waits: {pending:?}"),
                }
            });
        }
        devices.extend(tasks.join_all().await);
    }
    devices
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_reimaged_machines_come_back_without_a_person_and_inherit_no_trust() {
    let site = Arc::new(Site::start().await);
    let (_, token) = site
        .token(|token| {
            token.approval = Approval::List;
            token.tags = vec!["by-list".to_owned()];
        })
        .await;
    let list = (0..MACHINES)
        .map(|n| listed(&format!("PC-{n:04}")))
        .collect();
    site.store()
        .import_machines(list, "test", site.now())
        .await
        .unwrap();

    let before = all_are_let_in(&site, &token).await;
    // While a device lives nobody takes its place, whatever it says of itself.
    let (_, impostor) = asks(&site, &token, "PC-0000", "firmware 0").await;
    assert!(matches!(impostor, Outcome::Pending(_)), "{impostor:?}");
    // All are switched off and imaged anew.
    site.clock.advance(HOUR_MS);
    // A stranger who knows a name, but not the machine, waits for a person.
    let (_, stranger) = asks(&site, &token, "PC-0001", "firmware of a stranger").await;
    assert!(matches!(stranger, Outcome::Pending(_)), "{stranger:?}");
    let after = all_are_let_in(&site, &token).await;

    let counts = site.store().fleet_counts(&Scope::All).await.unwrap();
    assert_eq!(counts.active() as usize, MACHINES);
    assert_eq!(counts.pending, 2);
    let page = Page {
        after: None,
        limit: 2 * MACHINES as u32,
    };
    let replaced = site
        .store()
        .devices_with_status(
            &Scope::All,
            DeviceStatus::Replaced,
            &Filter::Everything,
            &page,
        )
        .await
        .unwrap();
    assert_eq!(replaced.len(), MACHINES);
    let active = site
        .store()
        .devices(&Scope::All, &Filter::Everything, &page)
        .await
        .unwrap();
    // A new id each, and nothing but what the new token gives.
    assert!(active.iter().all(|row| row.tags == ["by-list"]));
    assert!(
        before
            .iter()
            .all(|old| after.iter().all(|new| new.id != old.id))
    );

    // The disk of before, or a copy of its key, opens nothing: no session, no certificate, not as a newcomer either.
    for old in before.iter().step_by(MACHINES / 20) {
        let back = old.session(&site).await.err().unwrap();
        assert_eq!(reason(&back), Reason::KeyEnded);
        let renewal = old.renew(&site).await.err().unwrap();
        assert_eq!(reason(&renewal), Reason::KeyEnded);
        let recovery = old.recover(&site).await.err().unwrap();
        assert_eq!(reason(&recovery), Reason::KeyEnded);
        let asked = crate::device::ask(&site, &token, &old.key, "PC-0000").await;
        assert_eq!(reason(&asked.err().unwrap()), Reason::KeyEnded);
        let detail = site.store().device(&Scope::All, old.id).await.unwrap();
        let successor = detail.unwrap().life.successor.unwrap();
        assert_eq!(successor.device.status, DeviceStatus::Active);
    }
    after[0].session(&site).await.unwrap();
}

#[tokio::test]
async fn who_waits_for_a_place_comes_in_by_itself_once_its_holder_is_gone() {
    let site = Site::start().await;
    let (_, token) = site.token(|token| token.approval = Approval::List).await;
    let list = vec![listed("PC-1")];
    site.store()
        .import_machines(list, "test", site.now())
        .await
        .unwrap();
    let ask = async |key: &KeyPair| {
        let request = v1::EnrolRequest {
            token: token.clone(),
            csr_der: request_over(key).into(),
            machine: Some(v1::MachineIdentity {
                host_name: "PC-1".to_owned(),
                domain: DOMAIN.to_owned(),
                machine_fingerprint: "firmware".to_owned(),
                ..v1::MachineIdentity::default()
            }),
            collector_version: "1".to_owned(),
        };
        let (channel, _) = connect(&site, tls(&site, None)).await;
        let answer = EnrolmentClient::new(channel).enrol(request).await.unwrap();
        answer.into_inner().outcome.unwrap()
    };
    let (first, second) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    assert!(matches!(ask(&first).await, Outcome::Issued(_)));
    // Imaged again in a hurry: the server still takes the device of before for alive.
    assert!(matches!(ask(&second).await, Outcome::Pending(_)));
    site.clock.advance(14 * MINUTE_MS);
    assert!(matches!(ask(&second).await, Outcome::Pending(_)));
    site.clock.advance(2 * MINUTE_MS);
    assert!(matches!(ask(&second).await, Outcome::Issued(_)));
    let counts = site.store().fleet_counts(&Scope::All).await.unwrap();
    assert_eq!((counts.active(), counts.pending), (1, 0));
}
