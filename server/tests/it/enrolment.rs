//! Enrolment tokens and the pinned CA.

use std::sync::Arc;

use rcgen::KeyPair;
use sickbay_collector::host::recording::{Description, Recording, Registry};
use sickbay_collector::session::{CaPin, Collector, CollectorOptions, EnrolOutcome};
use sickbay_diagnosis::time::{HOUR_MS, MINUTE_MS};
use sickbay_proto::limits;
use sickbay_proto::v1::enrolment_client::EnrolmentClient;
use sickbay_proto::v1::error_detail::Reason;
use sickbay_proto::v1::{EnrolRequest, MachineIdentity};
use sickbay_store::{DeviceStatus, Ended, Scope, Touch};

use crate::device::{Device, ask, connect, reason, report, request_over, tls};
use crate::readings::{client, on_the_wire};
use crate::site::{Site, assert_says};

async fn refused(site: &Site, token: &str) -> Reason {
    let key = KeyPair::generate().unwrap();
    reason(
        &ask(site, token, &key, "PC-X")
            .await
            .expect_err("the token is refused"),
    )
}

#[tokio::test]
async fn every_token_that_may_not_be_used_says_why_and_makes_no_device() {
    let site = Site::start().await;
    let bystander = Device::enrol(&site, "PC-1").await;
    let mut live = bystander.session(&site).await.unwrap();

    assert_eq!(
        refused(&site, "sbe_nobody-made-this").await,
        Reason::TokenUnknown
    );
    assert_eq!(refused(&site, "").await, Reason::TokenUnknown);

    let end = site.now().plus_millis(HOUR_MS);
    let (_, expiring) = site.token(|token| token.expires_at = Some(end)).await;
    site.clock.advance(HOUR_MS);
    assert_eq!(refused(&site, &expiring).await, Reason::TokenExpired);

    let (_, for_one) = site.token(|token| token.use_limit = Some(1)).await;
    let key = KeyPair::generate().unwrap();
    ask(&site, &for_one, &key, "PC-2").await.unwrap();
    assert_eq!(refused(&site, &for_one).await, Reason::TokenUsedUp);
    ask(&site, &for_one, &key, "PC-2")
        .await
        .expect("asking again with the same key costs no use");

    let (id, revoked) = site.token(|_| ()).await;
    assert!(
        site.store()
            .revoke_token(id, "test", site.now())
            .await
            .unwrap()
    );
    assert_eq!(refused(&site, &revoked).await, Reason::TokenRevoked);

    let active = site.api().await.json("/api/v1/devices").await;
    assert_eq!(active["items"].as_array().unwrap().len(), 2, "{active}");
    assert_eq!(
        live.acknowledged(report(1, true, vec![on_the_wire(client("PC-1"))]))
            .await,
        1
    );
}

#[tokio::test]
async fn the_use_limit_of_a_token_is_exact_when_many_machines_come_at_once() {
    let site = Site::start().await;
    let (_, token) = site.token(|token| token.use_limit = Some(3)).await;
    let keys: Vec<KeyPair> = (0..8).map(|_| KeyPair::generate().unwrap()).collect();
    let asked = keys.iter().map(|key| ask(&site, &token, key, "PC"));
    let answers = futures::future::join_all(asked).await;
    let refusals: Vec<Reason> = answers
        .iter()
        .filter_map(|answer| answer.as_ref().err())
        .map(reason)
        .collect();
    assert_eq!(refusals, [Reason::TokenUsedUp; 5]);
}

#[tokio::test]
async fn an_enrolment_request_out_of_bounds_is_refused_with_its_reason() {
    let site = Site::start().await;
    let (_, token) = site.token(|_| ()).await;
    let good = || EnrolRequest {
        token: token.clone(),
        csr_der: request_over(&KeyPair::generate().unwrap()).into(),
        machine: Some(MachineIdentity::default()),
        collector_version: "1".to_owned(),
    };
    let machine = |change: fn(&mut MachineIdentity)| {
        let mut request = good();
        change(request.machine.as_mut().unwrap());
        request
    };
    let p384 = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let mut forged = request_over(&KeyPair::generate().unwrap());
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let cases = [
        (
            EnrolRequest {
                csr_der: vec![0; limits::CSR_BYTES + 1].into(),
                ..good()
            },
            Reason::TooLarge,
        ),
        (
            EnrolRequest {
                token: "t".repeat(limits::TOKEN_BYTES + 1),
                ..good()
            },
            Reason::TooLarge,
        ),
        (
            machine(|m| m.host_name = "n".repeat(limits::TEXT_BYTES + 1)),
            Reason::TooLarge,
        ),
        (
            machine(|m| m.organizational_unit = "n".repeat(limits::TEXT_BYTES + 1)),
            Reason::TooLarge,
        ),
        (
            EnrolRequest {
                csr_der: b"garbage".to_vec().into(),
                ..good()
            },
            Reason::BadRequest,
        ),
        (
            EnrolRequest {
                csr_der: forged.into(),
                ..good()
            },
            Reason::BadRequest,
        ),
        (
            EnrolRequest {
                csr_der: request_over(&p384).into(),
                ..good()
            },
            Reason::BadRequest,
        ),
    ];
    let (channel, _) = connect(&site, tls(&site, None)).await;
    let mut enrolment = EnrolmentClient::new(channel);
    for (place, (request, expected)) in cases.into_iter().enumerate() {
        let refused = enrolment.enrol(request).await.expect_err("out of bounds");
        assert_eq!(reason(&refused), expected, "case {place}: {refused:?}");
    }
    enrolment
        .enrol(good())
        .await
        .expect("the same connection goes on working");
}

/// A real collector over an empty recording.
fn collector(site: &Site, folder: &std::path::Path, token: &str, pin: &str) -> Collector {
    let host = Arc::new(Recording::new(Registry::new(), Description::default()));
    let url = format!("https://{}", site.server.collectors)
        .parse()
        .unwrap();
    let mut options = CollectorOptions::new(folder.to_owned(), vec![url], host);
    options.token = Some(token.to_owned());
    options.ca_pins = vec![pin.parse::<CaPin>().unwrap()];
    Collector::new(options).unwrap()
}

#[tokio::test]
async fn a_collector_with_the_wrong_pin_refuses_the_server_before_it_shows_its_token() {
    let site = Site::start().await;
    let (_, token) = site.token(|token| token.use_limit = Some(1)).await;
    let folder = tempfile::tempdir().unwrap();
    let refused = collector(&site, folder.path(), &token, &"ab".repeat(32))
        .enrol()
        .await;
    let error = anyhow::Error::from(refused.expect_err("not the pinned CA"));
    assert_says(
        &format!("{error:#}"),
        &["pinned"],
        "the collector's own error",
    );
    assert_eq!(site.store().tokens().await.unwrap()[0].uses, 0);

    let right = collector(
        &site,
        folder.path(),
        &token,
        &site.app().ca.in_force().pin(),
    )
    .enrol()
    .await
    .unwrap();
    assert!(matches!(right, EnrolOutcome::Enrolled { .. }), "{right:?}");
}

#[tokio::test]
async fn a_machine_made_for_a_day_retires_by_itself_once_it_is_silent() {
    let site = Site::start().await;
    let (_, token) = site.token(|token| token.ephemeral_ms = Some(HOUR_MS)).await;
    let (gone, stays) = (
        site.stored_device(&token, "VDI-1").await,
        site.stored_device(&token, "VDI-2").await,
    );
    site.clock.advance(50 * MINUTE_MS);
    site.app().fleet.touch(Touch {
        key: stays.key,
        seen_at: site.now(),
        confirmed_at: None,
        greeting: None,
    });
    site.clock.advance(15 * MINUTE_MS);
    // The job looks every ten seconds.
    let retired = async || {
        let detail = site.store().device(&Scope::All, gone.id).await.unwrap();
        let detail = detail.unwrap();
        (detail.row.identity.status, detail.life.ended)
    };
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while retired().await != (DeviceStatus::Retired, Some(Ended::Ephemeral)) {
        assert!(
            std::time::Instant::now() < deadline,
            "{:?}",
            retired().await
        );
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let detail = site.store().device(&Scope::All, stays.id).await.unwrap();
    assert_eq!(detail.unwrap().row.identity.status, DeviceStatus::Active);
    let page = site
        .browser()
        .await
        .page(&format!("/devices/{}", gone.id))
        .await;
    assert!(page.contains("fell silent for 1 hour and retired by itself"));
}
