//! What the entities of all tables have in common.

/// Declares the module `entity` of a table from its model. No table has relations or hooks.
macro_rules! entity {
    ($(#[$outer:meta])* $vis:vis mod entity { $($model:tt)* }) => {
        $(#[$outer])*
        $vis mod entity {
            use sea_orm::entity::prelude::*;

            #[derive(Clone, Debug, DeriveEntityModel)]
            $($model)*

            #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
            pub enum Relation {}

            impl ActiveModelBehavior for ActiveModel {}
        }
    };
}

pub(super) use entity;
