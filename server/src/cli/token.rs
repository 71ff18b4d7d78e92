//! `token create|list|revoke`.

use anyhow::bail;
use clap::{Args, Subcommand};
use sickbay_store::NewToken;
use uuid::Uuid;

use super::{WithConfig, parse_span, say};
use crate::identity::secret::{ENROLMENT_PREFIX, Secret};

#[derive(Debug, Args)]
pub(super) struct TokenArgs {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Make an enrolment token; it is shown once
    Create {
        #[command(flatten)]
        config: WithConfig,
        /// What it is for
        #[arg(long)]
        name: String,
        /// How long it works, for example 30d; for ever where left out
        #[arg(long, value_name = "SPAN")]
        expires: Option<String>,
        /// How many devices it may enrol; any number where left out
        #[arg(long, value_name = "COUNT")]
        uses: Option<u32>,
        /// A tag that its devices get; may be given several times
        #[arg(long = "tag", value_name = "TAG")]
        tags: Vec<String>,
        /// Approve its devices without a person. Whoever reads the token is in: for tests only
        #[arg(long)]
        approve: bool,
    },
    /// List enrolment tokens
    List {
        #[command(flatten)]
        config: WithConfig,
    },
    /// Revoke an enrolment token; its devices stay
    Revoke {
        #[command(flatten)]
        config: WithConfig,
        /// The token's id, from `token list`
        id: Uuid,
    },
}

pub(super) async fn run(args: TokenArgs) -> anyhow::Result<()> {
    match args.command {
        TokenCommand::Create {
            config,
            name,
            expires,
            uses,
            tags,
            approve,
        } => {
            let opened = config.open().await?;
            let now = opened.clock.now();
            let expires_at = expires
                .as_deref()
                .map(parse_span)
                .transpose()?
                .map(|span| now.plus_millis(span));
            let secret = Secret::new(ENROLMENT_PREFIX);
            opened
                .store
                .create_token(NewToken {
                    hash: secret.hash(),
                    name,
                    approves: approve,
                    tags,
                    expires_at,
                    use_limit: uses,
                    created_at: now,
                })
                .await?;
            say(secret.reveal());
        }
        TokenCommand::List { config } => {
            let opened = config.open().await?;
            say("ID\tNAME\tUSES\tEXPIRES\tSTATE");
            for token in opened.store.tokens().await? {
                let uses = token.use_limit.map_or_else(
                    || token.uses.to_string(),
                    |limit| format!("{}/{limit}", token.uses),
                );
                let expires = token
                    .expires_at
                    .map_or_else(|| "never".to_owned(), |t| t.to_string());
                let state = if token.revoked_at.is_some() {
                    "revoked"
                } else {
                    "valid"
                };
                say(&format!(
                    "{}\t{}\t{uses}\t{expires}\t{state}",
                    token.id,
                    plain(&token.name)
                ));
            }
        }
        TokenCommand::Revoke { config, id } => {
            let opened = config.open().await?;
            if !opened.store.revoke_token(id, opened.clock.now()).await? {
                bail!(
                    "there is no enrolment token {id} that is not revoked; `token list` shows them"
                );
            }
            say(&format!(
                "Revoked {id}. Devices that it enrolled stay; revoke those with `device revoke`."
            ));
        }
    }
    Ok(())
}

/// Text for a terminal: nothing that moves the cursor or starts a column.
pub(super) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}
