//! Passwords of local accounts: argon2id with the parameters that OWASP recommends (19 MiB, two passes), two at a time.

use std::sync::{Arc, LazyLock};

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash};
use axum::http::StatusCode;
use tokio::sync::Semaphore;

use crate::problem::Problem;

/// Fewest characters of a password. Length is what counts; nothing else is asked.
pub const CHARS_AT_LEAST: usize = 12;
/// Most bytes of a password.
pub const BYTES_AT_MOST: usize = 1_000;

/// Hashes under way at once: each takes memory and a core for a while.
static AT_ONCE: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(2)));
/// Verified where there is no such account, so that the time does not tell.
static OF_NOBODY: LazyLock<String> =
    LazyLock::new(|| hashed("of nobody").expect("the parameters are the crate's own"));

/// A password that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPassword {
    /// Too few characters.
    #[error("too few characters")]
    Short,
    /// Too many bytes.
    #[error("too many bytes")]
    Long,
}

/// Whether this may be a password.
pub fn check(password: &str) -> Result<(), BadPassword> {
    if password.chars().count() < CHARS_AT_LEAST {
        return Err(BadPassword::Short);
    }
    if password.len() > BYTES_AT_MOST {
        return Err(BadPassword::Long);
    }
    Ok(())
}

/// What is kept of a password.
pub async fn hash(password: String) -> anyhow::Result<String> {
    in_turn(move || hashed(&password)).await
}

/// Whether this is the password of which `kept` is kept. An account without one has none that fits.
pub async fn verify(password: String, kept: String) -> anyhow::Result<bool> {
    in_turn(move || {
        let nobody = kept.is_empty() || password.len() > BYTES_AT_MOST;
        let kept = if nobody { OF_NOBODY.as_str() } else { &kept };
        let parsed = PasswordHash::new(kept).map_err(|error| anyhow::anyhow!("{error}"))?;
        let fits = Argon2::default()
            .verify_password(password.as_bytes(), &parsed)
            .is_ok();
        Ok(fits && !nobody)
    })
    .await
}

/// What whoever asks is told where a password cannot be looked at at all.
pub(crate) fn broken(error: anyhow::Error) -> Problem {
    tracing::error!(%error, "a password could not be looked at");
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "The password could not be looked at",
        "The server's log says why.",
    )
}

fn hashed(password: &str) -> anyhow::Result<String> {
    let hash = Argon2::default()
        .hash_password(password.as_bytes())
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(hash.to_string())
}

async fn in_turn<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    let permit = Arc::clone(&AT_ONCE).acquire_owned().await?;
    tokio::task::spawn_blocking(move || {
        let _permit = permit;
        work()
    })
    .await?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_what_is_kept_of_it_and_nothing_else() {
        let kept = hash("correct horse battery".to_owned())
            .await
            .expect("a hash");
        assert!(
            kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{kept}"
        );
        let fits = async |password: &str, kept: &str| {
            verify(password.to_owned(), kept.to_owned())
                .await
                .expect("it can be looked at")
        };
        assert!(fits("correct horse battery", &kept).await);
        assert!(!fits("correct horse batter", &kept).await);
        assert!(!fits("", &kept).await);
        // Who has no password is let in by none, also not by that of nobody.
        assert!(!fits("of nobody", "").await);
        assert!(!fits("", "").await);
        assert_ne!(
            kept,
            hash("correct horse battery".to_owned())
                .await
                .expect("a hash")
        );
    }

    #[test]
    fn short_and_endless_passwords_are_refused() {
        assert_eq!(check("elevenchars"), Err(BadPassword::Short));
        assert_eq!(check("twelve chars"), Ok(()));
        assert_eq!(check(&"x".repeat(1_001)), Err(BadPassword::Long));
    }
}
