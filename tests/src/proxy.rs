//! A way between collectors and their server on which answers can be held back and connections broken.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A proxy; ends when it is dropped.
pub struct Proxy {
    address: SocketAddr,
    holding: watch::Sender<bool>,
    /// Counts up; connections of an earlier count end.
    generation: Arc<watch::Sender<u64>>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Leads to `server`.
    pub async fn start(server: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("listen as a proxy")?;
        let address = listener.local_addr().context("listen as a proxy")?;
        let holding = watch::Sender::new(false);
        let generation = Arc::new(watch::Sender::new(0));
        let accepting = tokio::spawn(accept(
            listener,
            server,
            holding.subscribe(),
            Arc::clone(&generation),
        ));
        Ok(Self {
            address,
            holding,
            generation,
            accepting,
        })
    }

    /// The address for collectors.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Holds back what the server sends, or lets it through again.
    pub fn hold_answers(&self, hold: bool) {
        self.holding.send_replace(hold);
    }

    /// Breaks every connection, with whatever is held back in it.
    pub fn break_connections(&self) {
        self.generation.send_modify(|generation| *generation += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.break_connections();
    }
}

async fn accept(
    listener: TcpListener,
    server: SocketAddr,
    holding: watch::Receiver<bool>,
    generation: Arc<watch::Sender<u64>>,
) {
    while let Ok((collector, _)) = listener.accept().await {
        let holding = holding.clone();
        let mut broken = generation.subscribe();
        broken.mark_unchanged();
        tokio::spawn(async move {
            // A server that is down looks to the collector like one that hangs up.
            let Ok(server) = TcpStream::connect(server).await else {
                return;
            };
            let (from_collector, to_collector) = collector.into_split();
            let (from_server, to_server) = server.into_split();
            tokio::select! {
                () = pass_on(from_collector, to_server, None) => {}
                () = pass_on(from_server, to_collector, Some(holding)) => {}
                _ = broken.changed() => {}
            }
        });
    }
}

/// Copies until either side ends; while `holding` says so, nothing is written.
async fn pass_on(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut holding: Option<watch::Receiver<bool>>,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if let Some(holding) = &mut holding
            && holding.wait_for(|holding| !*holding).await.is_err()
        {
            return;
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
