//! The owner's wishes as the database keeps them: edited by page and API alike.
//!
//! They are replaced as a whole. Whoever replaces them may say by its [`mark`] which version they looked at; where that is no longer the
//! stored one, nothing is changed. The check and the write are one step within one server; two servers on one database could still
//! write at once, and the later one would then win.

pub mod confirm;
pub mod fields;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sickbay_diagnosis::Time;
use sickbay_diagnosis::context::{FleetContext, Sources};
use sickbay_diagnosis::expectation::{
    BadWish, DeviceScope, ScopedWish, UpdateClass, Wanted, Wishes,
};
use sickbay_diagnosis::filter::{Filter, Pattern, Test, TextField};
use sickbay_diagnosis::knowledge::DeviceKind;
use sickbay_store::{NewAudit, Store, StoreError, action};

use crate::app::App;

/// The setting's name in the database.
const SETTING: &str = "wishes";
/// Most scopes; each is asked for every device.
pub const MOST_SCOPES: usize = 200;

/// Wishes as they are written down.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Written {
    /// By scope; the first that holds a device and a wish decides it.
    pub scopes: Vec<ScopedWish>,
    /// For every device, where no scope decides.
    pub fleet: Wanted,
}

impl From<Written> for Wishes {
    fn from(written: Written) -> Self {
        Self {
            scopes: written.scopes,
            fleet: written.fleet,
        }
    }
}

impl From<Wishes> for Written {
    fn from(wishes: Wishes) -> Self {
        Self {
            scopes: wishes.scopes,
            fleet: wishes.fleet,
        }
    }
}

/// Why wishes were not taken.
#[derive(Debug, thiserror::Error)]
pub enum WishError {
    /// One of them cannot be.
    #[error("{scope}: {why}")]
    Bad {
        /// The name of the scope.
        scope: String,
        /// What is wrong.
        why: BadWish,
    },
    /// It is not written as it should be.
    #[error("{scope}: {wish}: {why}")]
    Unreadable {
        /// The name of the scope.
        scope: String,
        /// The key.
        wish: String,
        /// What is wrong.
        why: String,
    },
    /// Somebody else changed them meanwhile.
    #[error(
        "somebody else changed the expectations meanwhile; look at them again, and make your change anew"
    )]
    ChangedMeanwhile,
    /// There are too many scopes.
    #[error("{0} scopes are too many: at most {MOST_SCOPES} are possible; join some with `or`")]
    TooMany(usize),
    /// The database did not take them.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether wishes can be.
///
/// # Errors
/// The first that cannot.
pub fn check(wishes: &Wishes) -> Result<(), WishError> {
    if wishes.scopes.len() > MOST_SCOPES {
        return Err(WishError::TooMany(wishes.scopes.len()));
    }
    wishes
        .check()
        .map_err(|(scope, why)| WishError::Bad { scope, why })
}

/// What the fleet as a whole is called where a wish is named.
const FLEET: &str = "the whole fleet";
/// Keys beside the wishes, as errors name them.
const KEYS: [&str; 2] = ["scopes", "fleet"];

/// Reads wishes as the API and the pages write them. Says of what cannot be read in which scope and under which key it stands.
///
/// # Errors
/// The first that cannot be read, or cannot be.
pub fn read(json: &Value) -> Result<Wishes, WishError> {
    let unreadable = |scope: &str, wish: &str, why: &str| WishError::Unreadable {
        scope: scope.to_owned(),
        wish: wish.to_owned(),
        why: why.to_owned(),
    };
    let Some(whole) = json.as_object() else {
        return Err(unreadable(
            "expectations",
            "the body",
            "must be a JSON object with `fleet` and `scopes`",
        ));
    };
    if let Some(key) = whole.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(unreadable(
            "expectations",
            key,
            "there is no such key; `fleet` and `scopes` are possible",
        ));
    }
    let fleet = match whole.get("fleet") {
        None | Some(Value::Null) => Wanted::default(),
        Some(value) => read_wanted(FLEET, value)?,
    };
    let listed = match whole.get("scopes") {
        None | Some(Value::Null) => &[][..],
        Some(Value::Array(scopes)) => scopes,
        Some(_) => return Err(unreadable("expectations", "scopes", "must be a list")),
    };
    let scopes = listed
        .iter()
        .enumerate()
        .map(|(place, value)| read_scope(place, value))
        .collect::<Result<Vec<_>, _>>()?;
    let wishes = Wishes { scopes, fleet };
    check(&wishes)?;
    Ok(wishes)
}

fn read_scope(place: usize, value: &Value) -> Result<ScopedWish, WishError> {
    let given = value.get("name").and_then(Value::as_str);
    let called = given.map_or_else(|| format!("scope {}", place + 1), str::to_owned);
    let unreadable = |wish: &str, why: String| WishError::Unreadable {
        scope: called.clone(),
        wish: wish.to_owned(),
        why,
    };
    let Some(fields) = value.as_object() else {
        return Err(unreadable(
            "the scope",
            "must be a JSON object with `name`, `scope` and `wanted`".to_owned(),
        ));
    };
    let known = ["name", "scope", "wanted"];
    if let Some(key) = fields.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(unreadable(
            key,
            "there is no such key; `name`, `scope` and `wanted` are possible".to_owned(),
        ));
    }
    let text = |key: &str| {
        let text = fields.get(key).and_then(Value::as_str);
        text.ok_or_else(|| unreadable(key, "must be a text".to_owned()))
    };
    let name = text("name")?.to_owned();
    let scope =
        DeviceScope::parse(text("scope")?).map_err(|why| unreadable("scope", why.to_string()))?;
    let wanted = match fields.get("wanted") {
        None | Some(Value::Null) => Wanted::default(),
        Some(value) => read_wanted(&called, value)?,
    };
    Ok(ScopedWish {
        name,
        scope,
        wanted,
    })
}

/// Reads the wishes of one scope, each for itself, so that the one that cannot be read is named.
///
/// # Errors
/// The first that cannot be read.
pub fn read_wanted(scope: &str, value: &Value) -> Result<Wanted, WishError> {
    let unreadable = |wish: &str, why: String| WishError::Unreadable {
        scope: scope.to_owned(),
        wish: wish.to_owned(),
        why,
    };
    let Some(fields) = value.as_object() else {
        return Err(unreadable("the wishes", "must be a JSON object".to_owned()));
    };
    for (wish, value) in fields {
        if !fields::FIELDS.iter().any(|field| field.name == wish) {
            return Err(unreadable(wish, "there is no such expectation".to_owned()));
        }
        let alone: serde_json::Map<String, Value> =
            [(wish.clone(), value.clone())].into_iter().collect();
        serde_json::from_value::<Wanted>(Value::Object(alone))
            .map_err(|why| unreadable(wish, why.to_string()))?;
    }
    serde_json::from_value(value.clone()).map_err(|why| unreadable("the wishes", why.to_string()))
}

/// Tells one version of the wishes from another.
pub fn mark(wishes: &Wishes) -> String {
    hex::encode(&Sha256::digest(to_json(wishes))[..16])
}

/// Wishes as they are kept and posted.
pub fn to_json(wishes: &Wishes) -> String {
    serde_json::to_string(&Written::from(wishes.clone()))
        .expect("texts and numbers always serialize")
}

/// Replaces the wishes, and brings them into force. With `seen` only where they still are the version of that mark.
///
/// # Errors
/// As [`check`], where they changed meanwhile, and where the database does not take them.
pub async fn replace(
    app: &App,
    wishes: &Wishes,
    seen: Option<&str>,
    by: &str,
) -> Result<(), WishError> {
    check(wishes)?;
    let (store, now) = (app.store.as_ref(), app.clock.now());
    let json = to_json(wishes);
    match seen {
        None => store.put_setting(SETTING, &json, changed(by, now)).await?,
        Some(seen) => {
            let kept = store.setting(SETTING).await?;
            let is_seen = mark(&understood(kept.as_deref())) == seen;
            let line = changed(by, now);
            let replacing = store.replace_setting(SETTING, kept.as_deref(), &json, line);
            // Whoever is faster in between, at whichever server, loses nothing.
            if !is_seen || !replacing.await? {
                return Err(WishError::ChangedMeanwhile);
            }
        }
    }
    app.rules_changed();
    Ok(())
}

/// Whether the owner said where updates of a class should come from on every client, or on every server.
pub fn decides(wishes: &Wishes, kind: DeviceKind, class: UpdateClass) -> bool {
    let whole_kind = |scope: &ScopedWish| {
        let filter = scope.scope.filter();
        *filter == Filter::Everything || *filter == of_kind(kind)
    };
    wishes.fleet.source(class).is_some()
        || wishes
            .scopes
            .iter()
            .any(|scope| whole_kind(scope) && scope.wanted.source(class).is_some())
}

/// The devices of a kind.
pub fn of_kind(kind: DeviceKind) -> Filter {
    Filter::Is(Test::Text(TextField::Kind, Pattern::new(kind.name())))
}

/// The sources that most clients or servers use, of those classes for which the owner has not said what is expected.
pub fn provisional(wishes: &Wishes, fleet: &FleetContext, kind: DeviceKind) -> Sources {
    let majority = match kind {
        DeviceKind::Client => &fleet.client_sources,
        DeviceKind::Server => &fleet.server_sources,
    };
    UpdateClass::ALL.map(|class| {
        let source = majority[class as usize].clone();
        source.filter(|_| !decides(wishes, kind, class))
    })
}

/// The wishes that the database keeps. What cannot be understood, because a newer version wrote it, is told and stands for no wishes.
///
/// # Errors
/// Where the database does not answer.
pub async fn stored(store: &dyn Store) -> Result<Wishes, StoreError> {
    Ok(understood(store.setting(SETTING).await?.as_deref()))
}

fn understood(json: Option<&str>) -> Wishes {
    let Some(json) = json else {
        return Wishes::default();
    };
    match serde_json::from_str::<Written>(json).context("the stored wishes") {
        Ok(written) => written.into(),
        Err(error) => {
            tracing::error!(
                error = format!("{error:#}"),
                "the stored expectations cannot be understood; the defaults hold"
            );
            Wishes::default()
        }
    }
}

fn changed(by: &str, now: Time) -> NewAudit {
    NewAudit::new(now, by, action::SETTING_CHANGED, "expectations")
}

/// Keeps wishes, if they can be.
///
/// # Errors
/// As [`check`], and where the database does not take them.
pub async fn keep(
    store: &dyn Store,
    wishes: &Wishes,
    by: &str,
    now: Time,
) -> Result<(), WishError> {
    check(wishes)?;
    store
        .put_setting(SETTING, &to_json(wishes), changed(by, now))
        .await?;
    Ok(())
}
