//! The limits of the wire. The sender keeps to them, the receiver enforces them.

/// Largest encoded message in either direction, in bytes.
pub const MESSAGE_BYTES: usize = 1024 * 1024;
/// Largest number of readings in one observation.
pub const READINGS_PER_OBSERVATION: usize = 8192;
/// Largest number of observations in one report.
pub const OBSERVATIONS_PER_REPORT: usize = 64;
/// Longest path of a reading, in bytes. Windows allows 255 characters a key name and about 512 levels; real ones stay far below.
pub const PATH_BYTES: usize = 1024;
/// Longest name of a value, in bytes. Windows allows 16,383 characters; the names that checks read are known.
pub const NAME_BYTES: usize = 512;
/// Longest data of one reading, in bytes. Longer data is cut by the collector and marked so.
pub const DATA_BYTES: usize = 16 * 1024;
/// Longest host name, domain, OU or reason, in bytes.
pub const TEXT_BYTES: usize = 1024;
/// Largest certificate signing request, in bytes.
pub const CSR_BYTES: usize = 8 * 1024;
/// Longest device id, in bytes; it is a UUID.
pub const DEVICE_ID_BYTES: usize = 64;
/// Most certificates in a device's chain, and most CAs that a server teaches a collector to trust.
pub const CERTIFICATES: usize = 16;
/// All certificates of a chain, or all CAs to trust, together, in bytes. TLS has room for 64 KiB.
pub const CERTIFICATES_BYTES: usize = 32 * 1024;
/// Longest enrolment token, in bytes.
pub const TOKEN_BYTES: usize = 256;
/// Reports of one session that may be under way without an acknowledgement.
pub const REPORTS_IN_FLIGHT: usize = 16;
/// Length of an epoch, in bytes.
pub const EPOCH_BYTES: usize = 16;
/// Length of a digest, in bytes.
pub const DIGEST_BYTES: usize = 32;
