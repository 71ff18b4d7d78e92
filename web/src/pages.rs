//! The pages, one file each: what it shows, and `render`.

pub mod device;
pub mod devices;
pub mod enrolment;
pub mod issue;
pub mod issues;
pub mod message;
pub mod overview;
pub mod settings;
pub mod sign_in;

pub use device::DevicePage;
pub use devices::DevicesPage;
pub use enrolment::EnrolmentPage;
pub use issue::IssuePage;
pub use issues::IssuesPage;
pub use message::MessagePage;
pub use overview::OverviewPage;
pub use settings::SettingsPage;
pub use sign_in::SignInPage;
