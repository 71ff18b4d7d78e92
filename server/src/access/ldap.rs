//! Signing in through a directory: LDAP over TLS, OpenLDAP or Active Directory.
//!
//! A service account finds the one entry of a name; the password is tried by binding as that entry, on a connection of its own. Groups come
//! nested: Active Directory answers that by a rule of its own, other directories are asked level by level.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use ldap3::{
    Ldap, LdapConnAsync, LdapConnSettings, LdapError, Scope, SearchEntry, SearchOptions,
    ldap_escape,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

use crate::identity::tls::client_config;

/// How long one step may take: the connection with its handshake, a bind, a search.
const LIMIT: Duration = Duration::from_secs(5);
/// Entries that one search may give.
const ENTRIES: i32 = 500;
/// How deep groups stand in groups, and how many of them count.
const DEPTH: usize = 8;
const MOST_GROUPS: usize = 1_000;
/// Groups that one search asks about.
const AT_ONCE: usize = 50;
/// `LDAP_MATCHING_RULE_IN_CHAIN` ([MS-ADTS] 3.1.1.3.4.4.3).
const IN_CHAIN: &str = "1.2.840.113556.1.4.1941";
/// `LDAP_CAP_ACTIVE_DIRECTORY_OID` ([MS-ADTS] 3.1.1.3.4.3.1). An answer to a filter does not tell: a rule that a directory does not know is
/// undefined, which is success without an entry (RFC 4511, 4.5.1.7).
const ACTIVE_DIRECTORY: &str = "1.2.840.113556.1.4.800";
/// `invalidCredentials` (RFC 4511, appendix A).
const INVALID_CREDENTIALS: u32 = 49;
/// `ADS_UF_ACCOUNTDISABLE` in `userAccountControl` ([MS-ADTS] 2.2.16).
const DISABLED: u32 = 0x2;
/// Where the name goes in `user_filter`.
const NAME: &str = "{}";

/// How the directory is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LdapSettings {
    /// `ldaps://HOST`, or `ldap://HOST` with `start_tls`; empty: no directory.
    pub url: String,
    /// Begin TLS on a plain connection.
    pub start_tls: bool,
    /// PEM file with the CAs of the directory's certificate; empty: those that the system trusts.
    pub ca: PathBuf,
    /// Name of the account that looks people up: a distinguished name, or `user@domain` at Active Directory.
    pub bind_name: String,
    /// File with its password.
    pub bind_password_file: PathBuf,
    /// Below which entry people and groups are looked for.
    pub base: String,
    /// Which entry somebody of a name is; `{}` stands for the name.
    pub user_filter: String,
    /// Attribute by which people are called.
    pub name_attribute: String,
}

impl Default for LdapSettings {
    fn default() -> Self {
        Self {
            url: String::new(),
            start_tls: false,
            ca: PathBuf::new(),
            bind_name: String::new(),
            bind_password_file: PathBuf::new(),
            base: String::new(),
            user_filter:
                "(&(objectClass=person)(|(uid={})(sAMAccountName={})(userPrincipalName={})))"
                    .to_owned(),
            name_attribute: "cn".to_owned(),
        }
    }
}

/// A directory.
#[derive(Debug)]
pub struct Directory {
    settings: LdapSettings,
    password: String,
    tls: Arc<ClientConfig>,
}

/// Somebody whom the directory knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// What stays when they are renamed: `entryUUID`, or `objectGUID` in hexadecimal.
    pub subject: String,
    /// What they are called.
    pub name: String,
    /// Distinguished names of their groups, of groups in groups too.
    pub groups: Vec<String>,
}

/// What came of a name and password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    /// They are who they say.
    Known(Person),
    /// They are not, or are nobody, and why: for the record alone.
    Refused(String),
}

impl Directory {
    /// From the settings; `None` where they name no directory.
    ///
    /// # Errors
    /// Says which setting cannot be.
    pub fn open(settings: &LdapSettings) -> anyhow::Result<Option<Self>> {
        if settings.url.is_empty() {
            return Ok(None);
        }
        check_url(&settings.url, settings.start_tls)?;
        ensure!(
            settings.user_filter.contains(NAME),
            "sign_in.ldap.user_filter has no {NAME}, which stands for the name"
        );
        ensure!(!settings.base.is_empty(), "sign_in.ldap.base is empty");
        ensure!(
            !settings.bind_name.is_empty(),
            "sign_in.ldap.bind_name is empty: an account that looks people up is needed"
        );
        let file = &settings.bind_password_file;
        let password = std::fs::read_to_string(file).with_context(|| {
            format!(
                "cannot read {} (sign_in.ldap.bind_password_file)",
                file.display()
            )
        })?;
        let password = password.trim_end_matches(['\r', '\n']).to_owned();
        ensure!(
            !password.is_empty(),
            "{} (sign_in.ldap.bind_password_file) is empty",
            file.display()
        );
        let tls = client_config(roots(&settings.ca, "sign_in.ldap.ca")?)?;
        Ok(Some(Self {
            settings: settings.clone(),
            password,
            tls: Arc::new(tls),
        }))
    }

    /// Whether somebody is who they say.
    ///
    /// # Errors
    /// Where the directory does not answer, or refuses the account that looks people up.
    pub async fn sign_in(&self, name: &str, password: &str) -> anyhow::Result<Tried> {
        // A bind without a password is one of nobody, and succeeds at some directories (RFC 4513, 5.1.2).
        if password.is_empty() {
            return Ok(Tried::Refused("the password is empty".to_owned()));
        }
        let filter = self.settings.user_filter.replace(NAME, &ldap_escape(name));
        let mut reader = self.reader().await?;
        let entry = match self.find(&mut reader, &filter).await? {
            Found::One(entry) => entry,
            Found::None => return Ok(Tried::Refused("there is no such account".to_owned())),
            Found::Several => {
                return Ok(Tried::Refused("several entries have this name".to_owned()));
            }
        };
        let mut own = self.connect().await?;
        let bound = own
            .with_timeout(LIMIT)
            .simple_bind(&entry.dn, password)
            .await?;
        match bound.success() {
            Ok(_) => {}
            Err(LdapError::LdapResult { result }) if result.rc == INVALID_CREDENTIALS => {
                return Ok(Tried::Refused("the password is another one".to_owned()));
            }
            Err(LdapError::LdapResult { result }) => {
                return Ok(Tried::Refused(format!(
                    "the directory refuses them: {}",
                    result.text
                )));
            }
            Err(error) => return Err(error.into()),
        }
        let _ = own.unbind().await;
        match self.person(&mut reader, entry).await? {
            Some(person) => Ok(Tried::Known(person)),
            None => Ok(Tried::Refused("the account is disabled".to_owned())),
        }
    }

    /// Somebody as the directory knows them now; `None` where they are gone or disabled.
    ///
    /// # Errors
    /// As [`Directory::sign_in`].
    pub async fn look_up(&self, subject: &str) -> anyhow::Result<Option<Person>> {
        let filter = match hex::decode(subject) {
            Ok(bytes) => {
                let escaped: Vec<String> =
                    bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
                format!("(objectGUID={})", escaped.concat())
            }
            Err(_) => format!("(entryUUID={})", ldap_escape(subject)),
        };
        let mut reader = self.reader().await?;
        match self.find(&mut reader, &filter).await? {
            Found::One(entry) => self.person(&mut reader, entry).await,
            Found::None | Found::Several => Ok(None),
        }
    }

    async fn person(
        &self,
        reader: &mut Ldap,
        entry: SearchEntry,
    ) -> anyhow::Result<Option<Person>> {
        let control = first(&entry, "userAccountControl").and_then(|text| text.parse::<u32>().ok());
        if control.is_some_and(|control| control & DISABLED != 0) {
            return Ok(None);
        }
        let subject = subject(&entry)
            .context("the directory names neither entryUUID nor objectGUID of an entry: may the account of sign_in.ldap.bind_name read them?")?;
        let name = first(&entry, &self.settings.name_attribute);
        Ok(Some(Person {
            subject,
            name: name.unwrap_or_else(|| entry.dn.clone()),
            groups: self.groups(reader, &entry.dn).await?,
        }))
    }

    async fn connect(&self) -> anyhow::Result<Ldap> {
        let settings = LdapConnSettings::new()
            .set_conn_timeout(LIMIT)
            .set_starttls(self.settings.start_tls)
            .set_config(Arc::clone(&self.tls));
        let (connection, ldap) = LdapConnAsync::with_settings(settings, &self.settings.url)
            .await
            .with_context(|| format!("the directory {} is not reached", self.settings.url))?;
        // Ends by itself once every handle is dropped.
        tokio::spawn(async move {
            if let Err(error) = connection.drive().await {
                tracing::debug!(%error, "a connection to the directory ended");
            }
        });
        Ok(ldap)
    }

    async fn reader(&self) -> anyhow::Result<Ldap> {
        let mut ldap = self.connect().await?;
        ldap.with_timeout(LIMIT)
            .simple_bind(&self.settings.bind_name, &self.password)
            .await?
            .success()
            .context("the directory refuses the account of sign_in.ldap.bind_name")?;
        Ok(ldap)
    }

    async fn find(&self, reader: &mut Ldap, filter: &str) -> anyhow::Result<Found> {
        let wanted = [
            self.settings.name_attribute.as_str(),
            "entryUUID",
            "objectGUID",
            "userAccountControl",
        ];
        let mut found =
            search(reader, &self.settings.base, Scope::Subtree, filter, &wanted).await?;
        Ok(match (found.pop(), found.is_empty()) {
            (None, _) => Found::None,
            (Some(entry), true) => Found::One(entry),
            (Some(_), false) => Found::Several,
        })
    }

    async fn groups(&self, reader: &mut Ldap, dn: &str) -> anyhow::Result<Vec<String>> {
        let base = &self.settings.base;
        if is_active_directory(reader).await? {
            let filter = format!(
                "(&(objectClass=group)(member:{IN_CHAIN}:={}))",
                ldap_escape(dn)
            );
            let found = search(reader, base, Scope::Subtree, &filter, &["1.1"]).await?;
            return Ok(found.into_iter().map(|entry| entry.dn).collect());
        }
        let mut known = BTreeSet::new();
        // Names are compared without case, and groups may stand in each other.
        let mut met = HashSet::from([dn.to_lowercase()]);
        let mut level = vec![dn.to_owned()];
        for _ in 0..DEPTH {
            if level.is_empty() || known.len() > MOST_GROUPS {
                break;
            }
            let mut next = Vec::new();
            for members in level.chunks(AT_ONCE) {
                let any: Vec<String> = members
                    .iter()
                    .map(|member| {
                        let member = ldap_escape(member.as_str());
                        format!("(member={member})(uniqueMember={member})")
                    })
                    .collect();
                let filter = format!("(|{})", any.concat());
                for entry in search(reader, base, Scope::Subtree, &filter, &["1.1"]).await? {
                    if met.insert(entry.dn.to_lowercase()) {
                        next.push(entry.dn.clone());
                        known.insert(entry.dn);
                    }
                }
            }
            level = next;
        }
        Ok(known.into_iter().collect())
    }
}

/// What a search for one entry gave.
enum Found {
    One(SearchEntry),
    None,
    Several,
}

async fn search(
    ldap: &mut Ldap,
    base: &str,
    scope: Scope,
    filter: &str,
    attributes: &[&str],
) -> anyhow::Result<Vec<SearchEntry>> {
    let limits = SearchOptions::new()
        .sizelimit(ENTRIES)
        .timelimit(LIMIT.as_secs() as i32);
    // Both count for the next operation alone.
    let answer = ldap
        .with_timeout(LIMIT)
        .with_search_options(limits)
        .search(base, scope, filter, attributes)
        .await?;
    let (entries, _) = answer
        .success()
        .context("a search in the directory failed")?;
    // References to other directories are not followed.
    let entries = entries
        .into_iter()
        .filter(|e| !e.is_ref() && !e.is_intermediate());
    let entries: Vec<_> = entries.collect();
    // It panics at an answer that is malformed.
    let read =
        tokio::task::spawn_blocking(|| entries.into_iter().map(SearchEntry::construct).collect());
    read.await.context("the directory's answer cannot be read")
}

/// By the entry at the root, which everybody may read.
async fn is_active_directory(ldap: &mut Ldap) -> anyhow::Result<bool> {
    let root = search(
        ldap,
        "",
        Scope::Base,
        "(objectClass=*)",
        &["supportedCapabilities"],
    )
    .await?;
    Ok(root.iter().any(|entry| {
        let known = values(entry, "supportedCapabilities");
        known.is_some_and(|known| known.iter().any(|one| one == ACTIVE_DIRECTORY))
    }))
}

/// Values of an attribute, whose name directories spell as they like.
fn values<'a>(entry: &'a SearchEntry, name: &str) -> Option<&'a Vec<String>> {
    let mut all = entry.attrs.iter();
    all.find(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, values)| values)
}

fn first(entry: &SearchEntry, name: &str) -> Option<String> {
    values(entry, name)?.first().cloned()
}

/// `entryUUID` is text. `objectGUID` is 16 bytes, which stand among the texts where they happen to be UTF-8.
fn subject(entry: &SearchEntry) -> Option<String> {
    if let Some(text) = first(entry, "entryUUID") {
        return Some(text);
    }
    let mut all = entry.bin_attrs.iter();
    let bytes = all
        .find(|(found, _)| found.eq_ignore_ascii_case("objectGUID"))
        .and_then(|(_, values)| values.first().cloned());
    match bytes {
        Some(bytes) => Some(hex::encode(bytes)),
        None => first(entry, "objectGUID").map(hex::encode),
    }
}

/// A password never goes over the network without TLS.
fn check_url(url: &str, start_tls: bool) -> anyhow::Result<()> {
    let wrong = |why: &str| {
        anyhow::anyhow!(
            "sign_in.ldap.url {url:?} {why}: write ldaps://HOST, or ldap://HOST with start_tls = true"
        )
    };
    let rest = match url.split_once("://") {
        Some(("ldaps", _)) if start_tls => {
            return Err(wrong(
                "speaks TLS from the start, so start_tls has to be false",
            ));
        }
        Some(("ldaps", rest)) => rest,
        Some(("ldap", rest)) if start_tls => rest,
        Some(("ldap", _)) => return Err(wrong("speaks no TLS")),
        _ => return Err(wrong("is no address of a directory")),
    };
    let host = rest.split(['/', ':']).next().unwrap_or_default();
    if host.is_empty() || rest.contains(['[', '@', '?', ' ']) {
        return Err(wrong("names no host by its name"));
    }
    Ok(())
}

/// The CAs of a file, or those that the system trusts where none is named.
pub(super) fn roots(ca: &Path, setting: &str) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    if ca.as_os_str().is_empty() {
        // What the system trusts may hold what rustls does not read.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        ensure!(
            !roots.is_empty(),
            "the system trusts no CA: name one in {setting}"
        );
        return Ok(roots);
    }
    let certificates = CertificateDer::pem_file_iter(ca)
        .with_context(|| format!("cannot read {} ({setting})", ca.display()))?;
    for certificate in certificates {
        let certificate = certificate
            .with_context(|| format!("{} ({setting}) is no certificate in PEM", ca.display()))?;
        roots.add(certificate)?;
    }
    ensure!(
        !roots.is_empty(),
        "{} ({setting}) holds no certificate in PEM",
        ca.display()
    );
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_never_goes_without_tls_and_a_host_is_named() {
        for (url, start_tls, good) in [
            ("ldaps://dc.example.org", false, true),
            ("ldaps://dc.example.org:3269", false, true),
            ("ldap://dc.example.org", true, true),
            ("ldap://dc.example.org", false, false),
            ("ldaps://dc.example.org", true, false),
            ("ldaps:///x", false, false),
            ("ldaps://", false, false),
            ("ldaps://[::1]", false, false),
            ("https://dc.example.org", false, false),
            ("dc.example.org", false, false),
        ] {
            assert_eq!(check_url(url, start_tls).is_ok(), good, "{url} {start_tls}");
        }
    }
}
