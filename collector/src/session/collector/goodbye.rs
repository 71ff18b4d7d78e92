//! The end of a collector's life on a machine.

use std::sync::Arc;
use std::time::Duration;

use super::{Collector, CollectorError, CollectorOptions, connect};
use crate::state::Identity;

/// What came of saying goodbye.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Farewell {
    /// The server retired the device, and key and certificate are gone from this machine.
    Retired {
        /// Which.
        device_id: String,
    },
    /// There was nobody to say it for.
    NotEnrolled,
}

/// Tells a server that this device is no more, within `limit`, and forgets key and certificate: a retired key is of no use, and a
/// machine on which the collector is installed again enrols anew. Where no server answers, both stay, so that the device goes on
/// where it was if it comes back.
pub async fn say_goodbye(
    options: CollectorOptions,
    limit: Duration,
) -> Result<Farewell, CollectorError> {
    let mut collector = Collector::new(options)?;
    let Some(device_id) = collector
        .identity()
        .map(|Identity { device_id, .. }| device_id.clone())
    else {
        return Ok(Farewell::NotEnrolled);
    };
    let tls = collector.tls()?;
    let mut failure = None;
    let share = limit / u32::try_from(collector.options.server_urls.len()).unwrap_or(u32::MAX);
    for _ in 0..collector.options.server_urls.len() {
        let route = collector.route(collector.server).await;
        let told = tokio::time::timeout(share, async {
            let rpc = connect(&route, Arc::clone(&tls)).await?;
            rpc.goodbye().await
        });
        match told.await {
            Ok(Ok(())) => {
                collector
                    .storage
                    .with(|files| files.state.forget_credentials())
                    .await?;
                return Ok(Farewell::Retired { device_id });
            }
            Ok(Err(error)) => failure = Some(error),
            Err(_) => {
                failure = Some(super::CallError::Broken(format!(
                    "{route} did not answer within {} s",
                    share.as_secs()
                )));
            }
        }
        collector.server += 1;
    }
    Err(failure.map_or(CollectorError::NoServer, CollectorError::Call))
}
