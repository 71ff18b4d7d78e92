//! `api-token create|list|revoke`, `sign-in`, `ca show|status|rotate`.

use std::sync::Arc;

use anyhow::bail;
use clap::{Args, Subcommand, ValueEnum};
use sickbay_store::{Access, NewApiToken, Scope};
use uuid::Uuid;

use super::token::plain;
use super::{WithConfig, operator, parse_span, say};
use crate::access;
use crate::access::given::{read_access, read_name};
use crate::identity::ca::{Ca, Phase, Step, pin_of};
use crate::identity::secret::{API_PREFIX, Secret};

/// What somebody may do, as commands take it.
#[derive(Debug, Args)]
pub(super) struct May {
    /// viewer, operator or admin
    #[arg(long, default_value = "admin")]
    role: String,
    /// Only devices that match this filter; all where left out
    #[arg(long, value_name = "FILTER", default_value = "")]
    scope: String,
}

impl May {
    pub(super) fn read(&self) -> anyhow::Result<Access> {
        read_access(&self.role, &self.scope).map_err(anyhow::Error::msg)
    }
}

/// A scope as commands print it.
pub(super) fn scope_words(scope: &Scope) -> String {
    match scope.text() {
        text if text.is_empty() => "all devices".to_owned(),
        text => text,
    }
}

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
        #[command(flatten)]
        may: May,
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
            may,
        } => {
            let access = may.read()?;
            let name = read_name(&name).map_err(anyhow::Error::msg)?;
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
                    access,
                    made_by: operator(),
                    created_at: now,
                    expires_at,
                })
                .await?;
            say(secret.reveal());
        }
        ApiTokenCommand::List { config } => {
            let opened = config.open().await?;
            say("ID\tNAME\tROLE\tSCOPE\tCREATED\tLAST USED\tEXPIRES\tSTATE");
            for token in opened.store.api_tokens().await? {
                let expires = token
                    .expires_at
                    .map_or_else(|| "never".to_owned(), |t| t.to_string());
                let used = token
                    .used_at
                    .map_or_else(|| "never".to_owned(), |t| t.to_string());
                let state = if token.revoked_at.is_some() {
                    "revoked"
                } else {
                    "valid"
                };
                say(&format!(
                    "{}\t{}\t{}\t{}\t{}\t{used}\t{expires}\t{state}",
                    token.id,
                    plain(&token.name),
                    token.access.role,
                    plain(&scope_words(&token.access.scope)),
                    token.created_at
                ));
            }
        }
        ApiTokenCommand::Revoke { config, id } => {
            let opened = config.open().await?;
            if !opened
                .store
                .revoke_api_token(id, &operator(), opened.clock.now())
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
    let path = access::create_link(&*opened.store, None, &operator(), opened.clock.now()).await?;
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
    /// Print the pin for the policy's ServerCaPins; while the CA is rotated, that of both, the newer one first
    Show {
        #[command(flatten)]
        config: WithConfig,
    },
    /// Where the CA stands: its generations, and how far the devices have come with a rotation
    Status {
        #[command(flatten)]
        config: WithConfig,
    },
    /// Put another CA in the place of this one, a step at a time: announce, switch, retire. A running server follows within seconds
    Rotate {
        #[command(flatten)]
        config: WithConfig,
        /// The step
        #[arg(value_enum)]
        step: RotationStep,
        /// Retire the old CA although devices still hold its certificates; they come home by themselves
        #[arg(long)]
        force: bool,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RotationStep {
    /// Make the next CA, and have devices trust both
    Announce,
    /// Issue every certificate by the next CA
    Switch,
    /// Trust the old CA no more, and remove its key
    Retire,
    /// Undo the last step
    BackOut,
}

impl From<RotationStep> for Step {
    fn from(step: RotationStep) -> Self {
        match step {
            RotationStep::Announce => Self::Announce,
            RotationStep::Switch => Self::Switch,
            RotationStep::Retire => Self::Retire,
            RotationStep::BackOut => Self::BackOut,
        }
    }
}

pub(super) async fn ca(args: CaArgs) -> anyhow::Result<()> {
    let (CaCommand::Show { config }
    | CaCommand::Status { config }
    | CaCommand::Rotate { config, .. }) = &args.command;
    let opened = config.open_making().await?;
    let now = opened.clock.now();
    let ca = Ca::open_or_make(Arc::clone(&opened.store), &opened.keys, now).await?;
    match args.command {
        CaCommand::Show { .. } => {
            for pin in ca.in_force().pins() {
                say(&pin);
            }
            Ok(())
        }
        CaCommand::Status { .. } => status(&ca).await,
        CaCommand::Rotate { step, force, .. } => {
            ca.rotate(step.into(), &operator(), force, now).await?;
            status(&ca).await
        }
    }
}

async fn status(ca: &Ca) -> anyhow::Result<()> {
    let in_force = ca.in_force();
    say("GENERATION\tSTANDING\tSINCE\tPIN");
    for row in in_force.generations() {
        say(&format!(
            "{}\t{}\t{}\t{}",
            row.generation,
            row.standing.words(),
            row.since,
            pin_of(&row.certificate).unwrap_or_default()
        ));
    }
    let progress = ca.progress().await?;
    let devices = progress.devices;
    say("");
    say(&match in_force.phase() {
        Phase::Steady => "No rotation is under way.".to_owned(),
        Phase::Announced => format!(
            "Announced: {} of {devices} active devices trust the next CA. Put both pins into the policy's ServerCaPins, then `ca rotate switch`.",
            progress.told
        ),
        Phase::Switched => format!(
            "Switched: {} of {devices} active devices hold a certificate of the new CA. `ca rotate retire` when all do; those that are \
             switched off come home by themselves later. Then only the new pin belongs into the policy.",
            progress.moved
        ),
    });
    Ok(())
}
