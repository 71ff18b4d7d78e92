//! Bytes of this version are kept and must decode for ever: a collector in the field may be years old.
//!
//! A new minor version adds lines to `golden.txt`; lines that stand there are never changed.

use std::fmt::Debug;

use prost::Message;
use sickbay_proto::v1;

const GOLDEN: &str = include_str!("golden.txt");

fn reading(name: Option<&str>, data: v1::reading::Data) -> v1::Reading {
    v1::Reading {
        source: v1::Source::Registry.into(),
        path: r"HKLM\SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate".to_owned(),
        name: name.map(str::to_owned),
        data: Some(data),
    }
}

fn report() -> v1::CollectorMessage {
    use v1::reading::Data;
    let readings = vec![
        reading(
            None,
            Data::Key(v1::Key {
                last_write_ms: 1_700_000_000_000,
            }),
        ),
        reading(Some("Absent"), Data::Absent(true)),
        reading(
            Some("Unreadable"),
            Data::Unreadable("access denied".to_owned()),
        ),
        reading(Some("NotRecorded"), Data::NotRecorded(true)),
        reading(Some("Dword"), Data::Dword(7)),
        reading(Some("Qword"), Data::Qword(1 << 40)),
        reading(
            Some("Text"),
            Data::Text("https://wsus.example.org:8531".to_owned()),
        ),
        reading(Some("Expand"), Data::ExpandText("%windir%".to_owned())),
        reading(
            Some("Multi"),
            Data::MultiText(v1::MultiText {
                lines: vec!["a".to_owned(), String::new()],
            }),
        ),
        reading(Some(""), Data::Binary(vec![0, 255].into())),
        reading(Some("Flag"), Data::Flag(true)),
        reading(
            Some("Other"),
            Data::Other(v1::OtherData {
                r#type: 9,
                bytes: vec![1].into(),
            }),
        ),
    ];
    v1::CollectorMessage {
        kind: Some(v1::collector_message::Kind::Report(v1::Report {
            sequence: 42,
            full: true,
            observations: vec![
                v1::Observation {
                    check: "scan_source".to_owned(),
                    taken_at_ms: 1_700_000_000_001,
                    outcome: Some(v1::observation::Outcome::Seen(v1::Readings { readings })),
                },
                v1::Observation {
                    check: "pause".to_owned(),
                    taken_at_ms: 1_700_000_000_002,
                    outcome: Some(v1::observation::Outcome::Unavailable(
                        "no such hive".to_owned(),
                    )),
                },
            ],
            digest: vec![9; 32].into(),
            taken_at_ms: 1_700_000_000_003,
            dropped: Some(v1::Dropped {
                first_sequence: 3,
                last_sequence: 5,
            }),
        })),
    }
}

fn hello(newer: &v1::Hello) -> v1::CollectorMessage {
    v1::CollectorMessage {
        kind: Some(v1::collector_message::Kind::Hello(v1::Hello {
            minor_version: 1,
            collector_version: "0.1.0".to_owned(),
            epoch: vec![1; 16].into(),
            acknowledged: 41,
            digest: vec![8; 32].into(),
            newest: 42,
            device_time_ms: 1_700_000_000_000,
            ..newer.clone()
        })),
    }
}

fn heartbeat() -> v1::CollectorMessage {
    v1::CollectorMessage {
        kind: Some(v1::collector_message::Kind::Heartbeat(v1::Heartbeat {
            device_time_ms: 1_700_000_000_000,
            confirmed_at_ms: 1_699_999_999_999,
        })),
    }
}

fn result() -> v1::CollectorMessage {
    v1::CollectorMessage {
        kind: Some(v1::collector_message::Kind::RequestResult(
            v1::RequestResult {
                request_id: "inspect-1".to_owned(),
                outcome: v1::request_result::Outcome::Refused.into(),
                message: "group policy forbids it".to_owned(),
            },
        )),
    }
}

fn down(kind: v1::server_message::Kind) -> v1::ServerMessage {
    v1::ServerMessage { kind: Some(kind) }
}

fn settings() -> v1::Settings {
    v1::Settings {
        inspection_interval_s: 3600,
        heartbeat_interval_s: 300,
        ..v1::Settings::default()
    }
}

/// A message: its name, its bytes as this build writes them, and the check that kept bytes still mean it.
type Sample = (&'static str, Vec<u8>, Box<dyn Fn(&[u8])>);

/// Every message of the protocol, by name.
fn samples() -> Vec<Sample> {
    fn sample<M: Message + Default + PartialEq + Debug + 'static>(
        name: &'static str,
        message: M,
    ) -> Sample {
        let bytes = message.encode_to_vec();
        let check = move |golden: &[u8]| {
            let decoded = M::decode(golden)
                .unwrap_or_else(|e| panic!("{name} does not decode any more: {e}"));
            assert_eq!(decoded, message, "{name} means something else than it did");
            // A newer minor version may add fields: field 2000, a varint.
            let mut newer = golden.to_vec();
            newer.extend([0x80, 0x7d, 0x01]);
            assert_eq!(
                M::decode(&newer[..]).expect("unknown fields are ignored"),
                message
            );
        };
        (name, bytes, Box::new(check))
    }
    use v1::server_message::Kind;
    let certificate = v1::Certificate {
        device_id: "0192a3b4-0000-7000-8000-000000000000".to_owned(),
        chain_der: vec![vec![0x30, 1].into()],
        trusted_ca_der: vec![vec![0x30, 2].into()],
        ..v1::Certificate::default()
    };
    let marked = v1::Certificate {
        identity_mark: vec![3; 32].into(),
        ..certificate.clone()
    };
    let pending = v1::Pending {
        device_id: "id".to_owned(),
        retry_after_ms: 30_000,
    };
    vec![
        sample(
            "EnrolRequest",
            v1::EnrolRequest {
                token: "sbe_token".to_owned(),
                csr_der: vec![0x30, 0].into(),
                machine: Some(v1::MachineIdentity {
                    host_name: "PC-1".to_owned(),
                    domain: "corp.example".to_owned(),
                    organizational_unit: "OU=PCs,DC=corp,DC=example".to_owned(),
                    machine_fingerprint: "uuid".to_owned(),
                }),
                collector_version: "0.1.0".to_owned(),
            },
        ),
        sample(
            "EnrolResponse.issued",
            v1::EnrolResponse {
                outcome: Some(v1::enrol_response::Outcome::Issued(certificate)),
            },
        ),
        sample(
            "EnrolResponse.pending",
            v1::EnrolResponse {
                outcome: Some(v1::enrol_response::Outcome::Pending(pending)),
            },
        ),
        sample(
            "RenewRequest",
            v1::RenewRequest {
                csr_der: vec![0x30, 0].into(),
            },
        ),
        sample("Hello", hello(&v1::Hello::default())),
        sample(
            "Hello.run",
            hello(&v1::Hello {
                machine_fingerprint: "uuid".to_owned(),
                instance: vec![2; 16].into(),
                ..v1::Hello::default()
            }),
        ),
        sample(
            "RecoverRequest",
            v1::RecoverRequest {
                csr_der: vec![0x30, 0].into(),
            },
        ),
        sample("Certificate.marked", marked),
        sample(
            "Settings.marked",
            down(Kind::Settings(v1::Settings {
                identity_mark: vec![3; 32].into(),
                renew_within_s: 60,
                ..settings()
            })),
        ),
        sample("Report", report()),
        sample("Heartbeat", heartbeat()),
        sample("RequestResult", result()),
        sample(
            "Welcome",
            down(Kind::Welcome(v1::Welcome {
                server_time_ms: 1_700_000_000_000,
                epoch: vec![1; 16].into(),
                sequence: 41,
                digest: vec![8; 32].into(),
                settings: Some(settings()),
            })),
        ),
        sample(
            "Ack",
            down(Kind::Ack(v1::Ack {
                epoch: vec![1; 16].into(),
                sequence: 42,
            })),
        ),
        sample("Settings", down(Kind::Settings(settings()))),
        sample(
            "Request",
            down(Kind::Request(v1::Request {
                request_id: "inspect-1".to_owned(),
                kind: Some(v1::request::Kind::InspectNow(v1::InspectNow {
                    checks: vec!["pause".to_owned()],
                })),
            })),
        ),
        sample(
            "FullWanted",
            down(Kind::FullWanted(v1::FullWanted {
                reason: "a gap".to_owned(),
            })),
        ),
        sample(
            "ErrorDetail",
            v1::ErrorDetail {
                reason: v1::error_detail::Reason::DeviceRevoked.into(),
                retry_after_ms: 5_000,
            },
        ),
    ]
}

#[test]
fn bytes_of_released_versions_decode_for_ever() {
    for (name, bytes, check) in samples() {
        let line = GOLDEN
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
            .unwrap_or_else(|| {
                panic!(
                    "golden.txt lacks {name}; the line is\n{name} {}",
                    hex::encode(&bytes)
                )
            });
        let golden = hex::decode(line.trim()).expect("golden.txt holds hexadecimal");
        check(&golden);
    }
}
