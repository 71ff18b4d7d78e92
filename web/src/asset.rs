//! Style sheet, pictures and scripts, embedded under names that carry a hash of their content.
//!
//! A name never changes its content, so whoever holds it may keep it for ever; a new build has new names. The bundled script is
//! missing where the build had no npm; pages then leave it out.

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// Where the server answers for assets; the rest of the path goes to [`asset`].
pub const PREFIX: &str = "/assets/";

/// An asset as embedded by the build script.
pub(crate) struct Embedded {
    name: &'static str,
    hashed: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
}

/// A file that pages refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asset {
    /// Its name under [`PREFIX`], with the hash.
    pub name: &'static str,
    /// Its content.
    pub bytes: &'static [u8],
    /// Its media type, for the `Content-Type` header.
    pub content_type: &'static str,
    /// Whether it may be kept for ever (`Cache-Control: public, max-age=31536000, immutable`).
    pub immutable: bool,
}

impl Embedded {
    const fn asset(&self) -> Asset {
        Asset {
            name: self.hashed,
            bytes: self.bytes,
            content_type: self.content_type,
            immutable: true,
        }
    }
}

/// The asset of that hashed name, given without [`PREFIX`]; `None` for any other name, also for one of an older build.
pub fn asset(path: &str) -> Option<Asset> {
    all().find(|asset| asset.name == path)
}

/// Every asset of this build.
pub fn all() -> impl Iterator<Item = Asset> {
    ASSETS.iter().map(Embedded::asset)
}

/// What a browser that asks for `/favicon.ico` by itself may be given. Its name does not change with its content.
pub fn favicon() -> Option<Asset> {
    let embedded = ASSETS
        .iter()
        .find(|embedded| embedded.name == "favicon.svg")?;
    Some(Asset {
        immutable: false,
        ..embedded.asset()
    })
}

/// The address of the asset of that plain name; empty where this build has none.
pub(crate) fn href(name: &str) -> String {
    ASSETS
        .iter()
        .find(|embedded| embedded.name == name)
        .map(|embedded| format!("{PREFIX}{}", embedded.hashed))
        .unwrap_or_default()
}

/// The address of the bundled scripts, where the build could make them.
pub(crate) fn script() -> Option<String> {
    Some(href("sickbay.js")).filter(|address| !address.is_empty())
}
