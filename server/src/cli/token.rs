//! `token create|list|revoke`.

use anyhow::bail;
use clap::{Args, Subcommand, ValueEnum};
use sickbay_diagnosis::filter::{Filter, Test, TextField};
use sickbay_store::{Approval, NewToken};
use uuid::Uuid;

use super::{WithConfig, operator, parse_span, say, span_text};
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
        /// How many devices it may enrol within an hour; any number where left out
        #[arg(long, value_name = "COUNT")]
        per_hour: Option<u32>,
        /// What a machine has to say of itself, as a filter over name, domain and ou, for example 'domain:corp.example.org name:PC-*'
        #[arg(long, value_name = "FILTER")]
        scope: Option<String>,
        /// Who lets its devices in: a person, or the imported list of machines where no live device holds the machine's place
        #[arg(long, value_enum, default_value = "person")]
        approval: ApprovedBy,
        /// Its devices live for a day or so: they retire by themselves when they were silent for this long, for example 12h
        #[arg(long, value_name = "SPAN")]
        ephemeral: Option<String>,
        /// A tag that its devices get; may be given several times
        #[arg(long = "tag", value_name = "TAG")]
        tags: Vec<String>,
        /// Approve its devices without anybody. Whoever reads the token is in: for tests only
        #[arg(long, conflicts_with = "approval")]
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ApprovedBy {
    Person,
    List,
}

/// The scope of a token: of what a machine says when it asks, a filter can only look at three things.
fn scope_of(text: &str) -> anyhow::Result<Filter> {
    let filter = Filter::parse(text)?;
    let foreign = filter.tests().into_iter().find(|test| {
        !matches!(
            test,
            Test::Text(TextField::Name | TextField::Domain | TextField::Ou, _)
        )
    });
    if let Some(test) = foreign {
        bail!(
            "a token's scope can ask for name, domain and ou, which a machine says when it enrols; {} is not known then",
            Filter::Is(test.clone())
        );
    }
    Ok(filter)
}

pub(super) async fn run(args: TokenArgs) -> anyhow::Result<()> {
    match args.command {
        TokenCommand::Create {
            config,
            name,
            expires,
            uses,
            per_hour,
            scope,
            approval,
            ephemeral,
            tags,
            approve,
        } => {
            let scope = scope.as_deref().map(scope_of).transpose()?;
            let ephemeral_ms = ephemeral.as_deref().map(parse_span).transpose()?;
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
                .create_token(
                    NewToken {
                        approval: match approval {
                            _ if approve => Approval::Nobody,
                            ApprovedBy::Person => Approval::Person,
                            ApprovedBy::List => Approval::List,
                        },
                        tags,
                        scope: scope.unwrap_or_default(),
                        expires_at,
                        use_limit: uses,
                        per_hour,
                        ephemeral_ms,
                        ..NewToken::new(secret.hash(), name, now)
                    },
                    &operator(),
                )
                .await?;
            say(secret.reveal());
        }
        TokenCommand::List { config } => {
            let opened = config.open().await?;
            say("ID\tNAME\tUSES\tEXPIRES\tSTATE\tAPPROVAL\tPER HOUR\tEPHEMERAL\tSCOPE");
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
                let rate = token
                    .per_hour
                    .map_or_else(|| "any".to_owned(), |most| most.to_string());
                say(&format!(
                    "{}\t{}\t{uses}\t{expires}\t{state}\t{}\t{rate}\t{}\t{}",
                    token.id,
                    plain(&token.name),
                    token.approval.name(),
                    token
                        .ephemeral_ms
                        .map_or_else(|| "no".to_owned(), span_text),
                    if token.scope.is_empty() {
                        "any machine"
                    } else {
                        &token.scope
                    },
                ));
            }
        }
        TokenCommand::Revoke { config, id } => {
            let opened = config.open().await?;
            if !opened
                .store
                .revoke_token(id, &operator(), opened.clock.now())
                .await?
            {
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

/// Text for a terminal: nothing that moves the cursor, starts a column or reorders what stands beside it.
pub(super) fn plain(text: &str) -> String {
    sickbay_web::text::line(text).into_owned()
}
