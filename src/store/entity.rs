//! What the entity of every table has in common.

/// Writes the module `entity` of a table around its model: no table has relations or hooks.
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
