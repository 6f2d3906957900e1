//! The migrations of mapae. Each file is one step. A step that was released never changes.

use sea_orm_migration::prelude::*;

mod dialect;
mod m0001_core;
mod m0002_people;
mod m0003_federation;
mod m0004_expiry;
mod m0005_consenting;
mod m0006_succession;
mod m0010_readiness;
mod m0011_endings;
mod m0012_proving;
mod m0013_allowed_resources;
mod m0015_apps;
mod m0017_visits;
mod m0018_unproven;
mod m0019_client_metadata;
mod m0021_upstream_login;
mod m0022_carried_logins;
mod m0023_outbox;
mod m0025_mail_secrets;
mod m0026_sign_ins;
mod m0027_strength;
mod m0028_passkeys;
mod m0029_terms;
mod m0030_my_account;
mod m0034_endings_by_person;
mod m0038_leaders;
mod m0039_rate_limits;
mod m0040_status_lists;
mod m0041_revocations;
mod m0043_key_fetchers;
mod m0044_administration;
mod m0045_moving_in;
mod m0047_groups;
mod m0048_secrets_and_scopes;
mod m0050_repeated_creations;
mod m0051_lists;
mod m0052_client_search;
mod m0053_audit_filters;
mod m0054_webhooks;
mod m0055_scim;
mod m0058_console;
mod m0060_resources;
mod m0061_editable_attributes;
mod m0062_provider_groups;
mod m0063_refreshes_by_day;
mod m0066_pushed_requests;
mod m0067_device_grants;
mod m0069_bound_tokens;
mod m0070_bound_to_certificates;
mod m0073_registration;
mod m0074_documents;
mod m0076_delegation;
mod m0079_registration_tokens;
mod m0081_strangers;
mod m0082_changes_of_apps;
mod m0083_opened_by;
mod m0084_webhook_attempts;
mod m0085_bound_after;
mod step;

/// Every migration, oldest first.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_core::STEP),
            Box::new(m0002_people::STEP),
            Box::new(m0003_federation::STEP),
            Box::new(m0004_expiry::STEP),
            Box::new(m0005_consenting::STEP),
            Box::new(m0006_succession::STEP),
            Box::new(m0010_readiness::STEP),
            Box::new(m0011_endings::STEP),
            Box::new(m0012_proving::STEP),
            Box::new(m0013_allowed_resources::STEP),
            Box::new(m0015_apps::STEP),
            Box::new(m0017_visits::STEP),
            Box::new(m0018_unproven::STEP),
            Box::new(m0019_client_metadata::STEP),
            Box::new(m0021_upstream_login::STEP),
            Box::new(m0022_carried_logins::STEP),
            Box::new(m0023_outbox::STEP),
            Box::new(m0025_mail_secrets::STEP),
            Box::new(m0027_strength::STEP),
            Box::new(m0028_passkeys::STEP),
            Box::new(m0026_sign_ins::STEP),
            Box::new(m0029_terms::STEP),
            Box::new(m0030_my_account::STEP),
            Box::new(m0034_endings_by_person::STEP),
            Box::new(m0038_leaders::STEP),
            Box::new(m0039_rate_limits::STEP),
            Box::new(m0040_status_lists::STEP),
            Box::new(m0041_revocations::STEP),
            Box::new(m0043_key_fetchers::STEP),
            Box::new(m0044_administration::STEP),
            Box::new(m0045_moving_in::STEP),
            Box::new(m0047_groups::STEP),
            Box::new(m0048_secrets_and_scopes::STEP),
            Box::new(m0050_repeated_creations::STEP),
            Box::new(m0051_lists::STEP),
            Box::new(m0052_client_search::STEP),
            Box::new(m0053_audit_filters::STEP),
            Box::new(m0054_webhooks::STEP),
            Box::new(m0055_scim::STEP),
            Box::new(m0058_console::STEP),
            Box::new(m0060_resources::STEP),
            Box::new(m0061_editable_attributes::STEP),
            Box::new(m0062_provider_groups::STEP),
            Box::new(m0063_refreshes_by_day::STEP),
            Box::new(m0066_pushed_requests::STEP),
            Box::new(m0067_device_grants::STEP),
            Box::new(m0069_bound_tokens::STEP),
            Box::new(m0070_bound_to_certificates::STEP),
            Box::new(m0073_registration::STEP),
            Box::new(m0074_documents::STEP),
            Box::new(m0076_delegation::STEP),
            Box::new(m0079_registration_tokens::STEP),
            Box::new(m0081_strangers::STEP),
            Box::new(m0082_changes_of_apps::STEP),
            Box::new(m0083_opened_by::STEP),
            Box::new(m0084_webhook_attempts::STEP),
            Box::new(m0085_bound_after::STEP),
        ]
    }
}
