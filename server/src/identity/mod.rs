//! Who is who: the server's own CA, secrets, the TLS of both sides, enrolment.

pub mod ca;
pub mod desk;
pub mod enrolment;
pub mod secret;
pub mod story;
pub mod tls;
