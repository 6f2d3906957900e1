//! The settings that are in force.

use super::visit::Visit;
use crate::admin::authority::ReadSettings;
use crate::domain::console_section::ConsoleSection;
use crate::pages::console::settings as pages;
use crate::web::page::Answered;

/// `GET /admin/settings`
pub(super) async fn show(visit: Visit<ReadSettings>) -> Answered {
    let shell = visit.shell(ConsoleSection::Settings);
    visit.show(&pages::show(visit.frame(), shell, &visit.shared.settings_in_force))
}
