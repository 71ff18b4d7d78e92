//! Machines that enrol without a collector around them: a key, a connection, one question. For thousands of them, and for those that ask
//! what no collector would.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use hyper_util::rt::TokioIo;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use sickbay_proto::v1;
use sickbay_proto::v1::enrolment_client::EnrolmentClient;
use sickbay_server::config::Config;
use sickbay_server::identity::ca::InForce;
use sickbay_server::identity::tls::provider;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint, Uri};

/// Settings of a server in `folder` on free ports.
pub fn config(folder: &Path) -> Config {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut config = Config::default();
    folder.clone_into(&mut config.storage.data_dir);
    config.collectors.listen = anywhere;
    config.web.listen = anywhere;
    config.health.listen = anywhere;
    config
}

/// TLS that trusts a CA and shows no certificate.
pub fn tls(ca: &InForce) -> anyhow::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    for trusted in ca.trusted() {
        roots.add(trusted.into())?;
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(spoken(config)))
}

/// gRPC over a connection that is never resumed.
fn spoken(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.resumption = rustls::client::Resumption::disabled();
    config
}

/// A connection for calls.
pub async fn connect(address: SocketAddr, tls: &Arc<ClientConfig>) -> anyhow::Result<Channel> {
    let tcp = TcpStream::connect(address).await?;
    tcp.set_nodelay(true)?;
    let name = ServerName::try_from("localhost").context("a name")?;
    let stream = TlsConnector::from(Arc::clone(tls))
        .connect(name, tcp)
        .await?;
    let mut stream = Some(TokioIo::new(stream));
    let connector = tower::service_fn(move |_: Uri| {
        let stream = stream
            .take()
            .ok_or_else(|| std::io::Error::other("the connection ended"));
        async move { stream }
    });
    Ok(Endpoint::from_static("http://sickbay")
        .connect_with_connector(connector)
        .await?)
}

/// A machine that asks to be let in.
pub struct Newcomer {
    key: KeyPair,
    /// What it says of itself.
    pub says: v1::MachineIdentity,
}

impl Newcomer {
    /// A machine of that name with a key of its own.
    pub fn new(name: &str) -> anyhow::Result<Self> {
        Ok(Self {
            key: KeyPair::generate()?,
            says: v1::MachineIdentity {
                host_name: name.to_owned(),
                domain: "corp.example.org".to_owned(),
                organizational_unit: "OU=Desks,DC=corp,DC=example,DC=org".to_owned(),
                machine_fingerprint: format!("firmware of {name}"),
            },
        })
    }

    /// Asks once.
    ///
    /// # Errors
    /// A refusal is a [`tonic::Status`] in the chain.
    pub async fn ask(
        &self,
        address: SocketAddr,
        tls: &Arc<ClientConfig>,
        token: &str,
    ) -> anyhow::Result<v1::enrol_response::Outcome> {
        let request = v1::EnrolRequest {
            token: token.to_owned(),
            csr_der: CertificateParams::default()
                .serialize_request(&self.key)?
                .der()
                .to_vec()
                .into(),
            machine: Some(self.says.clone()),
            collector_version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let channel = connect(address, tls).await?;
        let answer = EnrolmentClient::new(channel).enrol(request).await?;
        answer.into_inner().outcome.context("an outcome")
    }

    /// Asks once, and has to be let in at once.
    pub async fn enrol(
        &self,
        address: SocketAddr,
        tls: &Arc<ClientConfig>,
        token: &str,
    ) -> anyhow::Result<v1::Certificate> {
        match self.ask(address, tls, token).await? {
            v1::enrol_response::Outcome::Issued(issued) => Ok(issued),
            v1::enrol_response::Outcome::Pending(pending) => bail!("it waits: {pending:?}"),
        }
    }

    /// TLS that trusts whom the answer names and shows the certificate in it.
    pub fn tls(&self, issued: &v1::Certificate) -> anyhow::Result<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        for trusted in &issued.trusted_ca_der {
            roots.add(CertificateDer::from(trusted.to_vec()))?;
        }
        let chain = issued.chain_der.iter();
        let chain = chain
            .map(|der| CertificateDer::from(der.to_vec()))
            .collect();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)?;
        Ok(Arc::new(spoken(config)))
    }
}
