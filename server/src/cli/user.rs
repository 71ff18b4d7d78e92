//! `user add|list|set-role|link|disable|enable`.

use anyhow::{bail, ensure};
use clap::{Args, Subcommand};
use sickbay_store::{AccountMade, AccountRow, AccountSource};

use super::access::{May, scope_words};
use super::token::plain;
use super::{Opened, WithConfig, operator, say};
use crate::access;
use crate::access::given::read_name;

#[derive(Debug, Args)]
pub(super) struct UserArgs {
    #[command(subcommand)]
    command: UserCommand,
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Make a local account; prints the link by which its owner chooses a password
    Add {
        #[command(flatten)]
        config: WithConfig,
        /// Name to sign in with
        name: String,
        #[command(flatten)]
        may: May,
    },
    /// List accounts
    List {
        #[command(flatten)]
        config: WithConfig,
    },
    /// Say what a local account may do
    SetRole {
        #[command(flatten)]
        config: WithConfig,
        /// The account's name
        name: String,
        #[command(flatten)]
        may: May,
    },
    /// Print a one-time link by which the owner of a local account chooses a new password; the one until now ends
    Link {
        #[command(flatten)]
        config: WithConfig,
        /// The account's name
        name: String,
    },
    /// Shut an account out; its sessions end
    Disable {
        #[command(flatten)]
        config: WithConfig,
        /// The account's name, or its id
        name: String,
    },
    /// Let an account in again
    Enable {
        #[command(flatten)]
        config: WithConfig,
        /// The account's name, or its id
        name: String,
    },
}

pub(super) async fn run(args: UserArgs) -> anyhow::Result<()> {
    match args.command {
        UserCommand::Add { config, name, may } => {
            let name = read_name(&name).map_err(anyhow::Error::msg)?;
            let access = may.read()?;
            let opened = config.open().await?;
            let (by, now) = (operator(), opened.clock.now());
            match opened
                .store
                .create_account(&name, &access, &by, now)
                .await?
            {
                AccountMade::Made(account) => link(&opened, &account).await,
                AccountMade::NameTaken => bail!("there is an account {name:?} already"),
            }
        }
        UserCommand::List { config } => list(&config.open().await?).await,
        UserCommand::SetRole { config, name, may } => {
            let access = may.read()?;
            let opened = config.open().await?;
            let account = local(&opened, &name).await?;
            let (by, now) = (operator(), opened.clock.now());
            opened
                .store
                .set_access(account.id, &access, &by, now)
                .await?;
            say(&format!(
                "{} is {} of {} from the next click on.",
                plain(&account.name),
                access.role,
                plain(&scope_words(&access.scope))
            ));
            Ok(())
        }
        UserCommand::Link { config, name } => {
            let opened = config.open().await?;
            let account = local(&opened, &name).await?;
            ensure!(
                account.disabled_at.is_none(),
                "{} is shut out: `user enable` lets them in again",
                account.name
            );
            link(&opened, &account).await
        }
        UserCommand::Disable { config, name } => disable(&config.open().await?, &name, true).await,
        UserCommand::Enable { config, name } => disable(&config.open().await?, &name, false).await,
    }
}

async fn link(opened: &Opened, account: &AccountRow) -> anyhow::Result<()> {
    let (by, now) = (operator(), opened.clock.now());
    let path = access::new_password_link(&*opened.store, account, &by, now).await?;
    let web = &opened.config.web;
    say(&format!("Sign in: {}{path}", web.url(web.listen)));
    Ok(())
}

async fn list(opened: &Opened) -> anyhow::Result<()> {
    say("ID\tNAME\tSOURCE\tROLE\tSCOPE\tLAST SIGNED IN\tSTATE");
    for account in opened.store.accounts().await? {
        let (role, scope) = match &account.access {
            None => ("none", String::new()),
            Some(access) => (access.role.name(), scope_words(&access.scope)),
        };
        let signed_in = account
            .signed_in_at
            .map_or_else(|| "never".to_owned(), |at| at.to_string());
        let state = match (account.disabled_at, account.source) {
            (Some(_), _) => "disabled",
            (None, AccountSource::Local) if account.password.is_empty() => "no password yet",
            (None, _) => "active",
        };
        say(&format!(
            "{}\t{}\t{}\t{role}\t{}\t{signed_in}\t{state}",
            account.id,
            plain(&account.name),
            account.source.name(),
            plain(&scope)
        ));
    }
    Ok(())
}

async fn local(opened: &Opened, name: &str) -> anyhow::Result<AccountRow> {
    let found = opened
        .store
        .account_of(AccountSource::Local, &name.trim().to_lowercase())
        .await?;
    found.ok_or_else(|| {
        anyhow::anyhow!("there is no local account {name:?}; `user list` shows all accounts")
    })
}

async fn disable(opened: &Opened, name: &str, disabled: bool) -> anyhow::Result<()> {
    let all = opened.store.accounts().await?;
    let mut found = all.iter().filter(|account| {
        account.name.eq_ignore_ascii_case(name.trim()) || account.id.to_string() == name.trim()
    });
    let (Some(account), None) = (found.next(), found.next()) else {
        bail!("{name:?} names no account, or several; `user list` shows their ids");
    };
    let (by, now) = (operator(), opened.clock.now());
    opened
        .store
        .set_disabled(account.id, disabled, &by, now)
        .await?;
    let state = if disabled {
        "is shut out"
    } else {
        "may sign in again"
    };
    say(&format!("{} {state}.", plain(&account.name)));
    Ok(())
}
