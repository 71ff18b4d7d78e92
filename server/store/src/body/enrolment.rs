//! Enrolment: a token's use and a device are one transaction, so a use limit is exact however many machines come at once.

use sickbay_diagnosis::Time;
use sqlx::FromRow;
use uuid::Uuid;

use super::{Backend, Connection, Db, machines, write};
use crate::error::During;
use crate::rows::IdentityRow;
use crate::tally::{Health, Tally};
use crate::{
    DeviceIdentity, DeviceStatus, EnrolOutcome, EnrolRequest, IssuedCertificate, Result,
    StoreError, codes,
};

statements! {
    /// The holder of a key.
    BY_KEY = "SELECT d.key, d.id, d.status FROM device_key k JOIN device d ON d.key = k.device_key WHERE k.key_sha256 = $1";
    /// Takes one use of a token, where it may be used.
    USE_TOKEN = "UPDATE token SET uses = uses + 1 WHERE hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2) \
                 AND (use_limit IS NULL OR uses < use_limit) RETURNING approves, tags";
    /// Why a token may not be used.
    REFUSED_TOKEN = "SELECT expires_at, revoked_at FROM token WHERE hash = $1";
    /// A new device. It is due at once, so that one which never reports is found silent in time.
    CREATE_DEVICE = "INSERT INTO device (id, status, version, name, name_lower, domain, ou, tags, epoch, digest, health, enrolled_at, \
                     collector_version, fingerprint, due_at) VALUES ($1, $2, 0, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $11) \
                     RETURNING key, id, status";
    /// One of its tags.
    CREATE_TAG = "INSERT INTO device_tag (device_key, tag) VALUES ($1, $2) ON CONFLICT (device_key, tag) DO NOTHING";
    /// A key of a device; a key has one holder for ever.
    CREATE_KEY = "INSERT INTO device_key (key_sha256, device_key) VALUES ($1, $2) ON CONFLICT (key_sha256) DO NOTHING";
    /// A certificate.
    CREATE_CERTIFICATE = "INSERT INTO certificate (serial, device_key, key_sha256, issued_at, not_after) VALUES ($1, $2, $3, $4, $5)";
}

const ENROL: &str = "enrol a device";
const RECORD: &str = "record a certificate";

#[derive(FromRow)]
struct UsedToken {
    approves: i64,
    tags: String,
}

#[derive(FromRow)]
struct RefusedToken {
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
}

pub(super) async fn enrol(store: &Backend, request: EnrolRequest) -> Result<EnrolOutcome> {
    let mut transaction = store.begin(ENROL).await?;
    // The key comes first: a machine that asks again whether it was approved costs no use, even after the token's end.
    if let Some(identity) = holder(&mut transaction, &request.key_sha256, ENROL).await? {
        return Ok(EnrolOutcome::Device(identity));
    }
    let used = sqlx::query_as::<Db, UsedToken>(USE_TOKEN)
        .bind(request.token_hash.clone())
        .bind(request.now.millis())
        .fetch_optional(&mut *transaction)
        .await
        .during(ENROL)?;
    let Some(token) = used else {
        return refused(&mut transaction, &request).await;
    };
    let identity = create(&mut transaction, &request, &token).await?;
    transaction.commit().await.during(ENROL)?;
    Ok(EnrolOutcome::Device(identity))
}

async fn refused(connection: &mut Connection, request: &EnrolRequest) -> Result<EnrolOutcome> {
    let token = sqlx::query_as::<Db, RefusedToken>(REFUSED_TOKEN)
        .bind(request.token_hash.clone())
        .fetch_optional(connection)
        .await
        .during(ENROL)?;
    Ok(match token {
        None => EnrolOutcome::TokenUnknown,
        Some(RefusedToken {
            revoked_at: Some(_),
            ..
        }) => EnrolOutcome::TokenRevoked,
        Some(RefusedToken {
            expires_at: Some(end),
            ..
        }) if end <= request.now.millis() => EnrolOutcome::TokenExpired,
        Some(_) => EnrolOutcome::TokenUsedUp,
    })
}

async fn create(
    connection: &mut Connection,
    request: &EnrolRequest,
    token: &UsedToken,
) -> Result<DeviceIdentity> {
    let status = if token.approves == 0 {
        DeviceStatus::Pending
    } else {
        DeviceStatus::Active
    };
    let name = codes::text(&request.host_name);
    let identity = sqlx::query_as::<Db, IdentityRow>(CREATE_DEVICE)
        .bind(Uuid::now_v7().to_string())
        .bind(codes::status_code(status))
        .bind(name.clone())
        .bind(name.to_ascii_lowercase())
        .bind(codes::text(&request.domain))
        .bind(codes::text(&request.ou))
        .bind(token.tags.clone())
        .bind(Vec::<u8>::new())
        .bind(Vec::<u8>::new())
        .bind(Health::NeverReported.code())
        .bind(request.now.millis())
        .bind(codes::text(&request.collector_version))
        .bind(codes::text(&request.fingerprint))
        .fetch_one(&mut *connection)
        .await
        .during(ENROL)?
        .read()?;
    for tag in codes::tags(&token.tags)? {
        sqlx::query::<Db>(CREATE_TAG)
            .bind(identity.key)
            .bind(codes::text(&tag))
            .execute(&mut *connection)
            .await
            .during(ENROL)?;
    }
    add_key(connection, &request.key_sha256, identity.key, ENROL).await?;
    let mut tally = Tally::default();
    tally.device(status, Health::NeverReported.code(), 1);
    let speaker = (name.to_ascii_lowercase(), codes::text(&request.domain));
    let spoken_for = machines::speak_for(connection, &[(&speaker.0, &speaker.1)]).await?;
    tally.listed(-spoken_for);
    write::tally(connection, &tally).await?;
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

pub(super) async fn record_certificate(
    store: &Backend,
    certificate: IssuedCertificate,
) -> Result<()> {
    let mut transaction = store.begin(RECORD).await?;
    add_key(
        &mut transaction,
        &certificate.key_sha256,
        certificate.device_key,
        RECORD,
    )
    .await?;
    let holder = holder(&mut transaction, &certificate.key_sha256, RECORD).await?;
    if holder.is_none_or(|holder| holder.key != certificate.device_key) {
        return Err(StoreError::Refused {
            operation: RECORD,
            source: sqlx::Error::Protocol(
                "the certificate's key belongs to another device".to_owned(),
            ),
        });
    }
    sqlx::query::<Db>(CREATE_CERTIFICATE)
        .bind(certificate.serial)
        .bind(certificate.device_key)
        .bind(certificate.key_sha256)
        .bind(certificate.issued_at.millis())
        .bind(Time::millis(certificate.not_after))
        .execute(&mut *transaction)
        .await
        .during(RECORD)?;
    transaction.commit().await.during(RECORD)
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
