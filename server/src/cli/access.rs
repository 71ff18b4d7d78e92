//! `api-token create|list|revoke`, `sign-in`, `ca show`.

use anyhow::bail;
use clap::{Args, Subcommand};
use sickbay_store::NewApiToken;
use uuid::Uuid;

use super::token::plain;
use super::{WithConfig, parse_span, say};
use crate::access;
use crate::clock::Clock;
use crate::identity::ca::Ca;
use crate::identity::secret::{API_PREFIX, Secret};

#[derive(Debug, Args)]
pub(super) struct ApiTokenArgs {
    #[command(subcommand)]
    command: ApiTokenCommand,
}

#[derive(Debug, Subcommand)]
enum ApiTokenCommand {
    /// Make an API token; it is shown once
    Create {
        #[command(flatten)]
        config: WithConfig,
        /// What it is for
        #[arg(long)]
        name: String,
        /// How long it works, for example 365d; for ever where left out
        #[arg(long, value_name = "SPAN")]
        expires: Option<String>,
    },
    /// List API tokens
    List {
        #[command(flatten)]
        config: WithConfig,
    },
    /// Revoke an API token
    Revoke {
        #[command(flatten)]
        config: WithConfig,
        /// The token's id, from `api-token list`
        id: Uuid,
    },
}

pub(super) async fn api_token(args: ApiTokenArgs) -> anyhow::Result<()> {
    match args.command {
        ApiTokenCommand::Create {
            config,
            name,
            expires,
        } => {
            let opened = config.open().await?;
            let now = opened.clock.now();
            let expires_at = expires
                .as_deref()
                .map(parse_span)
                .transpose()?
                .map(|span| now.plus_millis(span));
            let secret = Secret::new(API_PREFIX);
            opened
                .store
                .create_api_token(NewApiToken {
                    hash: secret.hash(),
                    name,
                    created_at: now,
                    expires_at,
                })
                .await?;
            say(secret.reveal());
        }
        ApiTokenCommand::List { config } => {
            let opened = config.open().await?;
            say("ID\tNAME\tCREATED\tEXPIRES\tSTATE");
            for token in opened.store.api_tokens().await? {
                let expires = token
                    .expires_at
                    .map_or_else(|| "never".to_owned(), |t| t.to_string());
                let state = if token.revoked_at.is_some() {
                    "revoked"
                } else {
                    "valid"
                };
                say(&format!(
                    "{}\t{}\t{}\t{expires}\t{state}",
                    token.id,
                    plain(&token.name),
                    token.created_at
                ));
            }
        }
        ApiTokenCommand::Revoke { config, id } => {
            let opened = config.open().await?;
            if !opened
                .store
                .revoke_api_token(id, opened.clock.now())
                .await?
            {
                bail!(
                    "there is no API token {id} that is not revoked; `api-token list` shows them"
                );
            }
            say(&format!("Revoked {id}."));
        }
    }
    Ok(())
}

pub(super) async fn sign_in(config: &WithConfig) -> anyhow::Result<()> {
    let opened = config.open().await?;
    let path = access::create_link(&*opened.store, opened.clock.now()).await?;
    let web = &opened.config.web;
    say(&format!("Sign in: {}{path}", web.url(web.listen)));
    Ok(())
}

#[derive(Debug, Args)]
pub(super) struct CaArgs {
    #[command(subcommand)]
    command: CaCommand,
}

#[derive(Debug, Subcommand)]
enum CaCommand {
    /// Print the pin for the policy's ServerCaPins
    Show {
        #[command(flatten)]
        config: WithConfig,
    },
}

pub(super) fn ca(args: CaArgs) -> anyhow::Result<()> {
    let CaCommand::Show { config } = args.command;
    let config = config.load()?;
    let ca = Ca::open_or_make(&config.storage.data_dir, Clock::system().now())?;
    say(&ca.pin());
    Ok(())
}
