//! The pages, one file each: what it shows, and `render`.

pub mod accept;
pub mod ca;
pub mod device;
pub mod devices;
pub mod enrolment;
pub mod error_codes;
pub mod expectations;
pub mod expectations_form;
pub mod expectations_preview;
pub mod issue;
pub mod issues;
pub mod message;
pub mod overview;
pub mod settings;
pub mod sign_in;
pub mod update;
pub mod update_on;
pub mod updates;

pub use accept::AcceptPage;
pub use device::DevicePage;
pub use devices::DevicesPage;
pub use enrolment::EnrolmentPage;
pub use error_codes::ErrorCodesPage;
pub use expectations::ExpectationsPage;
pub use expectations_form::ExpectationsFormPage;
pub use expectations_preview::ExpectationsPreviewPage;
pub use issue::IssuePage;
pub use issues::IssuesPage;
pub use message::MessagePage;
pub use overview::OverviewPage;
pub use settings::SettingsPage;
pub use sign_in::SignInPage;
pub use update::UpdatePage;
pub use update_on::UpdateOnPage;
pub use updates::UpdatesPage;
