//! Every route outside the API, and how its pages are come by, in each state that looks another way.

use Answer::{Nothing, Pages};
use How::{Fill, Open};
use Who::{Administrator, Newcomer, Stranger};

/// A route.
pub(super) struct Place {
    /// Its method and path.
    pub(super) route: (&'static str, &'static str),
    /// What it answers with.
    pub(super) answer: Answer,
}

/// What a route answers with.
pub(super) enum Answer {
    /// Pages.
    Pages(&'static [State]),
    /// No page, for this reason.
    Nothing(&'static str),
}

/// A page in one of its states.
pub(super) struct State {
    /// Who looks.
    pub(super) who: Who,
    /// How one comes there.
    pub(super) how: How,
    /// What it says, so that it is not taken for another one.
    pub(super) says: &'static str,
}

/// Who looks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// Nobody that the server knows.
    Stranger,
    /// By a link of the command line, which opens everything.
    Administrator,
    /// Somebody with an account and no password yet.
    Newcomer,
}

/// How one comes to a page. Words in braces stand for what the fleet and the run have of the kind.
#[derive(Clone, Copy)]
pub(super) enum How {
    /// By its address.
    Open(&'static str),
    /// From the page at `on`, by sending forms one after the other.
    Fill {
        on: &'static str,
        forms: &'static [Form],
    },
}

/// A form that is sent: the first on the page that leads there, or has a button that does.
#[derive(Clone, Copy)]
pub(super) struct Form {
    /// Where it leads.
    pub(super) to: &'static str,
    /// What is typed and chosen. What is chosen nowhere is the button that is pressed.
    pub(super) fields: Fields,
}

/// Names and values.
type Fields = &'static [(&'static str, &'static str)];

const fn open(address: &'static str, says: &'static str) -> State {
    State {
        who: Administrator,
        how: Open(address),
        says,
    }
}

const fn fill(on: &'static str, forms: &'static [Form], says: &'static str) -> State {
    State {
        who: Administrator,
        how: Fill { on, forms },
        says,
    }
}

const fn form(to: &'static str, fields: Fields) -> Form {
    Form { to, fields }
}

const fn by(who: Who, state: State) -> State {
    State { who, ..state }
}

const fn get(path: &'static str, answer: Answer) -> Place {
    Place {
        route: ("GET", path),
        answer,
    }
}

const fn post(path: &'static str, answer: Answer) -> Place {
    Place {
        route: ("POST", path),
        answer,
    }
}

const LEADS_BACK: Answer =
    Nothing("it leads back to the page, or to the message that any page may be");

pub(super) const PLACES: &[Place] = &[
    get("/healthz", Nothing("a word for monitoring")),
    get("/favicon.ico", Nothing("a picture")),
    get("/assets/{name}", Nothing("files that pages consist of")),
    get("/events", Nothing("a stream of events")),
    get(
        "/sign-in",
        Pages(&[by(Stranger, open("/sign-in", "Sign in to see"))]),
    ),
    post(
        "/sign-in",
        Pages(&[by(
            Stranger,
            fill(
                "/sign-in",
                &[form(
                    "/sign-in",
                    &[("name", "nobody {run}"), ("password", "guessed")],
                )],
                "do not let you in",
            ),
        )]),
    ),
    get("/sign-in/openid", Nothing("it leads to the provider")),
    get(
        "/sign-in/openid/callback",
        Nothing("it leads to the first page, or asks to sign in as any page does"),
    ),
    get(
        "/sign-in/{link}",
        Pages(&[by(Stranger, open("/sign-in/used", "does not work"))]),
    ),
    get(
        "/sign-in/of-account/{link}",
        Pages(&[by(
            Stranger,
            open("/sign-in/of-account/used", "signs you in once"),
        )]),
    ),
    post(
        "/sign-in/of-account/{link}",
        Pages(&[by(
            Stranger,
            fill(
                "/sign-in/of-account/used",
                &[form("/sign-in/of-account/used", &[])],
                "does not work",
            ),
        )]),
    ),
    post(
        "/sign-out",
        Nothing("it leads to the page that asks to sign in"),
    ),
    get(
        "/",
        Pages(&[
            open("/", "Newest changes"),
            by(Stranger, open("/", "Sign in to see")),
        ]),
    ),
    get("/issues", Pages(&[open("/issues", "Safeguard hold")])),
    get(
        "/issues/{issue}",
        Pages(&[
            open("/issues/safeguard-hold", "How to fix it"),
            open("/issues/never-enrolled", "How to fix it"),
            open("/issues/install-failing", "How to fix it"),
            open("/issues/safeguard-hold?filter=name%3ANOBODY", "No device"),
            open("/issues/safeguard-hold?filter=name%3A%22", "not understood"),
            open("/issues/no-such-issue", "Not found"),
        ]),
    ),
    get(
        "/devices",
        Pages(&[
            open("/devices", "Devices"),
            open(
                "/devices?sort=-build&columns=build,tags,last_seen_at",
                "Devices",
            ),
            open("/devices?filter=name%3ANOBODY", "No device"),
            open("/devices?filter=cheese%3Ablue", "not understood"),
        ]),
    ),
    get(
        "/devices/{id}",
        Pages(&[
            open("/devices/{held}", "{held-name}"),
            open("/devices/{failing}", "{failing-name}"),
            open("/devices/{listed}", "{listed-name}"),
            open("/devices/nobody", "Not found"),
        ]),
    ),
    get(
        "/updates",
        Pages(&[
            open("/updates", "Who is where"),
            open("/updates?q=cheese", "names no update"),
        ]),
    ),
    get(
        "/updates/{kb}",
        Pages(&[
            open("/updates/{kb}", "{kb}"),
            open("/updates/KB1234567", "KB1234567"),
            open("/updates/{kb}?filter=cheese%3Ablue", "not understood"),
        ]),
    ),
    get(
        "/updates/{kb}/devices/{id}",
        Pages(&[open("/updates/{kb}/devices/{held}", "{held-name}")]),
    ),
    get(
        "/error-codes",
        Pages(&[
            open("/error-codes", "Error codes"),
            open(
                "/error-codes?q=0x8024402C",
                "WU_E_PT_WINHTTP_NAME_NOT_RESOLVED",
            ),
            open("/error-codes?q=proxy", "proxy"),
            open("/error-codes?q=qqqqqqqq", "No code is, has or mentions"),
        ]),
    ),
    get(
        "/account",
        Pages(&[
            open("/account", "which names nobody"),
            by(Newcomer, open("/account", "Choose a password")),
        ]),
    ),
    post(
        "/account/password",
        Pages(&[by(
            Newcomer,
            fill(
                "/account",
                &[form(
                    "/account/password",
                    &[
                        ("fresh", "a few words of one"),
                        ("again", "a few words of another"),
                    ],
                )],
                "not typed the same twice",
            ),
        )]),
    ),
    post("/account/sessions/end", LEADS_BACK),
    post("/account/zone", LEADS_BACK),
    get(
        "/exports",
        Pages(&[
            open("/exports?list=safeguard-hold", "Columns"),
            open("/exports?list=devices", "Columns"),
        ]),
    ),
    post(
        "/exports",
        Pages(&[
            fill(
                "/exports?list=devices",
                &[form("/exports", &[("columns", "")])],
                "Choose at least one column",
            ),
            fill(
                "/exports?list=devices",
                &[form("/exports", &[("format", "csv")])],
                "Save",
            ),
        ]),
    ),
    post("/exports/remove", LEADS_BACK),
    get(
        "/enrolment",
        Pages(&[
            open("/enrolment", "Tokens"),
            open("/enrolment?approved=2", "2 approved"),
        ]),
    ),
    post("/enrolment/approve", LEADS_BACK),
    post("/enrolment/refuse", LEADS_BACK),
    get(
        "/enrolment/ca",
        Pages(&[
            open("/enrolment/ca", "Generations"),
            open("/enrolment/ca?done=announce", "is announced"),
        ]),
    ),
    post("/enrolment/ca", LEADS_BACK),
    get(
        "/settings",
        Pages(&[open("/settings", "What is in force now")]),
    ),
    get(
        "/expectations",
        Pages(&[
            open("/expectations", "Laptops are known to Entra ID"),
            open("/expectations?done=accepted", "It counts apart"),
        ]),
    ),
    get(
        "/expectations/fleet",
        Pages(&[open(
            "/expectations/fleet",
            "Expectations of the whole fleet",
        )]),
    ),
    get(
        "/expectations/scope",
        Pages(&[
            open("/expectations/scope", "A new scope"),
            open(
                "/expectations/scope?place=0",
                "Laptops are known to Entra ID",
            ),
        ]),
    ),
    post(
        "/expectations/edit",
        Pages(&[fill(
            "/expectations/fleet",
            &[
                form("/expectations/preview", &[]),
                form("/expectations/edit", &[]),
            ],
            "Expectations of the whole fleet",
        )]),
    ),
    post(
        "/expectations/preview",
        Pages(&[
            fill(
                "/expectations/fleet",
                &[form(
                    "/expectations/preview",
                    &[("longest_quality_deferral_days", "3")],
                )],
                "would change",
            ),
            fill(
                "/expectations",
                &[form("/expectations/preview", &[("change", "remove")])],
                "is removed",
            ),
            fill(
                "/expectations/scope",
                &[form(
                    "/expectations/preview",
                    &[
                        ("name", "Kiosks"),
                        ("scope", "cheese:blue"),
                        ("longest_quality_deferral_days", "many"),
                    ],
                )],
                "cannot be as typed",
            ),
        ]),
    ),
    post("/expectations/apply", LEADS_BACK),
    post(
        "/expectations/accept",
        Pages(&[fill(
            "/issues/safeguard-hold",
            &[form(
                "/expectations/accept",
                &[("scope", "cheese:blue"), ("reason", "{run}")],
            )],
            "This was not accepted",
        )]),
    ),
    post("/expectations/end", LEADS_BACK),
    post(
        "/selection",
        Pages(&[fill(
            "/issues/safeguard-hold",
            &[form("/selection", &[("all", "yes"), ("do", "accept")])],
            "On which devices",
        )]),
    ),
    post("/inspect", LEADS_BACK),
    post(
        "/views",
        Pages(&[fill(
            "/issues/safeguard-hold?sort=-build",
            &[form("/views", &[("name", "View {run}")])],
            "How to fix it",
        )]),
    ),
    post("/views/remove", LEADS_BACK),
    get("/people", Pages(&[open("/people", "API tokens")])),
    post(
        "/people/add",
        Pages(&[
            fill(
                "/people",
                &[form("/people/add", &[("name", "Ann {run}")])],
                "Give this link to Ann",
            ),
            fill("/people", &[form("/people/add", &[("name", "")])], "name"),
        ]),
    ),
    post("/people/access", LEADS_BACK),
    post(
        "/people/link",
        Pages(&[fill(
            "/people",
            &[form("/people/link", &[])],
            "Give this link to",
        )]),
    ),
    post("/people/disable", LEADS_BACK),
    post("/people/sessions/end", LEADS_BACK),
    post(
        "/people/tokens/add",
        Pages(&[fill(
            "/people",
            &[form("/people/tokens/add", &[("name", "reports {run}")])],
            "It is shown this once",
        )]),
    ),
    post("/people/tokens/revoke", LEADS_BACK),
    get("/api", Pages(&[open("/api", "curl")])),
    get(
        "/search",
        Pages(&[
            open("/search", "Search"),
            open("/search?q={held-name}", "{held-name}"),
            open("/search?q=proxy", "proxy"),
            open("/search?q=qqqqqqqq", "qqqqqqqq"),
        ]),
    ),
    get(
        "/search/suggestions",
        Nothing("a part of a page, which the search box shows below itself"),
    ),
    get(
        "/audit",
        Pages(&[
            open("/audit", "Line"),
            open("/audit?verify=yes", "lines"),
            open("/audit?text=qqqqqqqq", "No line matches"),
        ]),
    ),
];

/// What is no route.
pub(super) const NO_ROUTE: &[State] = &[
    open("/no-such-page", "This page does not exist"),
    by(Stranger, open("/no-such-page", "Sign in to see")),
];

/// Pages of a server that no device has found yet.
pub(super) const FIRST_RUN: &[State] = &[
    open("/", "No device"),
    open("/issues", "Issues"),
    open("/issues/safeguard-hold", "No device"),
    open("/devices", "No device"),
    open("/updates", "No device has told"),
    open("/updates/KB5063878", "KB5063878"),
    open("/error-codes", "Error codes"),
    open("/exports", "None yet"),
    open("/enrolment", "No device waits"),
    open("/expectations", "No scope yet"),
    open("/people", "Nobody has an account yet"),
    open("/audit", "Line"),
    open("/settings", "What is in force now"),
];

/// Pages of a server at whose door a machine waits, while its CA is rotated.
pub(super) const AT_THE_DOOR: &[State] = &[
    open("/", "waiting for approval"),
    open("/enrolment", "Waiting for approval"),
    open("/enrolment?filter=cheese%3Ablue", "not understood"),
    open("/enrolment?filter=name%3ANOBODY", "None of those that wait"),
    open("/enrolment/ca", "One step back"),
    open("/devices/{pending}", "Let it in"),
];
