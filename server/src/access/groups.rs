//! What the groups of a directory give: the first line of the settings that names one of somebody's groups decides.

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use sickbay_store::{Access, AccountSource};

use super::given::read_access;

/// A line of the settings: members of this group may do this.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupRole {
    /// The group: its distinguished name or its name, without regard to case; of OpenID Connect what the claim holds.
    pub group: String,
    /// `viewer`, `operator` or `admin`.
    pub role: String,
    /// A filter; empty for all devices.
    #[serde(default)]
    pub scope: String,
}

/// Lines as they count.
#[derive(Debug, Clone, Default)]
pub struct Groups(Vec<(String, Access)>);

impl Groups {
    /// From the settings.
    ///
    /// # Errors
    /// Says which line cannot be.
    pub fn read(lines: &[GroupRole]) -> anyhow::Result<Self> {
        let read = |line: &GroupRole| {
            let access = read_access(&line.role, &line.scope)
                .map_err(anyhow::Error::msg)
                .with_context(|| format!("sign_in.groups, group {:?}", line.group))?;
            anyhow::ensure!(
                !line.group.trim().is_empty(),
                "a line of sign_in.groups names no group"
            );
            Ok((line.group.trim().to_lowercase(), access))
        };
        Ok(Self(lines.iter().map(read).collect::<anyhow::Result<_>>()?))
    }

    /// What somebody may do whose source names these groups; `None` where no line names one of them. Only a directory's are distinguished
    /// names, which have a short form.
    pub fn of(&self, source: AccountSource, groups: &[String]) -> Option<&Access> {
        let has_short_form = source == AccountSource::Ldap;
        let mut lines = self.0.iter();
        let found = lines.find(|(wanted, _)| {
            groups.iter().any(|group| {
                let group = group.to_lowercase();
                group == *wanted || (has_short_form && first_name(&group) == Some(wanted.as_str()))
            })
        });
        found.map(|(_, access)| access)
    }
}

/// `admins` of `cn=admins,ou=groups,dc=example`. A name that would have to be escaped is only named whole.
fn first_name(dn: &str) -> Option<&str> {
    let (kind, rest) = dn.split_once('=')?;
    let (name, _) = rest.split_once(',')?;
    (kind == "cn" && !name.contains(['\\', '"', '+', '#'])).then_some(name)
}

#[cfg(test)]
mod tests {
    use sickbay_store::{Role, Scope};

    use super::*;

    fn line(group: &str, role: &str, scope: &str) -> GroupRole {
        GroupRole {
            group: group.to_owned(),
            role: role.to_owned(),
            scope: scope.to_owned(),
        }
    }

    #[test]
    fn the_first_line_that_names_a_group_decides() {
        let groups = Groups::read(&[
            line("CN=Admins,OU=Groups,DC=corp", "admin", ""),
            line("helpdesk", "operator", "tag:berlin"),
            line("everyone", "viewer", ""),
        ])
        .expect("lines");
        let role = |of: &[&str]| {
            let of: Vec<String> = of.iter().map(|group| (*group).to_owned()).collect();
            groups
                .of(AccountSource::Ldap, &of)
                .map(|access| (access.role, access.scope == Scope::All))
        };
        assert_eq!(
            role(&["cn=admins,ou=groups,dc=corp", "everyone"]),
            Some((Role::Admin, true))
        );
        // Of the same name elsewhere in the tree: another group.
        assert_eq!(role(&["cn=admins,ou=others,dc=corp"]), None);
        assert_eq!(
            role(&["everyone", "CN=Helpdesk,OU=Groups,DC=corp"]),
            Some((Role::Operator, false))
        );
        assert_eq!(role(&["HELPDESK"]), Some((Role::Operator, false)));
        assert_eq!(
            role(&["helpdesks", "ou=helpdesk,dc=corp", "cn=help\\,desk,dc=corp"]),
            None
        );
        assert_eq!(role(&[]), None);
        // What a provider says is no distinguished name, whatever it looks like.
        let said = ["CN=helpdesk,OU=mine".to_owned()];
        assert_eq!(groups.of(AccountSource::OpenId, &said), None);
    }

    #[test]
    fn a_line_that_cannot_be_says_which_it_is() {
        for (bad, why) in [
            (line("a", "king", ""), "is no role"),
            (line("a", "viewer", "issue:silent"), "cannot ask for"),
            (line(" ", "viewer", ""), "names no group"),
        ] {
            let said = format!("{:#}", Groups::read(&[bad]).expect_err("bad"));
            assert!(said.contains(why), "{said}");
        }
    }
}
