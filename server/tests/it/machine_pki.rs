//! The owner's own PKI as the second way in: a machine's certificate stands in the place of a token, and opens nothing else.

use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use sickbay_proto::v1;
use sickbay_proto::v1::enrol_response::Outcome;
use sickbay_proto::v1::enrolment_client::EnrolmentClient;
use sickbay_proto::v1::error_detail::Reason;
use sickbay_store::AuditQuery;
use sickbay_store::Scope;
use tonic::Status;

use crate::device::{
    Device, EPOCH, Session, connect, hello, reason, refused_in_handshake, request_over, tls,
};
use crate::site::Site;

struct Pki(Issuer<'static, KeyPair>, String);

impl Pki {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self(Issuer::new(params, key), pem)
    }

    /// TLS of a machine with a certificate over `dns`, until the year given.
    fn machine(&self, site: &Site, dns: &str, until: i32) -> Arc<ClientConfig> {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![dns.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let chain: CertificateDer<'static> = params.signed_by(&key, &self.0).unwrap().der().clone();
        tls(site, Some((&[chain], &key)))
    }
}

async fn site(folder: &Path, pki: &Pki) -> Site {
    let file = folder.join("machines.pem");
    std::fs::write(&file, &pki.1).unwrap();
    Site::start_with(|config| config.collectors.machine_ca = file).await
}

async fn ask(
    site: &Site,
    shown: Arc<ClientConfig>,
    name: &str,
) -> Result<(KeyPair, Outcome), Status> {
    let key = KeyPair::generate().unwrap();
    let request = v1::EnrolRequest {
        token: String::new(),
        csr_der: request_over(&key).into(),
        machine: Some(v1::MachineIdentity {
            host_name: name.to_owned(),
            domain: "corp.example.org".to_owned(),
            ..v1::MachineIdentity::default()
        }),
        collector_version: "1".to_owned(),
    };
    let (channel, _) = connect(site, shown).await;
    let answer = EnrolmentClient::new(channel).enrol(request).await?;
    Ok((key, answer.into_inner().outcome.unwrap()))
}

#[tokio::test]
async fn a_machine_of_the_owners_pki_is_let_in_under_its_own_name_without_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::new("Corp CA");
    let site = site(folder.path(), &pki).await;
    let machine = pki.machine(&site, "PC-1.corp.example.org", 2999);
    let (key, Outcome::Issued(issued)) = ask(&site, Arc::clone(&machine), "pc-1").await.unwrap()
    else {
        panic!("it waits")
    };
    let device = Device::new(&site, issued, key);
    device.session(&site).await.unwrap();
    let detail = site
        .store()
        .device(&Scope::All, device.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(detail.row.summary.name, "pc-1");
    let said = site
        .store()
        .audit(&AuditQuery::of(device.id, 1))
        .await
        .unwrap();
    assert!(said[0].actor.contains("owner's PKI"), "{said:?}");

    // It vouches for that name alone, and opens no session: for that there is our own certificate.
    let other = ask(&site, Arc::clone(&machine), "pc-2")
        .await
        .err()
        .unwrap();
    assert!(
        other.message().contains("not over pc-2.corp.example.org"),
        "{other:?}"
    );
    let session = Session::open(&site, Arc::clone(&machine), hello(&EPOCH)).await;
    assert_eq!(reason(&session.err().unwrap()), Reason::CertificateMissing);
    // Imaged again it takes its own place, for the PKI knows whose the name is.
    site.clock.advance(sickbay_diagnosis::time::HOUR_MS);
    let (_, again) = ask(&site, machine, "PC-1").await.unwrap();
    assert!(matches!(again, Outcome::Issued(_)));
    let counts = site.store().fleet_counts(&Scope::All).await.unwrap();
    assert_eq!(counts.active(), 1);
    assert_eq!(
        reason(&device.session(&site).await.err().unwrap()),
        Reason::KeyEnded
    );
}

#[tokio::test]
async fn a_certificate_of_another_pki_or_one_that_has_ended_opens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (pki, foreign) = (Pki::new("Corp CA"), Pki::new("Corp CA"));
    let site = site(folder.path(), &pki).await;
    for shown in [
        foreign.machine(&site, "PC-1.corp.example.org", 2999),
        pki.machine(&site, "PC-1.corp.example.org", 2021),
    ] {
        assert!(refused_in_handshake(&site, shown).await.is_some());
    }
    // Devices of ours come and go as without it.
    let device = Device::enrol(&site, "PC-2").await;
    device.session(&site).await.unwrap();
    // Without the setting such a certificate is a stranger's.
    let plain = Site::start().await;
    let machine = pki.machine(&plain, "PC-1.corp.example.org", 2999);
    assert!(refused_in_handshake(&plain, machine).await.is_some());
}
