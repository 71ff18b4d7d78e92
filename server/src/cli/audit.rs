//! `audit verify|list|seal-anew`.

use std::sync::Arc;

use anyhow::bail;
use clap::{Args, Subcommand};
use futures::StreamExt as _;
use sickbay_store::{AuditQuery, NewAudit, Verified, action};

use super::token::plain;
use super::{WithConfig, operator, say};
use crate::api::audit::{lines, said};

#[derive(Debug, Args)]
pub(super) struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Look whether every line of the record is as it was recorded; fails where not
    Verify {
        #[command(flatten)]
        config: WithConfig,
    },
    /// Print the record, the newest line first
    List {
        #[command(flatten)]
        config: WithConfig,
        /// Only what this somebody did: part of the name
        #[arg(long, default_value = "")]
        actor: String,
        /// Only this, for example signed-in
        #[arg(long, default_value = "")]
        action: String,
        /// Only lines that hold these words
        #[arg(long, default_value = "")]
        text: String,
    },
    /// Seal the record as it stands with the audit.key that there is, because the former one was lost. What was before is not proven by it
    SealAnew {
        #[command(flatten)]
        config: WithConfig,
    },
}

/// Lines fetched at once.
const LINES: u32 = 500;

pub(super) async fn run(args: AuditArgs) -> anyhow::Result<()> {
    match args.command {
        AuditCommand::Verify { config } => {
            let opened = config.open().await?;
            match opened.store.verify_audit().await? {
                sound @ Verified::Sound { .. } => {
                    say(&said(&sound));
                    Ok(())
                }
                Verified::Broken(fault) => bail!("the record is not what was recorded: {fault}"),
            }
        }
        AuditCommand::List {
            config,
            actor,
            action: word,
            text,
        } => {
            if !word.is_empty() && !action::ALL.contains(&word.as_str()) {
                bail!("--action is one of {}", action::ALL.join(", "));
            }
            let opened = config.open().await?;
            let query = AuditQuery {
                actor,
                action: word,
                text,
                ..AuditQuery::newest(LINES)
            };
            say("LINE\tAT\tWHO\tWHAT\tTO WHAT\tDETAIL");
            let mut pages = std::pin::pin!(lines(Arc::clone(&opened.store), query));
            while let Some(page) = pages.next().await {
                for line in page? {
                    say(&format!(
                        "{}\t{}\t{}\t{}\t{}\t{}",
                        line.id,
                        line.at,
                        plain(&line.actor),
                        line.action,
                        plain(&line.subject),
                        plain(&line.detail)
                    ));
                }
            }
            Ok(())
        }
        AuditCommand::SealAnew { config } => {
            let opened = config.open().await?;
            let before = match opened.store.verify_audit().await? {
                Verified::Sound { .. } => {
                    bail!("the record is sound; there is nothing to seal anew")
                }
                Verified::Broken(fault) => fault.to_string(),
            };
            let line = NewAudit::new(
                opened.clock.now(),
                operator(),
                action::RECORD_SEALED,
                "the record",
            )
            .with(format!("before: {before}"));
            opened.store.seal_audit_anew(line).await?;
            match opened.store.verify_audit().await? {
                Verified::Sound { .. } => {
                    say("The record is sealed as it stands; a line of it says so.");
                    Ok(())
                }
                Verified::Broken(fault) => bail!(
                    "the end of the record is sealed, and it stays broken before: {fault}. What follows is proven from now on"
                ),
            }
        }
    }
}
