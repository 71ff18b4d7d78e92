//! Enrolment: a token's use, a device and the places that it takes are one transaction, so a use limit is exact however many machines come
//! at once, and nobody takes a place that somebody else just took. Many machines share a transaction, because making one durable costs more
//! than all the rest.

use std::borrow::Cow;
use std::collections::HashMap;

use sickbay_diagnosis::Time;
use sickbay_diagnosis::filter::{Filter, FindingView, NumberField, Subject, TextField};
use sickbay_diagnosis::time::HOUR_MS;
use sqlx::FromRow;
use uuid::Uuid;

use super::{Backend, Connection, Db, audit, machines, places, status, write};
use crate::admission::{Admission, Sponsor};
use crate::error::During;
use crate::rows::IdentityRow;
use crate::tally::{Health, Tally};
use crate::{
    Approval, DeviceIdentity, DeviceStatus, EnrolOutcome, EnrolRequest, Introduction,
    IssuedCertificate, NewAudit, RECOVERY_DAYS, Result, action, codes,
};

statements! {
    /// The holder of a key.
    BY_KEY = "SELECT d.key, d.id, d.status FROM device_key k JOIN device d ON d.key = k.device_key WHERE k.key_sha256 = $1";
    /// The firmware id of a device.
    FINGERPRINT = "SELECT fingerprint FROM device WHERE key = $1";
    /// When the newest certificate of a device ends.
    NEWEST_END = "SELECT MAX(not_after) FROM certificate WHERE device_key = $1";
    /// A token, for as long as the transaction lasts.
    TOKEN = concat!(
        "SELECT id, name, approves, tags, scope, expires_at, use_limit, per_hour, ephemeral_ms, uses, hour_began, hour_uses, revoked_at \
         FROM token WHERE hash = $1",
        for_update!()
    );
    /// Its uses.
    USED = "UPDATE token SET uses = $2, hour_began = $3, hour_uses = $4 WHERE id = $1";
    /// Who lets in a device that waits, where that is not a person.
    WAITS_FOR = "SELECT t.approves FROM device d JOIN token t ON t.id = d.token_id WHERE d.key = $1 AND t.revoked_at IS NULL";
    /// A new device. It is due at once, so that one which never reports is found silent in time.
    CREATE_DEVICE = "INSERT INTO device (id, status, version, name, name_lower, domain, ou, tags, epoch, digest, health, enrolled_at, \
                     collector_version, fingerprint, due_at, token_id, ephemeral_ms) \
                     VALUES ($1, $2, 0, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $11, $14, $15) RETURNING key, id, status";
    /// One of its tags.
    CREATE_TAG = "INSERT INTO device_tag (device_key, tag) VALUES ($1, $2) ON CONFLICT (device_key, tag) DO NOTHING";
    /// A key of a device; a key has one holder for ever.
    CREATE_KEY = "INSERT INTO device_key (key_sha256, device_key) VALUES ($1, $2) ON CONFLICT (key_sha256) DO NOTHING";
    /// A certificate; a serial number is one certificate's for ever.
    CREATE_CERTIFICATE = "INSERT INTO certificate (serial, device_key, key_sha256, issued_at, not_after, ca) VALUES ($1, $2, $3, $4, $5, $6) \
                          ON CONFLICT (serial) DO NOTHING";
    /// Certificates of a device that have ended: nothing is asked of them but when the newest ends.
    FORGET_CERTIFICATES = "DELETE FROM certificate WHERE device_key = $1 AND not_after <= $2";
}

const ENROL: &str = "enrol devices";
const RECORD: &str = "record certificates";
/// Who lets machines in where no person does, for the record.
const SERVER: &str = "server";

#[derive(FromRow)]
struct TokenState {
    id: String,
    name: String,
    approves: i64,
    tags: String,
    scope: String,
    expires_at: Option<i64>,
    use_limit: Option<i64>,
    per_hour: Option<i64>,
    ephemeral_ms: Option<i64>,
    uses: i64,
    hour_began: i64,
    hour_uses: i64,
    revoked_at: Option<i64>,
}

/// A token as this transaction knows it.
struct Token {
    state: TokenState,
    approval: Approval,
    tags: Vec<String>,
    scope: Filter,
    used: bool,
}

pub(super) async fn enrol(
    store: &Backend,
    requests: Vec<EnrolRequest>,
) -> Result<Vec<EnrolOutcome>> {
    let mut transaction = store.begin(ENROL).await?;
    let mut batch = Batch::default();
    let mut outcomes = Vec::with_capacity(requests.len());
    for request in &requests {
        outcomes.push(batch.enrol(&mut transaction, request).await?);
    }
    batch.write(store, &mut transaction).await?;
    transaction.commit().await.during(ENROL)?;
    Ok(outcomes)
}

/// What the requests of one transaction come to.
#[derive(Default)]
struct Batch {
    tokens: HashMap<Vec<u8>, Option<Token>>,
    tally: Tally,
    record: Vec<NewAudit>,
}

impl Batch {
    async fn enrol(
        &mut self,
        connection: &mut Connection,
        request: &EnrolRequest,
    ) -> Result<EnrolOutcome> {
        // The key comes first: a machine that asks again whether it was approved costs no use, even after the token's end.
        if let Some(identity) = holder(connection, &request.key_sha256, ENROL).await? {
            return Ok(match identity.status {
                DeviceStatus::Pending => {
                    EnrolOutcome::Device(self.ask_again(connection, request, identity).await?)
                }
                DeviceStatus::Active if has_ended(connection, &identity, request.now).await? => {
                    EnrolOutcome::KeyEnded(identity)
                }
                _ => EnrolOutcome::Device(identity),
            });
        }
        let Introduction::Token(hash) = &request.by else {
            let identity = self.admit(connection, request, Sponsor::Pki, None).await?;
            return Ok(EnrolOutcome::Device(identity));
        };
        if !self.tokens.contains_key(hash) {
            let token = Token::read(connection, hash).await?;
            self.tokens.insert(hash.clone(), token);
        }
        // Taken out while the device is made.
        let Some(Some(mut token)) = self.tokens.remove(hash) else {
            self.tokens.insert(hash.clone(), None);
            return Ok(EnrolOutcome::TokenUnknown);
        };
        let outcome = if let Some(refused) = token.take(request) {
            refused
        } else {
            let sponsor = Sponsor::Token(token.approval);
            let admitted = self.admit(connection, request, sponsor, Some(&token)).await;
            EnrolOutcome::Device(admitted?)
        };
        self.tokens.insert(hash.clone(), Some(token));
        Ok(outcome)
    }

    /// A device that waits asks whether it may come in: what stood in its way by the list may be gone.
    async fn ask_again(
        &mut self,
        connection: &mut Connection,
        request: &EnrolRequest,
        identity: DeviceIdentity,
    ) -> Result<DeviceIdentity> {
        let waits_for = sqlx::query_scalar::<Db, i64>(WAITS_FOR)
            .bind(identity.key)
            .fetch_optional(&mut *connection)
            .await
            .during(ENROL)?;
        let Some(approval @ Approval::List) = waits_for.map(codes::approval).transpose()? else {
            return Ok(identity);
        };
        // By what it said when it first came: a device that waits cannot become another one.
        let Some(place) = places::of_device(connection, identity.key).await? else {
            return Ok(identity);
        };
        let admission = place
            .decide(connection, Sponsor::Token(approval), request)
            .await?;
        if admission.status != DeviceStatus::Active {
            return Ok(identity);
        }
        let step = status::Step::to(identity.key, DeviceStatus::Active);
        status::apply(connection, &[step], request.now, &mut self.tally).await?;
        self.record.push(NewAudit {
            at: request.now,
            actor: SERVER.to_owned(),
            action: action::APPROVED,
            device: Some(identity.id),
            subject: place.name.clone(),
            detail: admission.why.to_owned(),
        });
        let device = DeviceIdentity {
            status: DeviceStatus::Active,
            ..identity
        };
        self.take_places(connection, request.now, &device, &place.name, &admission)
            .await?;
        Ok(device)
    }

    async fn admit(
        &mut self,
        connection: &mut Connection,
        request: &EnrolRequest,
        sponsor: Sponsor,
        token: Option<&Token>,
    ) -> Result<DeviceIdentity> {
        let place = places::Place::of(request);
        let admission = place.decide(connection, sponsor, request).await?;
        let identity = create(connection, &place, request, admission.status, token).await?;
        self.tally
            .device(admission.status, Health::NeverReported.code(), 1);
        let speaker = (place.name_lower.as_str(), place.domain.as_str());
        let spoken_for = machines::speak_for(connection, &[speaker]).await?;
        self.tally.listed(-spoken_for);
        let by = token.map_or_else(
            || "a certificate of the owner's PKI".to_owned(),
            |token| format!("enrolment token {:?}", token.state.name),
        );
        self.record.push(NewAudit {
            at: request.now,
            actor: by,
            action: action::ENROLLED,
            device: Some(identity.id),
            subject: place.name.clone(),
            detail: format!("{}: {}", admission.status.name(), admission.why),
        });
        self.take_places(connection, request.now, &identity, &place.name, &admission)
            .await?;
        Ok(identity)
    }

    async fn take_places(
        &mut self,
        connection: &mut Connection,
        now: Time,
        device: &DeviceIdentity,
        name: &str,
        admission: &Admission,
    ) -> Result<()> {
        let lines = places::take(
            connection,
            &admission.replaces,
            device,
            name,
            SERVER,
            now,
            &mut self.tally,
        )
        .await?;
        self.record.extend(lines);
        Ok(())
    }

    async fn write(&mut self, store: &Backend, connection: &mut Connection) -> Result<()> {
        for token in self.tokens.values().flatten().filter(|token| token.used) {
            sqlx::query::<Db>(USED)
                .bind(token.state.id.clone())
                .bind(token.state.uses)
                .bind(token.state.hour_began)
                .bind(token.state.hour_uses)
                .execute(&mut *connection)
                .await
                .during(ENROL)?;
        }
        audit::add(store, connection, &self.record).await?;
        write::tally(connection, &self.tally).await
    }
}

impl Token {
    async fn read(connection: &mut Connection, hash: &[u8]) -> Result<Option<Self>> {
        let state = sqlx::query_as::<Db, TokenState>(TOKEN)
            .bind(hash.to_vec())
            .fetch_optional(connection)
            .await
            .during(ENROL)?;
        let Some(state) = state else { return Ok(None) };
        let scope = Filter::parse(&state.scope).map_err(|error| crate::StoreError::Corrupt {
            what: "scope of a token",
            reason: error.to_string(),
        })?;
        Ok(Some(Self {
            approval: codes::approval(state.approves)?,
            tags: codes::tags(&state.tags)?,
            scope,
            used: false,
            state,
        }))
    }

    /// Takes one use, or says why not.
    fn take(&mut self, request: &EnrolRequest) -> Option<EnrolOutcome> {
        let now = request.now.millis();
        let state = &mut self.state;
        if state.revoked_at.is_some() {
            return Some(EnrolOutcome::TokenRevoked);
        }
        if state.expires_at.is_some_and(|end| end <= now) {
            return Some(EnrolOutcome::TokenExpired);
        }
        if state.use_limit.is_some_and(|most| state.uses >= most) {
            return Some(EnrolOutcome::TokenUsedUp);
        }
        if !self.scope.matches(&Claims(request)) {
            return Some(EnrolOutcome::TokenElsewhere);
        }
        if now.saturating_sub(state.hour_began) >= HOUR_MS || now < state.hour_began {
            (state.hour_began, state.hour_uses) = (now, 0);
        }
        if state.per_hour.is_some_and(|most| state.hour_uses >= most) {
            let left = state.hour_began + HOUR_MS - now;
            return Some(EnrolOutcome::TokenBusy {
                retry_after_ms: u64::try_from(left).unwrap_or(0),
            });
        }
        state.uses += 1;
        state.hour_uses += 1;
        self.used = true;
        None
    }
}

/// What a machine says of itself, as the scope of a token sees it.
struct Claims<'a>(&'a EnrolRequest);

impl Subject for Claims<'_> {
    fn texts(&self, field: TextField) -> Vec<Cow<'_, str>> {
        let text = match field {
            TextField::Name => &self.0.host_name,
            TextField::Domain => &self.0.domain,
            TextField::Ou => &self.0.ou,
            TextField::Tag => return Vec::new(),
            _ => "",
        };
        vec![text.into()]
    }

    fn number(&self, _field: NumberField) -> Option<u64> {
        None
    }

    fn findings(&self) -> Vec<FindingView<'_>> {
        Vec::new()
    }
}

/// Whether a device has been away for so long that its key is not enough any more.
async fn has_ended(
    connection: &mut Connection,
    device: &DeviceIdentity,
    now: Time,
) -> Result<bool> {
    let newest = sqlx::query_scalar::<Db, Option<i64>>(NEWEST_END)
        .bind(device.key)
        .fetch_one(connection)
        .await
        .during(ENROL)?;
    Ok(newest.is_some_and(|end| Time::from_millis(end).plus_days(RECOVERY_DAYS) < now))
}

async fn create(
    connection: &mut Connection,
    place: &places::Place,
    request: &EnrolRequest,
    status: DeviceStatus,
    token: Option<&Token>,
) -> Result<DeviceIdentity> {
    let tags = token.map_or(&[][..], |token| &token.tags);
    let identity = sqlx::query_as::<Db, IdentityRow>(CREATE_DEVICE)
        .bind(Uuid::now_v7().to_string())
        .bind(codes::status_code(status))
        .bind(place.name.clone())
        .bind(place.name_lower.clone())
        .bind(place.domain.clone())
        .bind(codes::text(&request.ou))
        .bind(codes::tags_text(tags))
        .bind(Vec::<u8>::new())
        .bind(Vec::<u8>::new())
        .bind(Health::NeverReported.code())
        .bind(request.now.millis())
        .bind(codes::text(&request.collector_version))
        .bind(place.fingerprint.clone())
        .bind(token.map_or_else(String::new, |token| token.state.id.clone()))
        .bind(token.and_then(|token| token.state.ephemeral_ms))
        .fetch_one(&mut *connection)
        .await
        .during(ENROL)?
        .read()?;
    for tag in tags {
        sqlx::query::<Db>(CREATE_TAG)
            .bind(identity.key)
            .bind(codes::text(tag))
            .execute(&mut *connection)
            .await
            .during(ENROL)?;
    }
    add_key(connection, &request.key_sha256, identity.key, ENROL).await?;
    Ok(identity)
}

pub(super) async fn device_by_key(
    store: &Backend,
    key_sha256: &[u8],
) -> Result<Option<DeviceIdentity>> {
    const FIND: &str = "find a device by its key";
    let mut transaction = store.begin_read(FIND).await?;
    holder(&mut transaction, key_sha256, FIND).await
}

pub(super) async fn fingerprint(store: &Backend, key: i64) -> Result<Option<String>> {
    sqlx::query_scalar::<Db, String>(FINGERPRINT)
        .bind(key)
        .fetch_optional(store.reader())
        .await
        .during("look up a device's firmware")
}

pub(super) async fn record_certificates(
    store: &Backend,
    certificates: Vec<IssuedCertificate>,
) -> Result<Vec<bool>> {
    let mut transaction = store.begin(RECORD).await?;
    let mut recorded = Vec::with_capacity(certificates.len());
    let mut lines = Vec::new();
    for mut certificate in certificates {
        let line = certificate.line.take();
        let done = record(&mut transaction, certificate).await?;
        lines.extend(line.filter(|_| done));
        recorded.push(done);
    }
    audit::add(store, &mut transaction, &lines).await?;
    transaction.commit().await.during(RECORD)?;
    Ok(recorded)
}

async fn record(connection: &mut Connection, certificate: IssuedCertificate) -> Result<bool> {
    add_key(
        connection,
        &certificate.key_sha256,
        certificate.device_key,
        RECORD,
    )
    .await?;
    let holder = holder(connection, &certificate.key_sha256, RECORD).await?;
    // It may have left the fleet since it was asked who it is.
    let may_have_it = holder.is_some_and(|holder| {
        holder.key == certificate.device_key && holder.status == DeviceStatus::Active
    });
    if !may_have_it {
        return Ok(false);
    }
    sqlx::query::<Db>(FORGET_CERTIFICATES)
        .bind(certificate.device_key)
        .bind(certificate.issued_at.millis())
        .execute(&mut *connection)
        .await
        .during(RECORD)?;
    let done = sqlx::query::<Db>(CREATE_CERTIFICATE)
        .bind(certificate.serial)
        .bind(certificate.device_key)
        .bind(certificate.key_sha256)
        .bind(certificate.issued_at.millis())
        .bind(certificate.not_after.millis())
        .bind(i64::from(certificate.ca))
        .execute(connection)
        .await
        .during(RECORD)?;
    Ok(done.rows_affected() > 0)
}

async fn holder(
    connection: &mut Connection,
    key_sha256: &[u8],
    operation: &'static str,
) -> Result<Option<DeviceIdentity>> {
    sqlx::query_as::<Db, IdentityRow>(BY_KEY)
        .bind(key_sha256.to_vec())
        .fetch_optional(connection)
        .await
        .during(operation)?
        .map(IdentityRow::read)
        .transpose()
}

async fn add_key(
    connection: &mut Connection,
    key_sha256: &[u8],
    device_key: i64,
    operation: &'static str,
) -> Result<()> {
    sqlx::query::<Db>(CREATE_KEY)
        .bind(key_sha256.to_vec())
        .bind(device_key)
        .execute(connection)
        .await
        .during(operation)?;
    Ok(())
}
