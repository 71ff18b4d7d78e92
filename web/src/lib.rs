//! What a person sees: view models, templates, assets.
//!
//! Pure rendering. Each page is a struct under [`pages`] with the values to show and `render`, which gives a whole HTML document.
//! It knows no database, no routes framework and no clock: `now` comes in [`Chrome`]. Whatever a device says is escaped by the
//! templates, and made visible by [`text`] where it would hide or reorder what stands beside it.
//!
//! Pages work without scripts. Where scripts run, a page marks the parts that may change with `data-region`; the server's stream at
//! [`links::EVENTS`] names the regions that changed (see [`region`]), and the page fetches itself again by plain GET and takes over
//! just those parts.
//!
//! The pages hold under [`CONTENT_SECURITY_POLICY`]: no inline script, no inline style, nothing from elsewhere.
//!
//! What it says stands in its templates and in `words`, in English. What it leaves out: the parsing of forms.
#![forbid(unsafe_code)]

pub mod asset;
pub mod chart;
mod chrome;
pub mod columns;
mod component;
pub mod facets;
pub mod links;
pub mod moment;
pub mod pages;
pub mod region;
pub mod table;
pub mod text;
pub mod views;
mod words;
mod zone;

pub use asset::{Asset, asset};
pub use chrome::{Chrome, Nav, SignedIn, Theme, Title};
pub use component::{Bar, FilterBox};
pub use zone::Zone;

/// The value of the `Content-Security-Policy` header under which every page works.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What a template gave. Writing into a string cannot fail and no template calls anything that does; should one ever, the person
/// still gets a page that says so, and the server stays up.
fn document(rendered: askama::Result<String>) -> String {
    rendered.unwrap_or_else(|_| {
        use words::LANGUAGE;
        use words::chrome::{NOT_PUT_TOGETHER, NOT_SHOWN, REPORT_IT};
        format!(
            "<!doctype html><html lang=\"{LANGUAGE}\"><head><meta charset=\"utf-8\"><title>{NOT_SHOWN}</title></head>\
             <body><main><h1>{NOT_PUT_TOGETHER}</h1><p>{REPORT_IT}</p></main></body></html>"
        )
    })
}
