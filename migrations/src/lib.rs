//! The written migrations of mapae. Each file is one step; a step that was released never changes.

use sea_orm_migration::prelude::*;

mod dialect;
mod m0001_core;
mod m0002_people;
mod m0003_federation;
mod m0004_expiry;
mod m0005_consenting;
mod m0006_succession;
mod m0017_visits;
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
            Box::new(m0017_visits::STEP),
        ]
    }
}
