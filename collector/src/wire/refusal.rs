//! Why a call was refused: the trailer `sickbay-error-bin`, or what the gRPC status says by itself.

use prost::Message as _;
use sickbay_proto::v1;
use sickbay_proto::v1::error_detail::Reason as Wire;

use crate::session::message::{Reason, Refusal};
use crate::session::plain;

/// Longest text of the server that is kept, in characters.
const MESSAGE_CHARS: usize = 300;

/// The refusal in `status`; `None` where it is no answer of a Sickbay server but a broken connection.
pub(super) fn read(status: &tonic::Status) -> Option<Refusal> {
    let message = plain(status.message(), MESSAGE_CHARS);
    let detail = status
        .metadata()
        .get_bin(sickbay_proto::ERROR_TRAILER)
        .and_then(|value| value.to_bytes().ok())
        .and_then(|bytes| v1::ErrorDetail::decode(bytes).ok());
    if let Some(detail) = detail {
        return Some(Refusal {
            reason: reason(detail.reason()),
            message,
            retry_after_ms: detail.retry_after_ms,
        });
    }
    // tonic itself makes this status, on either side, for a message beyond the size limit.
    (status.code() == tonic::Code::OutOfRange).then_some(Refusal {
        reason: Reason::TooLarge,
        message,
        retry_after_ms: 0,
    })
}

const fn reason(wire: Wire) -> Reason {
    match wire {
        Wire::Unspecified => Reason::Unspecified,
        Wire::TokenUnknown => Reason::TokenUnknown,
        Wire::TokenExpired => Reason::TokenExpired,
        Wire::TokenUsedUp => Reason::TokenUsedUp,
        Wire::TokenRevoked => Reason::TokenRevoked,
        Wire::BadRequest => Reason::BadRequest,
        Wire::CertificateMissing => Reason::CertificateMissing,
        Wire::DeviceUnknown => Reason::DeviceUnknown,
        Wire::DeviceRevoked => Reason::DeviceRevoked,
        Wire::DeviceRetired => Reason::DeviceRetired,
        Wire::TooLarge => Reason::TooLarge,
        Wire::RateLimited => Reason::RateLimited,
        Wire::StorageUnavailable => Reason::StorageUnavailable,
        Wire::ShuttingDown => Reason::ShuttingDown,
        Wire::Replaced => Reason::Replaced,
        Wire::CertificateEnded => Reason::CertificateEnded,
        Wire::KeyEnded => Reason::KeyEnded,
        Wire::TokenElsewhere => Reason::TokenElsewhere,
    }
}

#[cfg(test)]
mod tests {
    use tonic::metadata::{BinaryMetadataValue, MetadataMap};

    use super::*;

    fn status(trailer: &[u8]) -> tonic::Status {
        let mut metadata = MetadataMap::new();
        metadata.insert_bin(
            sickbay_proto::ERROR_TRAILER,
            BinaryMetadataValue::from_bytes(trailer),
        );
        tonic::Status::with_metadata(tonic::Code::PermissionDenied, "no", metadata)
    }

    #[test]
    fn the_reason_in_the_trailer_counts_and_not_the_status() {
        let detail = v1::ErrorDetail {
            reason: Wire::DeviceRevoked.into(),
            retry_after_ms: 7,
        };
        let refusal = read(&status(&detail.encode_to_vec())).expect("a refusal");
        assert_eq!(
            (refusal.reason, refusal.retry_after_ms),
            (Reason::DeviceRevoked, 7)
        );
        assert_eq!(refusal.message, "no");
    }

    #[test]
    fn a_reason_of_a_newer_server_is_retried_like_one_without_reason() {
        let newer = v1::ErrorDetail {
            reason: 999,
            retry_after_ms: 0,
        };
        let refusal = read(&status(&newer.encode_to_vec())).expect("a refusal");
        assert_eq!(refusal.reason, Reason::Unspecified);
    }

    #[test]
    fn words_of_the_server_are_one_line_and_command_no_terminal() {
        let detail = v1::ErrorDetail::default().encode_to_vec();
        let mut status = status(&detail);
        status = tonic::Status::with_metadata(
            status.code(),
            format!("first\nsecond\u{1b}[2J{}", "a".repeat(5000)),
            status.metadata().clone(),
        );
        let message = read(&status).expect("a refusal").message;
        assert!(message.starts_with("first second[2Jaaa"), "{message}");
        assert_eq!(message.chars().count(), MESSAGE_CHARS);
    }

    #[test]
    fn a_connection_that_broke_is_no_refusal() {
        assert_eq!(read(&tonic::Status::unavailable("transport error")), None);
    }
}
