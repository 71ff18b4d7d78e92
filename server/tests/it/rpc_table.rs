//! Every call of the collectors' port, and who is refused there with which reason. A call without a line fails.

use std::collections::BTreeSet;

use rcgen::KeyPair;
use sickbay_diagnosis::time::DAY_MS;
use sickbay_proto::v1::enrolment_client::EnrolmentClient;
use sickbay_proto::v1::error_detail::Reason;
use sickbay_proto::v1::fleet_client::FleetClient;
use sickbay_proto::v1::{EnrolRequest, GoodbyeRequest, RecoverRequest, RenewRequest};
use sickbay_store::DeviceStatus;
use tonic::Status;

use crate::device::{Device, connect, reason, request_over, tls};
use crate::site::Site;

/// Whoever may call, in the order of the table's columns.
const CALLERS: [&str; 5] = [
    "a stranger",
    "revoked",
    "retired",
    "certificate ended",
    "active",
];

/// What each of them is told; `None` where the call is theirs.
const LINES: &[(&str, &str, [Option<Reason>; 5])] = &[
    // Anybody may ask to be let in; what they say is looked at.
    ("Enrolment", "Enrol", [Some(Reason::TokenUnknown); 5]),
    (
        "Enrolment",
        "Recover",
        [
            Some(Reason::CertificateMissing),
            Some(Reason::DeviceRevoked),
            Some(Reason::DeviceRetired),
            None,
            None,
        ],
    ),
    ("Fleet", "Session", OF_A_DEVICE),
    ("Fleet", "Renew", OF_A_DEVICE),
    ("Fleet", "Goodbye", OF_A_DEVICE),
];

const OF_A_DEVICE: [Option<Reason>; 5] = [
    Some(Reason::CertificateMissing),
    Some(Reason::DeviceRevoked),
    Some(Reason::DeviceRetired),
    Some(Reason::CertificateEnded),
    None,
];

/// Service and call of every line of the protocol's text.
fn protocol() -> BTreeSet<(String, String)> {
    let text = include_str!("../../../proto/sickbay/v1/sickbay.proto");
    let mut service = String::new();
    let mut calls = BTreeSet::new();
    for line in text.lines() {
        let mut words = line.split([' ', '(', '{']).filter(|word| !word.is_empty());
        match (words.next(), words.next()) {
            (Some("service"), Some(name)) => name.clone_into(&mut service),
            (Some("rpc"), Some(name)) => {
                calls.insert((service.clone(), name.to_owned()));
            }
            _ => {}
        }
    }
    calls
}

#[test]
fn every_call_of_the_protocol_has_a_line_that_says_who_may_call_it() {
    let lines = LINES
        .iter()
        .map(|line| (line.0.to_owned(), line.1.to_owned()));
    assert_eq!(lines.collect::<BTreeSet<_>>(), protocol());
    assert_eq!(LINES.len(), protocol().len());
}

/// Calls as a device, or as nobody.
async fn call(site: &Site, caller: Option<&Device>, name: &str) -> Result<(), Status> {
    let shown = caller.map_or_else(
        || tls(site, None),
        |device| std::sync::Arc::clone(&device.tls),
    );
    let (channel, _) = connect(site, shown).await;
    let fresh = KeyPair::generate().unwrap();
    let key = caller.map_or(&fresh, |device| &device.key);
    let csr = request_over(key);
    match name {
        "Enrol" => {
            let request = EnrolRequest {
                token: "sbe_nonsense".to_owned(),
                csr_der: request_over(&fresh).into(),
                machine: Some(sickbay_proto::v1::MachineIdentity::default()),
                collector_version: String::new(),
            };
            EnrolmentClient::new(channel).enrol(request).await.map(drop)
        }
        "Recover" => {
            let request = RecoverRequest {
                csr_der: csr.into(),
            };
            EnrolmentClient::new(channel)
                .recover(request)
                .await
                .map(drop)
        }
        "Renew" => {
            let request = RenewRequest {
                csr_der: csr.into(),
            };
            FleetClient::new(channel).renew(request).await.map(drop)
        }
        "Goodbye" => FleetClient::new(channel)
            .goodbye(GoodbyeRequest {})
            .await
            .map(drop),
        "Session" => {
            drop(channel);
            let hello = crate::device::hello(&crate::device::EPOCH);
            let shown = caller.map_or_else(
                || tls(site, None),
                |device| std::sync::Arc::clone(&device.tls),
            );
            crate::device::Session::open(site, shown, hello)
                .await
                .map(drop)
        }
        other => panic!("nobody knows how to call {other}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_refuses_whoever_may_not_make_it_and_says_why() {
    let site = Site::start().await;
    let mut devices = Vec::new();
    for name in CALLERS {
        devices.push(Device::enrol(&site, name).await);
    }
    for (place, status) in [(1, DeviceStatus::Revoked), (2, DeviceStatus::Retired)] {
        let (ids, deed) = ([devices[place].id], site.deed());
        let changed = site.store().set_status(&ids, status, &deed);
        assert_eq!(changed.await.unwrap().len(), 1);
    }
    site.clock.advance(31 * DAY_MS);
    // One has not slept.
    let renewed = devices[4].recover(&site).await.unwrap();
    devices[4] = devices[4].with(&site, &renewed);
    // What takes a device out of the fleet comes last.
    let mut lines: Vec<_> = LINES.iter().collect();
    lines.sort_by_key(|line| line.1 == "Goodbye");
    for (service, name, told) in lines {
        for (place, caller) in CALLERS.iter().enumerate() {
            let device = (place > 0).then(|| &devices[place]);
            // Whoever has recovered is not one whose certificate has ended.
            let answer = call(&site, device, name).await;
            let what = format!("{caller}: {service}.{name}: {answer:?}");
            match (told[place], &answer) {
                (None, answer) => assert!(answer.is_ok(), "{what}"),
                (Some(wanted), Err(status)) => assert_eq!(reason(status), wanted, "{what}"),
                (Some(wanted), Ok(())) => panic!("{what}, and not {wanted:?}"),
            }
        }
    }
}
