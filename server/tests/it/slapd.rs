//! A real directory for one test: Debian's slapd over a tree of its own, on free ports of loopback, with a certificate of its own CA.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ldap3::{LdapConnAsync, LdapConnSettings, Mod};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::CertificateDer;
use tempfile::TempDir;

pub(crate) const BASE: &str = "dc=example,dc=org";
/// The account that looks people up.
pub(crate) const READER: &str = "cn=reader,ou=services,dc=example,dc=org";
pub(crate) const READER_PASSWORD: &str = "reader-secret";
const ADMIN: &str = "cn=admin,dc=example,dc=org";
const ADMIN_PASSWORD: &str = "admin-secret";

/// A name with its attributes, each with its values.
type Entry = (
    &'static str,
    &'static [(&'static str, &'static [&'static str])],
);

/// Everything that stands in the tree: people, groups, groups in groups, and a reference to another directory, as Active Directory gives.
const TREE: &[Entry] = &[
    (
        "dc=example,dc=org",
        &[
            ("objectClass", &["dcObject", "organization"]),
            ("o", &["Example"]),
            ("dc", &["example"]),
        ],
    ),
    (
        "ou=people,dc=example,dc=org",
        &[
            ("objectClass", &["organizationalUnit"]),
            ("ou", &["people"]),
        ],
    ),
    (
        "ou=groups,dc=example,dc=org",
        &[
            ("objectClass", &["organizationalUnit"]),
            ("ou", &["groups"]),
        ],
    ),
    (
        "ou=services,dc=example,dc=org",
        &[
            ("objectClass", &["organizationalUnit"]),
            ("ou", &["services"]),
        ],
    ),
    (
        READER,
        &[
            (
                "objectClass",
                &["organizationalRole", "simpleSecurityObject"],
            ),
            ("cn", &["reader"]),
            ("userPassword", &[READER_PASSWORD]),
        ],
    ),
    (
        "uid=alice,ou=people,dc=example,dc=org",
        &[
            ("objectClass", &["inetOrgPerson"]),
            ("uid", &["alice"]),
            ("cn", &["Alice Example"]),
            ("sn", &["Example"]),
            ("userPassword", &["alice-secret"]),
        ],
    ),
    (
        "uid=bob,ou=people,dc=example,dc=org",
        &[
            ("objectClass", &["inetOrgPerson"]),
            ("uid", &["bob"]),
            ("cn", &["Bob (the) *Builder*, Jr"]),
            ("sn", &["Builder"]),
            ("userPassword", &["bob-secret"]),
        ],
    ),
    (
        "uid=carol,ou=people,dc=example,dc=org",
        &[
            ("objectClass", &["inetOrgPerson"]),
            ("uid", &["carol"]),
            ("cn", &["Carol"]),
            ("sn", &["Carol"]),
            ("userPassword", &["carol-secret"]),
        ],
    ),
    (
        "cn=admins,ou=groups,dc=example,dc=org",
        &[
            ("objectClass", &["groupOfNames"]),
            ("cn", &["admins"]),
            (
                "member",
                &[
                    "cn=nobody,dc=example,dc=org",
                    "uid=alice,ou=people,dc=example,dc=org",
                ],
            ),
        ],
    ),
    (
        "cn=berlin,ou=groups,dc=example,dc=org",
        &[
            ("objectClass", &["groupOfNames"]),
            ("cn", &["berlin"]),
            ("member", &["uid=bob,ou=people,dc=example,dc=org"]),
        ],
    ),
    (
        "cn=helpdesk,ou=groups,dc=example,dc=org",
        &[
            ("objectClass", &["groupOfNames"]),
            ("cn", &["helpdesk"]),
            // Each stands in the other.
            (
                "member",
                &[
                    "cn=berlin,ou=groups,dc=example,dc=org",
                    "cn=all,ou=groups,dc=example,dc=org",
                ],
            ),
        ],
    ),
    (
        "cn=all,ou=groups,dc=example,dc=org",
        &[
            ("objectClass", &["groupOfNames"]),
            ("cn", &["all"]),
            ("member", &["cn=helpdesk,ou=groups,dc=example,dc=org"]),
        ],
    ),
    (
        "cn=elsewhere,dc=example,dc=org",
        &[
            ("objectClass", &["referral", "extensibleObject"]),
            ("cn", &["elsewhere"]),
            (
                "ref",
                &["ldap://other.example.org/dc=other,dc=example,dc=org"],
            ),
        ],
    ),
];

/// A running slapd; it ends with the test.
pub(crate) struct Slapd {
    process: Option<Child>,
    folder: TempDir,
    plain: u16,
    tls: u16,
}

impl Drop for Slapd {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Slapd {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        certify(folder.path());
        fs::create_dir(folder.path().join("db")).unwrap();
        fs::write(
            folder.path().join("slapd.conf"),
            configuration(folder.path()),
        )
        .unwrap();
        fs::write(
            folder.path().join("reader.password"),
            format!("{READER_PASSWORD}\n"),
        )
        .unwrap();
        let mut slapd = Self {
            process: None,
            plain: free_port(),
            tls: free_port(),
            folder,
        };
        slapd.run();
        slapd.seed().await;
        slapd
    }

    /// Starts it, again over the same tree where it was stopped.
    pub(crate) fn run(&mut self) {
        let program = ["/usr/sbin/slapd", "/usr/libexec/slapd"]
            .into_iter()
            .find(|path| Path::new(path).exists())
            .expect("slapd is installed: on Debian, apt-get install slapd");
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        let process = Command::new(program)
            .args(["-d", "0", "-f"])
            .arg(self.folder.path().join("slapd.conf"))
            .arg("-h")
            .arg(format!("{} {}", self.plain_url(), self.url()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.process = Some(process);
    }

    pub(crate) fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("ldaps://localhost:{}", self.tls)
    }

    pub(crate) fn plain_url(&self) -> String {
        format!("ldap://localhost:{}", self.plain)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Who may change everything.
    async fn admin(&self) -> ldap3::result::Result<ldap3::Ldap> {
        let pem = fs::read(self.file("ca.pem")).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        let ca: CertificateDer<'static> =
            rustls::pki_types::pem::PemObject::from_pem_slice(&pem).unwrap();
        roots.add(ca).unwrap();
        let tls = sickbay_server::identity::tls::client_config(roots).unwrap();
        let settings = LdapConnSettings::new().set_config(Arc::new(tls));
        let (connection, mut ldap) = LdapConnAsync::with_settings(settings, &self.url()).await?;
        tokio::spawn(connection.drive());
        ldap.simple_bind(ADMIN, ADMIN_PASSWORD).await?.success()?;
        Ok(ldap)
    }

    async fn seed(&self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut ldap = loop {
            match self.admin().await {
                Ok(ldap) => break ldap,
                Err(error) => assert!(
                    Instant::now() < deadline,
                    "slapd does not come up: {error}\n{}",
                    fs::read_to_string(self.file("log")).unwrap_or_default()
                ),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        for (dn, attributes) in TREE {
            let attributes = attributes
                .iter()
                .map(|(name, values)| (*name, values.iter().copied().collect()))
                .collect();
            ldap.add(dn, attributes).await.unwrap().success().unwrap();
        }
    }

    /// Adds somebody to a group, or takes them out.
    pub(crate) async fn member(&self, group: &str, person: &str, is_member: bool) {
        let dn = format!("cn={group},ou=groups,{BASE}");
        let member = format!("uid={person},ou=people,{BASE}");
        let set = [member.as_str()].into_iter().collect();
        let change = if is_member {
            Mod::Add("member", set)
        } else {
            Mod::Delete("member", set)
        };
        let mut ldap = self.admin().await.unwrap();
        ldap.modify(&dn, vec![change])
            .await
            .unwrap()
            .success()
            .unwrap();
    }

    /// Takes an entry out of the directory.
    pub(crate) async fn delete(&self, person: &str) {
        let mut ldap = self.admin().await.unwrap();
        let dn = format!("uid={person},ou=people,{BASE}");
        ldap.delete(&dn).await.unwrap().success().unwrap();
    }

    /// Renames somebody.
    pub(crate) async fn rename(&self, person: &str, to: &str) {
        let mut ldap = self.admin().await.unwrap();
        let dn = format!("uid={person},ou=people,{BASE}");
        let to = format!("uid={to}");
        let renamed = ldap.modifydn(&dn, &to, true, None).await;
        renamed.unwrap().success().unwrap();
    }
}

fn free_port() -> u16 {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

fn certify(folder: &Path) {
    let ca_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = params.self_signed(&ca_key).unwrap();
    let issuer = Issuer::from_params(&params, &ca_key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    for (name, text) in [
        ("ca.pem", ca.pem()),
        ("server.pem", certificate.pem()),
        ("server.key", key.serialize_pem()),
    ] {
        let mut file = fs::File::create(folder.join(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }
}

fn configuration(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        r#"include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload refint
pidfile {folder}/slapd.pid
argsfile {folder}/slapd.args
loglevel none
threads 2
# A name without a password binds as nobody, and succeeds: it shows whether we refuse that ourselves.
allow bind_anon_dn
# Without TLS no password is taken.
security simple_bind=128
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
TLSVerifyClient never
TLSProtocolMin 3.3
database mdb
maxsize 16777216
suffix "{BASE}"
rootdn "{ADMIN}"
rootpw {ADMIN_PASSWORD}
directory {folder}/db
dbnosync
index objectClass,uid,cn,member eq
overlay refint
refint_attributes member
refint_nothing "cn=nobody,{BASE}"
access to attrs=userPassword by anonymous auth by self =w by * none
access to dn.base="" by * read
access to dn.base="cn=Subschema" by * read
access to * by dn.exact="{READER}" read by self read by * none
"#
    )
}
