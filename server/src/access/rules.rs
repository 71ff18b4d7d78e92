//! Who may call which route: one line each. A route without a line lets nobody in.

use sickbay_store::{Role, Scope};

/// What a route asks of whoever calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: it says nothing of the fleet.
    Nothing,
    /// This role, over whichever devices: the route shows and changes those of the scope alone.
    Role(Role),
    /// This role over all devices: the route is about the fleet as a whole.
    WholeFleet(Role),
}

use Needs::{Nothing, Role as Scoped, WholeFleet};
use Role::{Admin, Operator, Viewer};

/// Method, path and need of every route of the web port.
pub const RULES: &[(&str, &str, Needs)] = &[
    ("GET", "/healthz", Nothing),
    ("GET", "/favicon.ico", Nothing),
    ("GET", "/assets/{name}", Nothing),
    ("GET", "/sign-in", Nothing),
    ("POST", "/sign-in", Nothing),
    ("GET", "/sign-in/openid", Nothing),
    ("GET", "/sign-in/openid/callback", Nothing),
    ("GET", "/sign-in/{link}", Nothing),
    ("GET", "/sign-in/of-account/{link}", Nothing),
    ("POST", "/sign-in/of-account/{link}", Nothing),
    ("POST", "/sign-out", Nothing),
    ("GET", "/", Scoped(Viewer)),
    ("GET", "/issues", Scoped(Viewer)),
    ("GET", "/issues/{issue}", Scoped(Viewer)),
    ("GET", "/devices", Scoped(Viewer)),
    ("GET", "/devices/{id}", Scoped(Viewer)),
    ("GET", "/updates", Scoped(Viewer)),
    ("GET", "/updates/{kb}", Scoped(Viewer)),
    ("GET", "/updates/{kb}/devices/{id}", Scoped(Viewer)),
    ("GET", "/error-codes", Scoped(Viewer)),
    ("GET", "/api", Scoped(Viewer)),
    ("GET", "/search", Scoped(Viewer)),
    ("GET", "/search/suggestions", Scoped(Viewer)),
    ("GET", "/events", Scoped(Viewer)),
    ("GET", "/account", Scoped(Viewer)),
    ("POST", "/account/password", Scoped(Viewer)),
    ("POST", "/account/zone", Scoped(Viewer)),
    ("POST", "/account/sessions/end", Scoped(Viewer)),
    ("GET", "/exports", Scoped(Viewer)),
    ("POST", "/exports", Scoped(Viewer)),
    ("POST", "/exports/remove", Scoped(Viewer)),
    ("POST", "/selection", Scoped(Viewer)),
    ("POST", "/inspect", Scoped(Operator)),
    ("POST", "/views", Scoped(Viewer)),
    ("POST", "/views/remove", Scoped(Viewer)),
    ("GET", "/enrolment", WholeFleet(Operator)),
    ("POST", "/enrolment/approve", WholeFleet(Operator)),
    ("POST", "/enrolment/refuse", WholeFleet(Operator)),
    ("GET", "/enrolment/ca", WholeFleet(Admin)),
    ("POST", "/enrolment/ca", WholeFleet(Admin)),
    ("GET", "/settings", WholeFleet(Viewer)),
    ("GET", "/expectations", WholeFleet(Viewer)),
    ("GET", "/expectations/fleet", WholeFleet(Admin)),
    ("GET", "/expectations/scope", WholeFleet(Admin)),
    ("POST", "/expectations/edit", WholeFleet(Admin)),
    ("POST", "/expectations/preview", WholeFleet(Admin)),
    ("POST", "/expectations/apply", WholeFleet(Admin)),
    ("POST", "/expectations/accept", WholeFleet(Operator)),
    ("POST", "/expectations/end", WholeFleet(Operator)),
    ("GET", "/people", WholeFleet(Admin)),
    ("POST", "/people/add", WholeFleet(Admin)),
    ("POST", "/people/access", WholeFleet(Admin)),
    ("POST", "/people/link", WholeFleet(Admin)),
    ("POST", "/people/disable", WholeFleet(Admin)),
    ("POST", "/people/sessions/end", WholeFleet(Admin)),
    ("POST", "/people/tokens/add", WholeFleet(Admin)),
    ("POST", "/people/tokens/revoke", WholeFleet(Admin)),
    ("GET", "/audit", WholeFleet(Admin)),
    ("GET", "/api/v1/openapi.json", Scoped(Viewer)),
    ("GET", "/api/v1/search", Scoped(Viewer)),
    ("GET", "/api/v1/issues", Scoped(Viewer)),
    ("GET", "/api/v1/issues/{issue}/devices", Scoped(Viewer)),
    ("GET", "/api/v1/issues/{issue}/{file}", Scoped(Viewer)),
    ("GET", "/api/v1/days", Scoped(Viewer)),
    ("GET", "/api/v1/views", Scoped(Viewer)),
    ("POST", "/api/v1/views", Scoped(Viewer)),
    ("DELETE", "/api/v1/views/{id}", Scoped(Viewer)),
    ("GET", "/api/v1/devices", Scoped(Viewer)),
    ("GET", "/api/v1/devices/{id}", Scoped(Viewer)),
    ("POST", "/api/v1/devices/{id}/inspect", Scoped(Operator)),
    ("POST", "/api/v1/inspections", Scoped(Operator)),
    ("GET", "/api/v1/exports/devices/{file}", Scoped(Viewer)),
    ("GET", "/api/v1/exports", Scoped(Viewer)),
    ("POST", "/api/v1/exports", Scoped(Viewer)),
    ("GET", "/api/v1/exports/{id}", Scoped(Viewer)),
    ("DELETE", "/api/v1/exports/{id}", Scoped(Viewer)),
    ("GET", "/api/v1/exports/{id}/{file}", Scoped(Viewer)),
    ("GET", "/api/v1/error-codes", Scoped(Viewer)),
    ("GET", "/api/v1/error-codes/{code}", Scoped(Viewer)),
    ("GET", "/api/v1/events", Scoped(Viewer)),
    ("GET", "/api/v1/knowledge", Scoped(Viewer)),
    ("GET", "/api/v1/updates", Scoped(Viewer)),
    ("GET", "/api/v1/updates/{kb}", Scoped(Viewer)),
    ("GET", "/api/v1/updates/{kb}/devices", Scoped(Viewer)),
    ("GET", "/api/v1/updates/{kb}/devices/{id}", Scoped(Viewer)),
    ("GET", "/api/v1/updates/{kb}/{file}", Scoped(Viewer)),
    ("POST", "/api/v1/machines", WholeFleet(Admin)),
    ("GET", "/api/v1/expectations", WholeFleet(Viewer)),
    ("PUT", "/api/v1/expectations", WholeFleet(Admin)),
    ("POST", "/api/v1/expectations/preview", WholeFleet(Admin)),
    ("GET", "/api/v1/acceptances", WholeFleet(Viewer)),
    ("POST", "/api/v1/acceptances", WholeFleet(Operator)),
    ("DELETE", "/api/v1/acceptances/{id}", WholeFleet(Operator)),
    ("GET", "/api/v1/audit", WholeFleet(Admin)),
    ("GET", "/api/v1/audit/{file}", WholeFleet(Admin)),
];

/// What the route of this method and path asks; `None` where it has no line.
pub fn needs(method: &str, path: &str) -> Option<Needs> {
    // The router answers HEAD as GET.
    let method = if method == "HEAD" { "GET" } else { method };
    let line = RULES.iter().find(|line| (line.0, line.1) == (method, path));
    line.map(|(.., needs)| *needs)
}

impl Needs {
    /// Why somebody with this role and scope may not; `None` where they may.
    pub fn refuses(self, role: Role, scope: &Scope) -> Option<String> {
        match self {
            Nothing => None,
            Scoped(least) | WholeFleet(least) if role < least => Some(format!(
                "This is for the role {least}; you are {role}. An administrator can change that under People."
            )),
            WholeFleet(_) if *scope != Scope::All => {
                Some("This is about all devices, and you see those of your scope alone.".to_owned())
            }
            Scoped(_) | WholeFleet(_) => None,
        }
    }
}
