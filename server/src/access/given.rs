//! Roles, scopes and names as forms, commands and settings say them.

use sickbay_diagnosis::expectation::DeviceScope;
use sickbay_store::{Access, Role, Scope};

/// Longest name of an account or token, in characters.
const NAME_CHARS: usize = 100;

/// Role and scope as a form or a command says them.
pub(crate) fn read_access(role: &str, scope: &str) -> Result<Access, String> {
    let role = Role::named(role.trim()).ok_or_else(|| {
        format!(
            "{role:?} is no role: one of {}",
            Role::ALL.map(Role::name).join(", ")
        )
    })?;
    let scope = match scope.trim() {
        "" => Scope::All,
        text => {
            let scope = DeviceScope::parse(text).map_err(|why| format!("The scope: {why}"))?;
            Scope::Matching(scope.filter().clone())
        }
    };
    Ok(Access { role, scope })
}

/// The name of an account or token as a form or a command says it.
pub(crate) fn read_name(name: &str) -> Result<String, String> {
    let name = name.trim();
    let is_fit = !name.is_empty()
        && name.chars().count() <= NAME_CHARS
        && !name.chars().any(char::is_control);
    is_fit.then(|| name.to_owned()).ok_or_else(|| {
        format!("A name has 1 to {NAME_CHARS} characters, none of them a control character.")
    })
}
