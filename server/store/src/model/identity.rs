//! Words of a device's identity: who lets machines in, how a device's life ends, and what is recorded of it.

use sickbay_diagnosis::Time;
use sickbay_diagnosis::filter::Filter;
use uuid::Uuid;

use super::DeviceIdentity;

/// How long a device counts as live after it was last heard of, in milliseconds: three of the usual heartbeats.
pub const LIVE_MS: i64 = 15 * 60_000;

/// How long after the end of its newest certificate a key still comes home by itself, in days.
pub const RECOVERY_DAYS: i64 = 400;

/// Who lets a token's machines in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Approval {
    /// A person, each of them.
    #[default]
    Person,
    /// The imported list, where the machine stands in it and no live device holds its place; else a person.
    List,
    /// Nobody has to. Only for tests and demos: whoever reads the token is in.
    Nobody,
}

impl Approval {
    /// The word of the command line, pages and API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::List => "list",
            Self::Nobody => "nobody",
        }
    }
}

/// A token to be kept.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// SHA-256 of the secret.
    pub hash: Vec<u8>,
    /// What it is for, in the owner's words.
    pub name: String,
    /// Who lets its machines in.
    pub approval: Approval,
    /// Tags that its devices get.
    pub tags: Vec<String>,
    /// What a machine has to say of itself: of its name, domain and OU. A claim, so that this bounds mistakes more than malice.
    pub scope: Filter,
    /// When it stops working.
    pub expires_at: Option<Time>,
    /// How many devices it may enrol.
    pub use_limit: Option<u32>,
    /// How many devices it may enrol within an hour.
    pub per_hour: Option<u32>,
    /// After how many milliseconds without a word its devices retire by themselves.
    pub ephemeral_ms: Option<i64>,
    /// Now.
    pub created_at: Time,
}

impl NewToken {
    /// Without tags, limits or end; a person approves its devices.
    pub fn new(hash: Vec<u8>, name: impl Into<String>, created_at: Time) -> Self {
        Self {
            hash,
            name: name.into(),
            approval: Approval::Person,
            tags: Vec::new(),
            scope: Filter::Everything,
            expires_at: None,
            use_limit: None,
            per_hour: None,
            ephemeral_ms: None,
            created_at,
        }
    }
}

/// A token as kept.
#[derive(Debug, Clone)]
pub struct TokenRow {
    /// Its public id.
    pub id: Uuid,
    /// See [`NewToken`].
    pub name: String,
    /// See [`NewToken`].
    pub approval: Approval,
    /// See [`NewToken`].
    pub tags: Vec<String>,
    /// See [`NewToken`], as text; empty for anything.
    pub scope: String,
    /// See [`NewToken`].
    pub expires_at: Option<Time>,
    /// See [`NewToken`].
    pub use_limit: Option<u32>,
    /// See [`NewToken`].
    pub per_hour: Option<u32>,
    /// See [`NewToken`].
    pub ephemeral_ms: Option<i64>,
    /// Devices enrolled with it.
    pub uses: u32,
    /// When it was made.
    pub created_at: Time,
    /// When it was revoked.
    pub revoked_at: Option<Time>,
}

/// By what a machine asks to be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Introduction {
    /// SHA-256 of an enrolment token.
    Token(Vec<u8>),
    /// A certificate of the owner's own PKI over the machine's name, verified in the handshake.
    Certificate,
}

/// A machine that asks to be let in.
#[derive(Debug, Clone)]
pub struct EnrolRequest {
    /// By what.
    pub by: Introduction,
    /// SHA-256 of the key's SubjectPublicKeyInfo.
    pub key_sha256: Vec<u8>,
    /// As the machine says.
    pub host_name: String,
    /// As the machine says.
    pub domain: String,
    /// As the machine says.
    pub ou: String,
    /// As the machine says; empty where unknown.
    pub fingerprint: String,
    /// As the machine says.
    pub collector_version: String,
    /// A device heard of at or after this moment counts as live.
    pub live_since: Time,
    /// Now.
    pub now: Time,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnrolOutcome {
    /// The device exists (now), in this status.
    Device(DeviceIdentity),
    /// The device that holds this key is active, and its newest certificate ended more than [`RECOVERY_DAYS`] ago.
    KeyEnded(DeviceIdentity),
    /// No such token.
    TokenUnknown,
    /// Past its end.
    TokenExpired,
    /// It enrolled as many devices as it may.
    TokenUsedUp,
    /// A person revoked it.
    TokenRevoked,
    /// It is for other machines.
    TokenElsewhere,
    /// It enrolled as many devices as it may within this hour.
    TokenBusy {
        /// When the next hour begins, in milliseconds from now.
        retry_after_ms: u64,
    },
}

/// Why a device is retired or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// A person retired it.
    ByPerson,
    /// Its collector was uninstalled.
    Uninstalled,
    /// It was ephemeral, and silent for as long as it may be.
    Ephemeral,
    /// The same machine enrolled again.
    Reimaged,
    /// A person said that it is the same machine as another device.
    Merged,
}

/// A device that stands before or after another in the life of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relative {
    /// Who it is.
    pub device: DeviceIdentity,
    /// Its host name.
    pub name: String,
}

/// How a device came, and how it ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Life {
    /// What the token is for by which it came; `None` where it came otherwise, or long ago.
    pub token: Option<String>,
    /// Firmware id as it said when it enrolled; empty where unknown.
    pub fingerprint: String,
    /// After how many milliseconds without a word it retires by itself.
    pub ephemeral_ms: Option<i64>,
    /// When its status last changed; `None` since it enrolled.
    pub status_at: Option<Time>,
    /// Why it is retired or replaced.
    pub ended: Option<Ended>,
    /// Which device stands in its place.
    pub successor: Option<Relative>,
    /// In whose places it stands, the newest first.
    pub predecessors: Vec<Relative>,
}

/// What is done to devices, apart from the change itself.
#[derive(Debug, Clone)]
pub struct Deed {
    /// Who does it, for the record.
    pub by: String,
    /// When.
    pub at: Time,
    /// Why a life as a device ends, where it does.
    pub ended: Ended,
    /// A device heard of at or after this moment counts as live.
    pub live_since: Time,
}

impl Deed {
    /// Done by a person or a part of the program.
    pub fn by(who: impl Into<String>, at: Time) -> Self {
        Self {
            by: who.into(),
            at,
            ended: Ended::ByPerson,
            live_since: at.plus_millis(-LIVE_MS),
        }
    }

    /// For another reason than a person's wish.
    pub fn because(mut self, ended: Ended) -> Self {
        self.ended = ended;
        self
    }
}

/// What a generation of the CA is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Announced: known to servers, trusted by those who hear of it; issues nothing yet.
    Next,
    /// Issues every certificate.
    Issuing,
    /// Trusted as before; issues no more.
    Trusted,
    /// Its devices may come home by recovering; nothing else.
    Retired,
}

impl Standing {
    /// For people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Next => "announced",
            Self::Issuing => "issues",
            Self::Trusted => "trusted still",
            Self::Retired => "retired",
        }
    }
}

/// A generation of the CA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaRow {
    /// Counts from 1.
    pub generation: u32,
    /// What it is good for.
    pub standing: Standing,
    /// Its own certificate, DER.
    pub certificate: Vec<u8>,
    /// Its key, certified by the generation before it. DER.
    pub by_older: Option<Vec<u8>>,
    /// Its key, certified by the generation after it. DER.
    pub by_newer: Option<Vec<u8>>,
    /// Since when it stands so.
    pub since: Time,
}

/// How far active devices have come with another CA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CaProgress {
    /// Active devices.
    pub devices: u64,
    /// Of these, such as got a certificate since the moment asked for, and with it whom to trust.
    pub told: u64,
    /// Of these, such as got a certificate of the generation asked for.
    pub moved: u64,
}

/// A line of the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Its place; grows.
    pub id: i64,
    /// When.
    pub at: Time,
    /// Who did it.
    pub actor: String,
    /// What was done, in one of the words of [`action`].
    pub action: String,
    /// The device that it was done to; `None` where it was something else.
    pub device: Option<Uuid>,
    /// What it was done to, in words.
    pub subject: String,
    /// What else there is to say; may be empty.
    pub detail: String,
}

/// Which lines of the record are wanted. Everything that is left empty asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Of this device; the conditions below do not count then.
    pub device: Option<Uuid>,
    /// Exactly this word of [`action`].
    pub action: String,
    /// Done by somebody whose name holds this, without regard to case.
    pub actor: String,
    /// About something whose words hold this, without regard to case.
    pub text: String,
    /// At this moment or later.
    pub since: Option<Time>,
    /// Before this moment.
    pub until: Option<Time>,
    /// Recorded before this line.
    pub before: Option<i64>,
    /// Lines at most.
    pub limit: u32,
}

impl AuditQuery {
    /// The newest lines of the whole record.
    pub fn newest(limit: u32) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    /// The newest lines of one device.
    pub fn of(device: Uuid, limit: u32) -> Self {
        Self {
            device: Some(device),
            limit,
            ..Self::default()
        }
    }
}

/// A line to be recorded.
#[derive(Debug, Clone)]
pub struct NewAudit {
    /// See [`AuditRow`].
    pub at: Time,
    /// See [`AuditRow`].
    pub actor: String,
    /// See [`AuditRow`].
    pub action: &'static str,
    /// See [`AuditRow`].
    pub device: Option<Uuid>,
    /// See [`AuditRow`].
    pub subject: String,
    /// See [`AuditRow`].
    pub detail: String,
}

impl NewAudit {
    /// Something that was done to no device.
    pub fn new(
        at: Time,
        actor: impl Into<String>,
        action: &'static str,
        subject: impl Into<String>,
    ) -> Self {
        Self {
            at,
            actor: actor.into(),
            action,
            device: None,
            subject: subject.into(),
            detail: String::new(),
        }
    }

    /// With what else there is to say.
    pub fn with(self, detail: impl Into<String>) -> Self {
        Self {
            detail: detail.into(),
            ..self
        }
    }
}

/// What can be done, in the words of the record.
pub mod action {
    /// A machine became a device, pending or active.
    pub const ENROLLED: &str = "enrolled";
    /// A pending device was let in.
    pub const APPROVED: &str = "approved";
    /// A key is refused for ever.
    pub const REVOKED: &str = "revoked";
    /// A device left the fleet.
    pub const RETIRED: &str = "retired";
    /// A retired device came back.
    pub const RESTORED: &str = "restored";
    /// Another device stands in its place.
    pub const REPLACED: &str = "replaced";
    /// A device is gone, with its history.
    pub const DELETED: &str = "deleted";
    /// A device came back with a certificate that had ended.
    pub const RECOVERED: &str = "recovered";
    /// Two machines hold one key.
    pub const CLONED: &str = "cloned";
    /// A machine came back with an older state.
    pub const SET_BACK: &str = "set-back";
    /// A device has another host name.
    pub const RENAMED: &str = "renamed";
    /// An enrolment token was made.
    pub const TOKEN_CREATED: &str = "token-created";
    /// An enrolment token was revoked.
    pub const TOKEN_REVOKED: &str = "token-revoked";
    /// The CA entered another phase.
    pub const CA_ROTATION: &str = "ca-rotation";
    /// Somebody signed in.
    pub const SIGNED_IN: &str = "signed-in";
    /// Somebody was not let in.
    pub const SIGN_IN_REFUSED: &str = "sign-in-refused";
    /// Somebody signed out, or a session was ended.
    pub const SIGNED_OUT: &str = "signed-out";
    /// A sign-in link was made.
    pub const LINK_CREATED: &str = "sign-in-link-created";
    /// An account was made.
    pub const ACCOUNT_CREATED: &str = "account-created";
    /// An account may do something else.
    pub const ACCESS_CHANGED: &str = "access-changed";
    /// An account has another password.
    pub const PASSWORD_CHANGED: &str = "password-changed";
    /// An account may not sign in.
    pub const ACCOUNT_DISABLED: &str = "account-disabled";
    /// An account may sign in again.
    pub const ACCOUNT_ENABLED: &str = "account-enabled";
    /// An API token was made.
    pub const API_TOKEN_CREATED: &str = "api-token-created";
    /// An API token was revoked.
    pub const API_TOKEN_REVOKED: &str = "api-token-revoked";
    /// A list was taken away.
    pub const EXPORTED: &str = "exported";
    /// A backup was made, which holds everything.
    pub const BACKED_UP: &str = "backup-made";
    /// A backup was put in the place of what was there.
    pub const PUT_BACK: &str = "backup-put-back";
    /// A secret was put where somebody can read it.
    pub const SECRET_SHOWN: &str = "secret-shown";
    /// A stored setting was changed.
    pub const SETTING_CHANGED: &str = "setting-changed";
    /// An issue was accepted for a time.
    pub const ACCEPTED: &str = "accepted";
    /// That was ended.
    pub const ACCEPTANCE_ENDED: &str = "acceptance-ended";
    /// A list of machines was imported.
    pub const MACHINES_IMPORTED: &str = "machines-imported";
    /// Knowledge of Windows was imported.
    pub const KNOWLEDGE_IMPORTED: &str = "knowledge-imported";
    /// Imported knowledge was removed.
    pub const KNOWLEDGE_REMOVED: &str = "knowledge-removed";
    /// What another fleet learned was imported.
    pub const UPDATES_IMPORTED: &str = "updates-imported";
    /// Devices were asked to look again.
    pub const INSPECTED: &str = "inspection-asked";
    /// Old lines of the record were removed.
    pub const RECORD_CUT: &str = "record-cut";
    /// The record was sealed with another key.
    pub const RECORD_SEALED: &str = "record-sealed-anew";

    /// Every word, in the order in which a person would look for it.
    pub const ALL: &[&str] = &[
        SIGNED_IN,
        SIGN_IN_REFUSED,
        SIGNED_OUT,
        LINK_CREATED,
        ACCOUNT_CREATED,
        ACCESS_CHANGED,
        PASSWORD_CHANGED,
        ACCOUNT_DISABLED,
        ACCOUNT_ENABLED,
        API_TOKEN_CREATED,
        API_TOKEN_REVOKED,
        EXPORTED,
        BACKED_UP,
        PUT_BACK,
        SECRET_SHOWN,
        SETTING_CHANGED,
        ACCEPTED,
        ACCEPTANCE_ENDED,
        MACHINES_IMPORTED,
        KNOWLEDGE_IMPORTED,
        KNOWLEDGE_REMOVED,
        UPDATES_IMPORTED,
        INSPECTED,
        TOKEN_CREATED,
        TOKEN_REVOKED,
        ENROLLED,
        APPROVED,
        REVOKED,
        RETIRED,
        RESTORED,
        REPLACED,
        DELETED,
        RECOVERED,
        CLONED,
        SET_BACK,
        RENAMED,
        CA_ROTATION,
        RECORD_CUT,
        RECORD_SEALED,
    ];
}
