//! The wire between collectors and the server, `sickbay.v1`, generated from `sickbay/v1/sickbay.proto`.
//!
//! The comments of the `.proto` are the protocol's documentation. The generated types do not leave the file `wire.rs` of
//! either side, where they are converted and where the limits of [`limits`] are checked.
#![forbid(unsafe_code)]

pub mod codec;
pub mod limits;

/// Generated code of package `sickbay.v1`.
#[expect(
    missing_docs,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated; documented in the .proto"
)]
pub mod v1 {
    tonic::include_proto!("sickbay.v1");
}

/// The minor version that this build speaks, for `Hello.minor_version`.
pub const MINOR_VERSION: u32 = 1;

/// Name of the gRPC trailer that carries an encoded [`v1::ErrorDetail`].
pub const ERROR_TRAILER: &str = "sickbay-error-bin";
