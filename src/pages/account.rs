//! My account: a small site. Every page has the same shell: whose account it is, the links to the
//! other pages, and what the person has just done. A page is a list of sections, and each section
//! is a struct with a template of its own.

mod activity;
mod address;
mod apps;
mod data;
mod deletion;
mod devices;
mod notice;
mod one_time_codes;
mod passkeys;
mod password;
mod profile;
mod providers;
mod samples;
mod security;
mod shell;

pub use activity::{ActivityEntry, ActivityPage};
pub use address::{AddressProblem, AddressSection};
pub use apps::{ActsForYou, AppAccess, AppsPage, StoppedActor};
pub use data::DataPage;
pub use deletion::{DeleteAccountPage, DeletionPlannedPage};
pub use devices::{Device, DevicesPage};
pub use notice::AccountNotice;
pub use one_time_codes::OneTimeCodes;
pub use passkeys::{PasskeyProblem, PasskeysSection, ShownPasskey};
pub use password::{PasswordForm, PasswordProblem, PasswordSection};
pub use profile::{AttributeInput, ProfileInput, ProfilePage};
pub use providers::ProvidersSection;
pub use security::SecurityPage;
pub use shell::Shell;
