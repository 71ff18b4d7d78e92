//! Several servers on one Postgres, and a way to them that leads to any that lives, as behind a load balancer.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::server::{DATABASE, Server};

/// The one file of the first server that another one needs.
const WRAPPING_KEY: &str = "wrapping.key";

/// Servers of one database.
pub struct Replicas {
    /// The servers.
    pub servers: Vec<Server>,
    balancer: Balancer,
    _folders: Vec<TempDir>,
}

impl Replicas {
    /// Starts so many on the database of this address; the first makes what the others share.
    pub async fn start(count: usize, database: &str) -> anyhow::Result<Self> {
        let mut folders = Vec::with_capacity(count);
        let mut servers: Vec<Server> = Vec::with_capacity(count);
        for _ in 0..count {
            let folder = tempfile::tempdir().context("make a data folder")?;
            if let Some(first) = servers.first() {
                give_key(first.data_dir(), folder.path())?;
            }
            let settings = vec![(DATABASE, database.to_owned())];
            servers.push(Server::start_with(folder.path(), settings).await?);
            folders.push(folder);
        }
        let addresses = servers.iter().map(Server::collectors_address).collect();
        Ok(Self {
            servers,
            balancer: Balancer::start(addresses).await?,
            _folders: folders,
        })
    }

    /// Where collectors reach any of them.
    pub fn url(&self) -> String {
        format!("https://{}", self.balancer.address)
    }
}

fn give_key(from: &Path, to: &Path) -> anyhow::Result<()> {
    let (from, to) = (from.join(WRAPPING_KEY), to.join(WRAPPING_KEY));
    std::fs::copy(&from, &to).with_context(|| format!("copy {}", from.display()))?;
    Ok(())
}

/// Hands each connection to the next server that takes it.
struct Balancer {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Balancer {
    async fn start(servers: Vec<SocketAddr>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("listen as a load balancer")?;
        let address = listener.local_addr().context("listen as a load balancer")?;
        let accepting = tokio::spawn(accept(listener, servers));
        Ok(Self { address, accepting })
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, servers: Vec<SocketAddr>) {
    let next = AtomicUsize::new(0);
    while let Ok((mut collector, _)) = listener.accept().await {
        let first = next.fetch_add(1, Ordering::Relaxed);
        let servers = servers.clone();
        tokio::spawn(async move {
            for place in 0..servers.len() {
                let address = servers[(first + place) % servers.len()];
                if let Ok(mut server) = TcpStream::connect(address).await {
                    // Either side may hang up; the other one notices.
                    let _ = tokio::io::copy_bidirectional(&mut collector, &mut server).await;
                    return;
                }
            }
        });
    }
}
