//! Waiting for a condition, never for a time.

use std::time::Duration;

use anyhow::bail;
use tokio::time::Instant;

/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Looks until `look` succeeds, for at most `within`; then fails with what the last look missed.
pub async fn eventually<T>(
    within: Duration,
    mut look: impl AsyncFnMut() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let end = Instant::now() + within;
    loop {
        let missing = match look().await {
            Ok(found) => return Ok(found),
            Err(missing) => missing,
        };
        if Instant::now() >= end {
            bail!("after {} s: {missing:#}", within.as_secs_f32());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
