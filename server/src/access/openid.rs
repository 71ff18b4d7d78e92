//! Signing in through an OpenID Connect provider: Entra ID, Keycloak, any that speaks the authorization code flow with PKCE.
//!
//! What a sign-in that is under way needs stands sealed in a cookie of its browser, so any server can finish it. The groups stand in the ID
//! token, or at the provider's userinfo.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail, ensure};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreErrorResponseType,
    CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm,
    CoreProviderMetadata, CoreRevocableToken, CoreRevocationErrorResponse,
    CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessToken, AccessTokenHash, AdditionalClaims, AuthorizationCode, Client, ClientId,
    ClientSecret, CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet,
    HttpRequest, HttpResponse, IdTokenClaims, IdTokenFields, IssuerUrl, Nonce,
    OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken,
    RequestTokenError, Scope, StandardErrorResponse, StandardTokenResponse, SubjectIdentifier,
    TokenResponse as _, UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Mutex;

use super::ldap::{Person, roots};
use crate::config::Web;
use crate::identity::tls::client_config;
use crate::ingest::chain;

/// How long one request to the provider may take, and reaching it.
const LIMIT: Duration = Duration::from_secs(10);
const REACHED_WITHIN: Duration = Duration::from_secs(5);
/// Most bytes of an answer.
const ANSWER_BYTES: usize = 1 << 20;
/// How long what the provider says of itself, its keys among it, is believed.
const METADATA_FOR: Duration = Duration::from_hours(1);
/// A key that is not known has the provider asked again, but not more often than this.
const METADATA_AT_LEAST: Duration = Duration::from_secs(30);
/// Where the provider sends the browser back to.
pub const CALLBACK: &str = "/sign-in/openid/callback";

/// How the provider is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OpenIdSettings {
    /// Its issuer, to the letter; empty: no provider.
    pub issuer: String,
    /// As which client this server is known to it.
    pub client_id: String,
    /// File with the client's secret; empty: a public client.
    pub client_secret_file: PathBuf,
    /// PEM file with the CAs of the provider's certificate; empty: those that the system trusts.
    pub ca: PathBuf,
    /// What is asked for besides `openid`.
    pub scopes: Vec<String>,
    /// The claim that names groups.
    pub groups_claim: String,
    /// The claim by which people are called; where it is missing, the subject.
    pub name_claim: String,
    /// What the button says.
    pub label: String,
}

impl Default for OpenIdSettings {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            client_id: String::new(),
            client_secret_file: PathBuf::new(),
            ca: PathBuf::new(),
            scopes: ["profile", "email", "offline_access"]
                .map(str::to_owned)
                .to_vec(),
            groups_claim: "groups".to_owned(),
            name_claim: "preferred_username".to_owned(),
            label: "Sign in with single sign-on".to_owned(),
        }
    }
}

/// Every claim that the standard does not name, under the provider's name.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
struct OtherClaims {
    #[serde(flatten)]
    all: serde_json::Map<String, Value>,
}

impl AdditionalClaims for OtherClaims {}

type Tokens = StandardTokenResponse<
    IdTokenFields<
        OtherClaims,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;

/// `CoreClient` with our claims, as `from_provider_metadata` leaves it.
type Relying = Client<
    OtherClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

type Claims = IdTokenClaims<OtherClaims, CoreGenderClaim>;

/// A provider.
pub struct OpenId {
    settings: OpenIdSettings,
    secret: Option<ClientSecret>,
    redirect: RedirectUrl,
    http: reqwest::Client,
    /// What it says of itself, and when it was asked.
    known: Mutex<Option<(Instant, Arc<Relying>)>>,
}

impl fmt::Debug for OpenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenId")
            .field("issuer", &self.settings.issuer)
            .finish_non_exhaustive()
    }
}

/// A sign-in that is under way; it stands sealed in a cookie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnderWay {
    state: String,
    nonce: String,
    verifier: String,
    /// Where to go afterwards.
    pub next: String,
    /// Until when it may be finished, in milliseconds.
    pub until: i64,
}

/// What came of asking again.
#[derive(Debug)]
pub enum Again {
    /// They are still known; by this the provider is asked the next time.
    Known(Person, String),
    /// The provider ended what it had granted.
    Ended(String),
}

impl OpenId {
    /// From the settings; `None` where they name no provider.
    ///
    /// # Errors
    /// Says which setting cannot be.
    pub fn open(settings: &OpenIdSettings, web: &Web) -> anyhow::Result<Option<Self>> {
        if settings.issuer.is_empty() {
            return Ok(None);
        }
        let issuer = IssuerUrl::new(settings.issuer.clone()).with_context(|| {
            format!("sign_in.openid.issuer {:?} is no address", settings.issuer)
        })?;
        let is_own = matches!(
            issuer.url().host_str(),
            Some("localhost" | "127.0.0.1" | "[::1]")
        );
        ensure!(
            issuer.url().scheme() == "https" || is_own,
            "sign_in.openid.issuer {:?} is not https",
            settings.issuer
        );
        ensure!(
            !settings.client_id.is_empty(),
            "sign_in.openid.client_id is empty"
        );
        let file = &settings.client_secret_file;
        let secret = if file.as_os_str().is_empty() {
            None
        } else {
            let text = std::fs::read_to_string(file).with_context(|| {
                format!(
                    "cannot read {} (sign_in.openid.client_secret_file)",
                    file.display()
                )
            })?;
            Some(ClientSecret::new(text.trim().to_owned()))
        };
        ensure!(
            !web.external_url.is_empty(),
            "sign_in.openid needs web.external_url: the provider sends people back to it"
        );
        let redirect = format!("{}{CALLBACK}", web.external_url.trim_end_matches('/'));
        let tls = client_config(roots(&settings.ca, "sign_in.openid.ca")?)?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            // A provider has no business in sending this server elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(REACHED_WITHIN)
            .timeout(LIMIT)
            .build()?;
        Ok(Some(Self {
            settings: settings.clone(),
            secret,
            redirect: RedirectUrl::new(redirect).context("web.external_url is no address")?,
            http,
            known: Mutex::default(),
        }))
    }

    /// What the button says.
    pub fn label(&self) -> &str {
        &self.settings.label
    }

    /// Where the browser goes to sign in, and what has to be kept for when it comes back.
    ///
    /// # Errors
    /// Where the provider does not answer.
    pub async fn begin(&self, next: &str, until: i64) -> anyhow::Result<(String, UnderWay)> {
        let relying = self.relying(METADATA_FOR).await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let scopes = self.settings.scopes.iter().cloned().map(Scope::new);
        let (url, state, nonce) = relying
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scopes(scopes)
            .set_pkce_challenge(challenge)
            .url();
        let under_way = UnderWay {
            state: state.secret().clone(),
            nonce: nonce.secret().clone(),
            verifier: verifier.secret().clone(),
            next: next.to_owned(),
            until,
        };
        Ok((url.into(), under_way))
    }

    /// Who it is that came back with this answer, and by what the provider can be asked again.
    ///
    /// # Errors
    /// Where the answer is not one to this sign-in, or the provider's word does not hold.
    pub async fn finish(
        &self,
        under_way: UnderWay,
        answer: &BTreeMap<String, String>,
    ) -> anyhow::Result<(Person, String)> {
        let field = |name: &str| answer.get(name).map(String::as_str);
        ensure!(
            field("state") == Some(under_way.state.as_str()),
            "the answer is of another sign-in"
        );
        // RFC 9207: from which provider it is.
        ensure!(
            field("iss").is_none_or(|iss| iss == self.settings.issuer),
            "the answer is of another provider"
        );
        if let Some(error) = field("error") {
            bail!(
                "the provider refused: {error} {}",
                field("error_description").unwrap_or_default()
            );
        }
        let code = field("code").context("the answer has no code")?;
        let relying = self.relying(METADATA_FOR).await?;
        let http = self.http();
        let tokens: Tokens = relying
            .exchange_code(AuthorizationCode::new(code.to_owned()))?
            .set_pkce_verifier(PkceCodeVerifier::new(under_way.verifier))
            .request_async(&http)
            .await
            .map_err(|error| anyhow!("the provider gave no token: {}", chain(&error)))?;
        let nonce = Nonce::new(under_way.nonce);
        let claims = if let Ok(claims) = claims(&relying, &tokens, Some(&nonce)) {
            claims
        } else {
            // It may have changed its keys a moment ago.
            let relying = self.relying(METADATA_AT_LEAST).await?;
            claims(&relying, &tokens, Some(&nonce))?
        };
        let person = self
            .person(&relying, &claims, tokens.access_token())
            .await?;
        let grant = tokens.refresh_token();
        Ok((
            person,
            grant.map_or_else(String::new, |grant| grant.secret().clone()),
        ))
    }

    /// Asks what somebody may do who signed in before. `subject` is as [`Person`] had it.
    ///
    /// # Errors
    /// Where the provider does not answer.
    pub async fn again(&self, subject: &str, grant: &str) -> anyhow::Result<Again> {
        let relying = self.relying(METADATA_FOR).await?;
        let http = self.http();
        let asked = relying
            .exchange_refresh_token(&RefreshToken::new(grant.to_owned()))?
            .request_async(&http)
            .await;
        let tokens: Tokens = match asked {
            Ok(tokens) => tokens,
            // Whichever of its errors it is: some providers name another one than the standard.
            Err(RequestTokenError::ServerResponse(answer)) => {
                return Ok(Again::Ended(answer.to_string()));
            }
            Err(error) => return Err(anyhow!("the provider gave no token: {}", chain(&error))),
        };
        let sub = subject
            .strip_prefix(&format!("{} ", self.settings.issuer))
            .context("the account is of another provider")?;
        let by_token = match tokens.id_token() {
            None => None,
            Some(_) => Some(claims(&relying, &tokens, None)?),
        };
        let person = if let Some(claims) = by_token {
            ensure!(
                claims.subject().as_str() == sub,
                "the provider speaks of somebody else"
            );
            self.person(&relying, &claims, tokens.access_token())
                .await?
        } else {
            let info = self.user_info(&relying, tokens.access_token(), sub);
            let info = info.await?.context(
                "the provider says nothing of them after a refresh: neither an ID token nor userinfo",
            )?;
            self.of_claims(sub, &info)
        };
        let fresh = tokens.refresh_token().map(|grant| grant.secret().clone());
        Ok(Again::Known(
            person,
            fresh.unwrap_or_else(|| grant.to_owned()),
        ))
    }

    async fn person(
        &self,
        relying: &Relying,
        claims: &Claims,
        access: &AccessToken,
    ) -> anyhow::Result<Person> {
        let sub = claims.subject().as_str();
        let mut all = serde_json::to_value(claims)?;
        if all.get(&self.settings.groups_claim).is_none()
            && let Some(info) = self.user_info(relying, access, sub).await?
            && let (Some(all), Some(info)) = (all.as_object_mut(), info.as_object())
        {
            for (name, value) in info {
                all.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        Ok(self.of_claims(sub, &all))
    }

    fn of_claims(&self, sub: &str, claims: &Value) -> Person {
        let name = claims[&self.settings.name_claim].as_str().unwrap_or(sub);
        let groups = match &claims[&self.settings.groups_claim] {
            Value::Array(many) => many
                .iter()
                .filter_map(|group| group.as_str().map(str::to_owned))
                .collect(),
            Value::String(one) => vec![one.clone()],
            _ => Vec::new(),
        };
        Person {
            subject: format!("{} {sub}", self.settings.issuer),
            name: name.to_owned(),
            groups,
        }
    }

    /// What the provider says of the person of a token; `None` where it has no such service.
    async fn user_info(
        &self,
        relying: &Relying,
        access: &AccessToken,
        sub: &str,
    ) -> anyhow::Result<Option<Value>> {
        // The subject has to be the same, or the answer is refused.
        let sub = SubjectIdentifier::new(sub.to_owned());
        let Ok(asked) = relying.user_info(access.clone(), Some(sub)) else {
            return Ok(None);
        };
        let http = self.http();
        let info: UserInfoClaims<OtherClaims, CoreGenderClaim> =
            asked.request_async(&http).await.map_err(|error| {
                anyhow!("the provider's userinfo does not answer: {}", chain(&error))
            })?;
        Ok(Some(serde_json::to_value(info)?))
    }

    /// What the provider says of itself, not older than `at_most`.
    async fn relying(&self, at_most: Duration) -> anyhow::Result<Arc<Relying>> {
        let mut known = self.known.lock().await;
        if let Some((at, relying)) = &*known
            && at.elapsed() < at_most
        {
            return Ok(Arc::clone(relying));
        }
        let issuer = IssuerUrl::new(self.settings.issuer.clone())?;
        let http = self.http();
        let metadata = CoreProviderMetadata::discover_async(issuer, &http)
            .await
            .map_err(|error| {
                anyhow!(
                    "the provider {} is not reached: {}",
                    self.settings.issuer,
                    chain(&error)
                )
            })?;
        let client_id = ClientId::new(self.settings.client_id.clone());
        let relying = Client::from_provider_metadata(metadata, client_id, self.secret.clone())
            .set_redirect_uri(self.redirect.clone());
        let relying = Arc::new(relying);
        *known = Some((Instant::now(), Arc::clone(&relying)));
        Ok(relying)
    }

    /// How `openidconnect` sends its requests.
    fn http(&self) -> impl Fn(HttpRequest) -> Sent + Send + Sync + 'static {
        let client = self.http.clone();
        move |request| Box::pin(send(client.clone(), request))
    }
}

/// The verified claims of an ID token.
fn claims(relying: &Relying, tokens: &Tokens, nonce: Option<&Nonce>) -> anyhow::Result<Claims> {
    let id_token = tokens.id_token().context("the provider gave no ID token")?;
    let verifier = relying.id_token_verifier().set_allowed_algs([
        CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
        CoreJwsSigningAlgorithm::EcdsaP256Sha256,
        CoreJwsSigningAlgorithm::EdDsa,
    ]);
    let wanted = |said: Option<&Nonce>| match (nonce, said) {
        (Some(wanted), Some(said)) if wanted.secret() == said.secret() => Ok(()),
        // After a refresh there may be none.
        (None, _) => Ok(()),
        _ => Err("it is of another sign-in".to_owned()),
    };
    let claims = id_token
        .claims(&verifier, wanted)
        .map_err(|error| anyhow!("the ID token does not hold: {}", chain(&error)))?;
    if let Some(expected) = claims.access_token_hash() {
        let actual = AccessTokenHash::from_token(
            tokens.access_token(),
            id_token.signing_alg()?,
            id_token.signing_key(&verifier)?,
        )?;
        ensure!(
            actual == *expected,
            "the access token is of another ID token"
        );
    }
    Ok(claims.clone())
}

type Sent = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send>>;

async fn send(client: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, HttpError> {
    let mut answer = client.execute(request.try_into()?).await?;
    let mut response = openidconnect::http::Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        response = response.header(name, value);
    }
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await? {
        if body.len() + piece.len() > ANSWER_BYTES {
            return Err(HttpError::TooLong);
        }
        body.extend_from_slice(&piece);
    }
    Ok(response.body(body)?)
}

/// Why a request to the provider failed.
#[derive(Debug, thiserror::Error)]
enum HttpError {
    #[error(transparent)]
    Reqwest(#[from] reqwest::Error),
    #[error("the answer has more than {ANSWER_BYTES} bytes")]
    TooLong,
    #[error(transparent)]
    Http(#[from] openidconnect::http::Error),
}
