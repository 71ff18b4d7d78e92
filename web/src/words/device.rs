//! The page of a device.

/// What the identity header lists, in its order.
pub(crate) const RELEASE: &str = "Release";
pub(crate) const BUILD: &str = "Build";
pub(crate) const EDITION: &str = "Edition";
pub(crate) const ARCHITECTURE: &str = "Architecture";
pub(crate) const KIND: &str = "Kind";
pub(crate) const DOMAIN: &str = "Domain";
pub(crate) const OU: &str = "OU";
pub(crate) const SITE: &str = "Site";

/// What is said of a certificate that has ended.
pub(crate) const CERTIFICATE_ENDED: &str = "has ended: the device must recover or enrol again";
/// What is said of one that should have been renewed long since.
pub(crate) const CERTIFICATE_NEAR_ITS_END: &str = "ends soon and was not renewed";
